"""Making a lost link anew: when to try, what may be tried again, and when to give up. Runs in the client's thread."""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Callable

from securechat.client import backoff, dial
from securechat.client.dial import Connect, Dial
from securechat.client.events import Disconnected
from securechat.client.reach import NotTLS, Unreachable
from securechat.errors import SecurechatError

log = logging.getLogger(__name__)

Link = ssl.SSLSocket | Disconnected  # the next link, or that there will be none
Delay = Callable[[int, float], float]
Idle = Callable[[float, Callable[[], bool]], None]


class Redial:
    """`idle(moment, reached)` waits until then, or until there is a reason to look up; `wake` ends it from any thread.

    `patience`: after so many seconds without a link none is tried for any more; None is never.
    """

    def __init__(
        self, connect: Connect, idle: Idle, wake: Callable[[], None], patience: float | None, delay: Delay
    ) -> None:
        self.patience = patience
        self._connect = connect
        self._idle = idle
        self._wake = wake
        self._delay = delay
        self._lost_at: float | None = None  # when this outage began
        self._entered_at: float | None = None  # on the link that there is or was last
        self._failures = 0

    @property
    def give_up_at(self) -> float:
        return float("inf") if self.patience is None or self._lost_at is None else self._lost_at + self.patience

    def entered(self) -> None:
        """A link has come so far that lines are told: the outage is over."""
        self._lost_at, self._entered_at = None, time.monotonic()

    def lost(self) -> bool:
        """A link is gone; whether an outage begins with that."""
        now = time.monotonic()
        held = now - self._entered_at if self._entered_at is not None else 0.0
        self._failures = 0 if held >= backoff.HELD_LONG_ENOUGH else self._failures + 1
        begins, self._entered_at = self._lost_at is None, None
        self._lost_at = now if begins else self._lost_at
        return begins

    def next_link(self, reason: str, end: Callable[[], Disconnected | None], wait: float = 0.0) -> Link:
        """Try until there is one, or until `end` or the patience says that there shall be none.

        `wait`: so many seconds the server asked us to stay away.
        """
        while True:
            delay = wait + self._delay(self._failures, random.random())  # noqa: S311 - it only spreads
            self._idle(time.monotonic() + delay, lambda: False)
            wait = 0.0
            if link := end() or self._too_long(reason) or self._dial():
                return link
            self._failures += 1

    def _too_long(self, reason: str) -> Disconnected | None:
        return Disconnected(reason) if time.monotonic() >= self.give_up_at else None

    def _dial(self) -> Link | None:
        """One attempt; a failure that may pass is None, one that lasts ends all."""
        attempt = Dial(self._connect, self._wake)
        self._idle(time.monotonic() + dial.TIMEOUT, lambda: attempt.outcome is not None)
        outcome = attempt.take()
        if outcome is None:
            attempt.abandon()
            return None
        if isinstance(outcome, ssl.SSLSocket):
            return outcome
        log.info("no new connection: %s", outcome)
        if isinstance(outcome, Unreachable | NotTLS):
            return None
        if isinstance(outcome, SecurechatError):
            return Disconnected(str(outcome), failure=outcome)
        raise outcome
