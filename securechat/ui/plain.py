"""Line mode without drawing: for TERM=dumb, screen readers, and a standard output that is no terminal."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from securechat.client.client import Client
from securechat.ui.line import LineMode
from securechat.ui.stdin import InputLine, start_reader
from securechat.ui.stdout import Output

READ_AHEAD = 8  # typed lines
GOODBYE_TIMEOUT = 5.0


class Plain:
    """Runs in the main thread; the client's thread and the reader of stdin only put into `_inbox`."""

    def __init__(self, client: Client, mode: LineMode) -> None:
        self._client = client
        self._mode = mode
        self._output = Output()
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._slots = threading.Semaphore(READ_AHEAD)

    def run(self, descriptor: int) -> None:
        """Chat until the person leaves or there is no going on."""
        self._descriptor = descriptor
        self._client.notify(lambda: self._inbox.put(self._show_events))
        start_reader(descriptor, lambda line: self._inbox.put(lambda: self._typed(line)), self._slots)
        try:
            while self._mode.ended is None and not self._mode.leaving:
                self._do_next(1.0)
        except KeyboardInterrupt:
            pass
        finally:
            _set_echo(descriptor, True)
        self._until(lambda: self._mode.settled)
        self._client.quit()
        self._until(lambda: self._mode.ended is not None)
        if self._mode.ended is None:
            self._output.write(self._mode.doubtful())

    def _do_next(self, timeout: float) -> None:
        try:
            self._inbox.get(timeout=timeout)()
        except Empty:
            self._mode.shown([])

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + GOODBYE_TIMEOUT
        while not reached() and self._mode.ended is None and (left := deadline - time.monotonic()) > 0:
            self._do_next(left)

    def _show_events(self) -> None:
        events = self._client.take(0)
        self._output.write(self._mode.heard(events))
        self._mode.shown(events)

    def _typed(self, line: InputLine | None) -> None:
        if line is None:
            self._mode.leaving = True
            return
        self._slots.release()
        if line.problem:
            self._output.write([f"-!- not sent: {line.problem}"])
            return
        self._output.write(self._mode.entered(line.text))
        self._ask()

    def _ask(self) -> None:
        """Show the question that is open, if there is one and what is typed can be hidden."""
        hidden = _set_echo(self._descriptor, not self._mode.hidden)
        if not self._mode.hidden:
            return
        if hidden:
            self._output.write([self._mode.prompt])
        else:
            self._mode.cancel()
            self._output.write(["-!- what you type cannot be hidden here; use a terminal"])


def _set_echo(descriptor: int, on: bool) -> bool:
    """Whether the terminal now shows what is typed, or no longer does, as wanted."""
    try:
        import termios  # not on Windows
    except ImportError:
        return on
    if not os.isatty(descriptor):
        return on
    mode = termios.tcgetattr(descriptor)
    mode[3] = mode[3] | termios.ECHO if on else mode[3] & ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)
    return True
