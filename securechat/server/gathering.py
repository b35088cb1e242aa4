"""Group commit: while many people talk or come in, a turn waits a moment for what the next of them says.

A turn costs as much CPU as several messages do, most of it for its commit. Who talks alone, and few who wait for each
other's words, are not held up.
"""

from __future__ import annotations

from collections.abc import Iterable

from securechat.server.session import Session

SPAN = 0.05  # seconds over which those who have turns are counted
MANY = 8  # of them in a span from which on it pays, and items that are enough for a turn
PAUSE = 0.010  # seconds at most from the beginning of one turn to that of the next


class Gathering:
    """Owned by the loop; `now` is monotonic."""

    def __init__(self) -> None:
        self.until = 0.0
        self._served: set[Session] = set()
        self._span_began = 0.0
        self._many = False

    def over(self, now: float, waiting: int) -> bool:
        """Whether a turn may begin with as many items as are waiting."""
        return now >= self.until or waiting >= MANY

    def begun(self, now: float, served: Iterable[Session]) -> None:
        """A turn that stores something has begun, with what these said or waited for."""
        passed = now - self._span_began
        if passed > SPAN:
            self._many = len(self._served) >= MANY and passed < 2 * SPAN
            self._served.clear()
            self._span_began = now
        self._served.update(served)
        self.until = now + PAUSE if self._many else 0.0
