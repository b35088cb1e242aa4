"""One attempt at a trusted connection, in a thread of its own: a look-up of a name cannot be interrupted."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

TIMEOUT = 60.0  # of a whole attempt; connecting and the handshake have shorter ones of their own

Connect = Callable[[], ssl.SSLSocket]


class Dial:
    """`outcome` is there once `done` was called, which happens in the attempt's thread.

    `_lock` guards `outcome` and `_abandoned`; nothing is called while it is held.
    """

    def __init__(self, connect: Connect, done: Callable[[], None]) -> None:
        self.outcome: ssl.SSLSocket | Exception | None = None
        self._connect = connect
        self._done = done
        self._lock = threading.Lock()
        self._abandoned = False
        threading.Thread(target=self._run, name="dial", daemon=True).start()

    def abandon(self) -> None:
        """Nobody waits for it any more; a connection that is made nevertheless is closed."""
        with self._lock:
            self._abandoned = True
            outcome, self.outcome = self.outcome, None
        _close(outcome)

    def take(self) -> ssl.SSLSocket | Exception | None:
        """The outcome, which is the caller's from now on."""
        with self._lock:
            outcome, self.outcome = self.outcome, None
            return outcome

    def _run(self) -> None:
        outcome: ssl.SSLSocket | Exception
        try:
            outcome = self._connect()
        except Exception as error:  # the top of the thread; the owner says what becomes of it
            outcome = error
        with self._lock:
            abandoned = self._abandoned
            if not abandoned:
                self.outcome = outcome
        if abandoned:
            _close(outcome)
        else:
            self._done()


def _close(outcome: ssl.SSLSocket | Exception | None) -> None:
    if isinstance(outcome, ssl.SSLSocket):
        outcome.close()
