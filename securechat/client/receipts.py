"""Tickets for what is said, and how each ended, for whoever waits for that. For any thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from securechat.client.events import Acknowledged, Disconnected, Event, Refused

Ending = Acknowledged | Refused | Disconnected


class Receipts:
    """`_change` guards all that is here, and is never held while anything else is done."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._last = 0
        self._open: set[int] = set()
        self._awaited: dict[int, Ending | None] = {}
        self._over: Disconnected | None = None

    def ticket(self, *, awaited: bool = False) -> int:
        """A new one; `wait` must follow when it is `awaited`."""
        with self._change:
            self._last += 1
            self._open.add(self._last)
            if awaited:
                self._awaited[self._last] = self._over
            return self._last

    def note(self, events: Sequence[Event]) -> None:
        """What of these ends a ticket; Disconnected ends all."""
        endings = [event for event in events if isinstance(event, Ending)]
        if not endings:
            return
        with self._change:
            for event in endings:
                if isinstance(event, Disconnected):
                    self._over = event
                    self._awaited = {ticket: ended or event for ticket, ended in self._awaited.items()}
                    continue
                self._open.discard(event.ticket)
                if event.ticket in self._awaited:
                    self._awaited[event.ticket] = event
            self._change.notify_all()

    def wait(self, ticket: int, timeout: float | None) -> Ending | None:
        """How an awaited ticket ended; None when it did not in this time."""
        with self._change:
            self._change.wait_for(lambda: self._awaited[ticket] is not None, timeout)
            return self._awaited.pop(ticket)

    def settle(self, timeout: float) -> int:
        """Wait until every ticket has ended, or no more can; how many are still open."""
        with self._change:
            self._change.wait_for(lambda: not self._open or self._over is not None, timeout)
            return len(self._open)
