"""Between a face and the thread of its client: calls in, events out, each in order, whoever is faster."""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Sequence

from securechat.client.events import Event

log = logging.getLogger(__name__)

MOST_UNTAKEN = 20_000  # events; above it nothing is read until the face catches up


class Mailbox:
    """`post`, `take`, `notify` and `wake` may be called from any thread, the rest from the client's own.

    `_arrival` guards `_untaken` and `_calls` and is never held while anything else is done.
    """

    def __init__(self) -> None:
        self.listened = False  # somebody takes events; until then only the newest are kept, and nobody waits for us
        self.shared = False  # the face has a thread that does more than to wait for events
        self._notify: Callable[[], None] | None = None
        self._arrival = threading.Condition()
        self._untaken: deque[Event] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self.bell, self._wake_sender = socket.socketpair()  # `bell` is readable when there is something to do
        self.bell.setblocking(False)
        self._wake_sender.setblocking(False)

    def post(self, call: Callable[[], None]) -> None:
        with self._arrival:
            self._calls.append(call)
        self.wake()

    def notify(self, call: Callable[[], None]) -> None:
        self.listened = self.shared = True
        self._notify = call
        call()

    def take(self, timeout: float | None, most: int) -> list[Event]:
        with self._arrival:
            self._arrival.wait_for(lambda: self._untaken, timeout)
            was_full = self.full
            events = [self._untaken.popleft() for _ in range(min(most, len(self._untaken)))]
        if was_full:
            self.wake()
        return events

    def wake(self) -> None:
        try:
            self._wake_sender.send(b"\0")
        except OSError:
            pass  # full: it is awake already; closed: it has ended

    @property
    def full(self) -> bool:
        return self.listened and len(self._untaken) >= MOST_UNTAKEN

    def silence(self) -> None:
        """The bell has been heard."""
        self.bell.recv(4096)

    def run_calls(self) -> None:
        with self._arrival:
            calls, self._calls = self._calls, deque()
        for call in calls:
            try:
                call()
            except Exception:  # the face's mistake must not end the connection
                log.exception("a call of the face failed")

    def deliver(self, events: Sequence[Event]) -> None:
        if not events:
            return
        with self._arrival:
            self._untaken.extend(events)
            while not self.listened and len(self._untaken) > MOST_UNTAKEN:
                self._untaken.popleft()
            self._arrival.notify_all()
        if self._notify is not None:
            self._notify()

    def close(self) -> None:
        self._wake_sender.close()
        self.bell.close()
