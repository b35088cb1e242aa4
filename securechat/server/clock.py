"""The loop's clock, and the one of its peers' deadlines."""

from __future__ import annotations

import time


class Clock:
    """Owned by the loop, which reads the system's once in each pass."""

    __slots__ = ("now", "stalled")

    def __init__(self) -> None:
        self.now = time.monotonic()
        self.stalled = 0.0  # seconds in which all peers waited for us

    def read(self) -> None:
        self.now = time.monotonic()

    @property
    def patient(self) -> float:
        """The clock of the peers' deadlines: it stands while all wait for us."""
        return self.now - self.stalled

    def stood(self, seconds: float) -> None:
        """All of them have waited for us so long."""
        self.stalled += seconds
