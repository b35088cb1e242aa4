"""How many guesses at passwords are checked: so many for each account and from each network, in sliding windows.

Names that no account has are counted like those of accounts, so a refusal tells nothing about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from securechat.config import Limits
from securechat.protocol.names import fold, is_account_name
from securechat.store.login_failures import COUNTED_MS
from securechat.store.rows import LoginFailed

ACCOUNT_MS = COUNTED_MS
NETWORK_MS = 10 * 60 * 1000
KEY_LENGTH = 8
KEPT = 5  # the fifth part of an allowance is kept for those who are known

Times = tuple[int, ...]  # when guesses were counted, in milliseconds since the epoch


class Window(NamedTuple):
    """At most `limit` guesses in any `span` milliseconds."""

    limit: int
    span: int

    def recent(self, times: Times, now: int) -> Times:
        """Those that still count; none of a time that a clock set back has made the future."""
        return tuple(time for time in times if 0 <= now - time < self.span)

    def delay(self, times: Times, now: int, *, known: bool) -> int:
        """Milliseconds until there is room for another one."""
        allowance = self.limit if known else self.limit - self.limit // KEPT
        recent = sorted(self.recent(times, now))
        return 0 if len(recent) < allowance else recent[-allowance] + self.span - now


class Throttle:
    """State of the core; changed through the turn only. `failures` are those of an earlier run."""

    __slots__ = ("accounts", "by_account", "by_network", "looked", "networks")

    def __init__(self, limits: Limits, failures: Iterable[LoginFailed] = ()) -> None:
        self.by_account = Window(limits.guesses_per_account, ACCOUNT_MS)
        self.by_network = Window(limits.guesses_per_address, NETWORK_MS)
        self.accounts: dict[str, Times] = {}  # by the key of the name
        self.networks: dict[str, Times] = {}
        self.looked = 0.0  # when what counts no longer was looked for last
        for failure in failures:
            self.accounts[failure.account] = (*self.accounts.get(failure.account, ()), failure.time)
            self.networks[failure.network] = (*self.networks.get(failure.network, ()), failure.time)

    def changed(self, name: str) -> None:
        """Nothing is derived from these tables."""

    def delay(self, guess: LoginFailed, *, own: bool, known: bool) -> int:
        """Milliseconds until the guess may be checked.

        `own`: the account logged in from this network of late, so others cannot lock it out from there. `known`:
        anybody did; were it the account alone, who shares a network with members could find out their names by it.
        """
        return max(
            self.by_account.delay(self.accounts.get(guess.account, ()), guess.time, known=own),
            self.by_network.delay(self.networks.get(guess.network, ()), guess.time, known=known),
        )


def key_of(name: str) -> str:
    """By what guesses at an account of this name are counted; all that cannot be a name are one.

    People type their password in the name's place, and this is stored: it is too short to tell anyone what it was of.
    """
    return hashlib.sha256(fold(name).encode()).hexdigest()[:KEY_LENGTH] if is_account_name(name) else ""
