"""When each connection is to be looked at next, so that nobody who is silent costs anything until then."""

from __future__ import annotations

import heapq

from securechat.server.connection import Connection

GRAIN = 0.05  # seconds; whoever is due within one is looked at together


class Calendar:
    """Owned by the loop; its moments are of the loop's clock. Keeps one moment for a connection, the last one given.

    Source: the calendar queue of R. Brown, 1988; a heap finds the next day of it.
    """

    def __init__(self) -> None:
        self._days: dict[int, dict[Connection, None]] = {}
        self._order: list[int] = []  # a heap of the days

    def put(self, connection: Connection, moment: float) -> None:
        """Look at it then, or up to a grain before."""
        self.remove(connection)
        day = int(moment / GRAIN)
        if day not in self._days:
            self._days[day] = {}
            heapq.heappush(self._order, day)
        self._days[day][connection] = None
        connection.day = day

    def remove(self, connection: Connection) -> None:
        """Look at it no more."""
        self._days.get(connection.day, {}).pop(connection, None)

    @property
    def next(self) -> float | None:
        """When there may be somebody to look at."""
        return self._order[0] * GRAIN if self._order else None

    def take(self, now: float) -> list[Connection]:
        """Those to look at now; each wants its next moment."""
        due: list[Connection] = []
        while self._order and self._order[0] * GRAIN <= now:
            due += self._days.pop(heapq.heappop(self._order))
        return due
