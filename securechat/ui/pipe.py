"""The face for standard input that is no terminal: each line is a message, what arrives is printed plain.

Every line is sent in order, a few at a time; the end is reached when the last is acknowledged. Text that is not UTF-8
is refused with its line number, not changed.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from enum import Enum
from queue import Empty, SimpleQueue

from securechat.client.client import Client
from securechat.client.errors import ConnectionLost
from securechat.client.events import (
    Acknowledged,
    Disconnected,
    Entered,
    Event,
    Joined,
    LinkBack,
    LinkLost,
    Missed,
    Refused,
    Remembered,
    Said,
    Told,
)
from securechat.client.outbox import PATIENCE, WINDOW
from securechat.client.profile import Visit
from securechat.errors import SecurechatError
from securechat.protocol.names import CHANNEL_PREFIX, fold
from securechat.protocol.text import printable
from securechat.ui import reading
from securechat.ui.render import rendered
from securechat.ui.stdin import InputLine, start_reader
from securechat.ui.stdout import Output

GOODBYE_TIMEOUT = 5.0
QUOTED = 60  # characters of a line in an error


class Signal(Enum):
    """What the inbox holds beside lines."""

    EVENTS = "the client has events"
    INPUT_OVER = "standard input is at its end"


class NotSent(SecurechatError):
    """Some lines were refused; each was named on stderr when it happened."""


class Pipe:
    """Runs in the main thread; the client's thread and the reader of stdin only put into `_inbox`."""

    def __init__(self, client: Client, visit: Visit, target: str, *, join: bool) -> None:
        """`join`: enter the target first if it is a channel that we are not in."""
        self._client = client
        self._visit = visit
        self._target = target
        self._join = join
        self._inbox: SimpleQueue[InputLine | Signal] = SimpleQueue()
        self._slots = threading.Semaphore(WINDOW)
        self._open: dict[int, InputLine] = {}  # by ticket, in order
        self._last_acknowledged = 0
        self._refused = 0
        self._joining = False
        self._reading = False
        self._input_over = False
        self._output = Output()
        self._handlers: dict[type[Event], Callable[..., None]] = {
            Entered: self._entered,
            Joined: self._joined,
            Acknowledged: self._acknowledged,
            Refused: self._refuse,
            Told: self._told,
            Remembered: self._warn,
            LinkLost: self._warn,
            LinkBack: self._warn,
            Disconnected: self._disconnected,
        }

    def run(self, descriptor: int) -> None:
        """Send all lines of the descriptor. Raises ConnectionLost, NotSent, and what else the client ended with."""
        self._descriptor = descriptor
        self._client.notify(lambda: self._inbox.put(Signal.EVENTS))
        while not (self._input_over and not self._open):
            try:
                item = self._inbox.get(timeout=1.0)
            except Empty:
                self._visit.save()
                continue
            self._take(item)
        self._leave()
        if self._refused:
            raise NotSent(f"{self._refused} of the lines were not sent; the lines above say which and why")

    def _take(self, item: InputLine | Signal) -> None:
        if isinstance(item, InputLine):
            self._send(item)
        elif item is Signal.INPUT_OVER:
            self._input_over = True
        else:
            self._heard(self._client.take(0))

    def _send(self, line: InputLine) -> None:
        if line.problem:
            self._slots.release()
            self._report(line.number, line.problem)
            return
        self._open[self._client.say(self._target, line.text)] = line

    def _heard(self, events: list[Event]) -> None:
        for event in events:
            if handler := self._handlers.get(type(event)):
                handler(event)
        shown = [event for event in events if isinstance(event, Said | Missed)]
        self._output.write([line for event in shown for line in self._lines(event)])
        reading.note(self._visit, events)

    def _lines(self, event: Said | Missed) -> list[str]:
        said = event.lines if isinstance(event, Missed) else (event,)
        return [line for message in said for line in rendered(message, self._target)]

    def _entered(self, event: Entered) -> None:
        member = fold(self._target) in {fold(channel) for channel in event.channels}
        if self._join and self._target.startswith(CHANNEL_PREFIX) and not member:
            self._joining = True
            self._client.post(lambda session: session.join(self._target))
        else:
            self._start_reading()

    def _joined(self, event: Joined) -> None:
        if event.own and fold(event.channel) == fold(self._target):
            self._start_reading()

    def _start_reading(self) -> None:
        if not self._reading:
            self._reading = True
            start_reader(self._descriptor, lambda line: self._inbox.put(line or Signal.INPUT_OVER), self._slots)

    def _acknowledged(self, event: Acknowledged) -> None:
        if line := self._open.pop(event.ticket, None):
            self._last_acknowledged = line.number
            self._slots.release()

    def _refuse(self, event: Refused) -> None:
        line = self._open.pop(event.ticket)
        self._slots.release()
        if event.temporary:
            raise NotSent(
                f"line {line.number} was not stored within {PATIENCE:g} s: {printable(event.reason)}; send it and"
                " those behind it again later"
            )
        self._report(line.number, printable(event.reason))

    def _report(self, number: int, reason: str) -> None:
        self._refused += 1
        sys.stderr.write(f"line {number} not sent: {reason}\n")

    def _told(self, event: Told) -> None:
        if event.failed and self._joining and not self._reading:
            raise NotSent(f"cannot join {self._target!r}: {printable(event.text)}; no line was sent")
        if event.failed:
            self._warn(event)

    def _warn(self, event: Event) -> None:
        sys.stderr.write(f"{rendered(event, self._target)[0]}\n")

    def _disconnected(self, event: Disconnected) -> None:
        if event.failure is not None:
            sys.stderr.write(f"{self._standing()}\n")
            raise event.failure
        raise ConnectionLost(f"the connection was lost ({printable(event.reason)}); {self._standing()}")

    def _standing(self) -> str:
        """How far the lines have come."""
        if self._open:
            first = self._open[min(self._open)]
            return f"the first line not acknowledged is line {first.number}: {_quoted(first.text)}"
        last = self._last_acknowledged
        return f"every line up to {last} is acknowledged, none behind it was sent" if last else "no line was sent"

    def _leave(self) -> None:
        """Say goodbye; what becomes of that changes nothing, as everything is acknowledged."""
        self._client.quit()
        deadline = time.monotonic() + GOODBYE_TIMEOUT
        while (left := deadline - time.monotonic()) > 0:
            events = self._client.take(left)
            self._heard([event for event in events if not isinstance(event, Disconnected)])
            if any(isinstance(event, Disconnected) for event in events):
                return


def _quoted(text: str) -> str:
    return repr(text if len(text) <= QUOTED else f"{text[:QUOTED]}…")
