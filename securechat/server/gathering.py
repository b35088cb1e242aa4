"""Group commit: while many people talk, a turn waits a moment for what the next of them says.

A turn costs as much CPU as several messages do, most of it for its commit. Who talks alone, and few who wait for each
other's words, are not held up.
"""

from __future__ import annotations

from collections.abc import Iterable

from securechat.server.session import Session

SPAN = 0.05  # seconds over which talkers are counted
MANY = 8  # talkers in a span from which on it pays, and messages that are enough for a turn
PAUSE = 0.010  # seconds at most from the beginning of one turn to that of the next


class Gathering:
    """Owned by the loop; `now` is monotonic."""

    def __init__(self) -> None:
        self.until = 0.0
        self._talkers: set[Session] = set()
        self._span_began = 0.0
        self._many = False

    def over(self, now: float, waiting: int) -> bool:
        """Whether a turn may begin with as many items as are waiting."""
        return now >= self.until or waiting >= MANY

    def begun(self, now: float, talkers: Iterable[Session]) -> None:
        """A turn that stores something has begun, with what these said."""
        passed = now - self._span_began
        if passed > SPAN:
            self._many = len(self._talkers) >= MANY and passed < 2 * SPAN
            self._talkers.clear()
            self._span_began = now
        self._talkers.update(talkers)
        self.until = now + PAUSE if self._many else 0.0
