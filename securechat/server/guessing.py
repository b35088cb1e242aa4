"""Every check of a password comes through here: counted before it is made, refused unchecked above the limits.

A guess is given back when it was right, or was not looked at after all; a wrong one is stored.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import partial

from securechat.auth import throttle
from securechat.server import known_addresses
from securechat.server.job import Done
from securechat.server.services import PASSWORDS, PoolFull
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.errors import StoreError
from securechat.store.rows import LoginFailed

TOO_MANY = "too many attempts to log in"
UNREADABLE = "the database cannot be read"
PERIOD = 60.0  # seconds between two looks at what counts no longer

log = logging.getLogger(__name__)


class TooManyGuesses(PoolFull):
    """The password is not looked at before so many seconds have passed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def check(turn: Turn, session: Session, name: str, work: Callable[[], object], done: Done) -> None:
    """Have a worker check a password of the account `name`; `done` gets its result: None for a wrong one, or an error.

    People from networks that are known are served first, or a crowd of guessers would keep them waiting.
    """
    guess = LoginFailed(turn.milliseconds, throttle.key_of(name), session.network)
    known = known_addresses.is_known(turn.directory, guess.network, guess.time)
    if session.exempt:
        return turn.wait(PASSWORDS, session, work, done, first=known)
    own = known_addresses.is_own(turn.directory.person(name), guess.network, guess.time)
    delay = turn.throttle.delay(guess, own=own, known=known)
    if delay:
        return done(turn, session, TooManyGuesses(math.ceil(delay / 1000)))
    _count(turn, guess)
    return turn.wait(PASSWORDS, session, work, done, first=known, settle=partial(_settle, guess=guess))


def refuse(turn: Turn, session: Session, command: str, error: Exception) -> str:
    """Answer that nothing was looked at; gives the reason for the audit. Any other error is raised.

    The same whether the account, the address or the server has too much to do; and whatever the account is.
    """
    if isinstance(error, StoreError):
        log.warning("nobody can be checked for %s: %s", command, error)
        turn.fail(session, command, "TEMPORARILY_UNAVAILABLE", "this cannot be checked now; try again in a few seconds")
        return UNREADABLE
    if not isinstance(error, PoolFull):
        raise error
    turn.fail(session, command, "TRY_LATER", str(error.seconds), f"{TOO_MANY}; try again in {error.seconds} s")
    return TOO_MANY


def forget_old(turn: Turn) -> None:
    """From time to time, so that it is not remembered for ever who guessed once."""
    guesses = turn.throttle
    if abs(turn.now - guesses.looked) < PERIOD:
        return
    turn.set(guesses, "looked", turn.now)
    for table, window in (("accounts", guesses.by_account), ("networks", guesses.by_network)):
        for key, times in list(getattr(guesses, table).items()):
            if not window.recent(times, turn.milliseconds):
                turn.drop(guesses, table, key)


def _settle(turn: Turn, result: object, *, guess: LoginFailed) -> None:
    """Whatever became of the session meanwhile."""
    if result is None:
        turn.note(guess)
    else:
        _give_back(turn, guess)


def _count(turn: Turn, guess: LoginFailed) -> None:
    guesses = turn.throttle
    of_account = guesses.by_account.recent(guesses.accounts.get(guess.account, ()), guess.time)
    of_network = guesses.by_network.recent(guesses.networks.get(guess.network, ()), guess.time)
    turn.put(guesses, "accounts", guess.account, (*of_account, guess.time))
    turn.put(guesses, "networks", guess.network, (*of_network, guess.time))


def _give_back(turn: Turn, guess: LoginFailed) -> None:
    for table, key in (("accounts", guess.account), ("networks", guess.network)):
        times = list(getattr(turn.throttle, table).get(key, ()))
        if guess.time in times:  # or it counts no longer
            times.remove(guess.time)
        if times:
            turn.put(turn.throttle, table, key, tuple(times))
        else:
            turn.drop(turn.throttle, table, key)
