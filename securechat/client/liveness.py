"""Whether the server is still there: it is asked after a silence, and given up when it lets us wait too long.

`now` is monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from securechat.protocol.message import ProtocolError

PING_AFTER = 120.0
GIVE_UP_AFTER = 60.0  # of silence after our PING
LOGIN_TIMEOUT = 120.0  # from the first line to the end of the burst; a server checks one password after the other


class Silent(ProtocolError):
    """The server says nothing any more."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no answer from the server for {seconds:.0f} s")


class Liveness:
    def __init__(self, ping: Callable[[], None]) -> None:
        self._ping = ping
        self._heard_at = 0.0
        self._pinged_at: float | None = None
        self._ready_by: float | None = None

    def start(self, now: float) -> None:
        self.heard(now)
        self._ready_by = now + LOGIN_TIMEOUT

    def ready(self) -> None:
        """The login is done."""
        self._ready_by = None

    def heard(self, now: float) -> None:
        """Something came, or the silence is ours: we do not read at the moment."""
        self._heard_at = now
        self._pinged_at = None

    def tick(self, now: float) -> None:
        """Raises ProtocolError when it is time to go."""
        if self._ready_by is not None and now >= self._ready_by:
            raise ProtocolError(f"the login was not done within {LOGIN_TIMEOUT:.0f} s")
        if self._pinged_at is not None and now >= self._pinged_at + GIVE_UP_AFTER:
            raise Silent(now - self._heard_at)
        if self._pinged_at is None and now >= self._heard_at + PING_AFTER:
            self._pinged_at = now
            self._ping()

    @property
    def deadline(self) -> float:
        """When `tick` must be called at the latest."""
        silence = self._heard_at + PING_AFTER if self._pinged_at is None else self._pinged_at + GIVE_UP_AFTER
        return silence if self._ready_by is None else min(silence, self._ready_by)
