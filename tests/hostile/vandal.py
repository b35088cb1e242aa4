"""A process that is one bad member: it floods in every way at once, in as many sessions as it is left.

`python -m tests.hostile.vandal PORT CA TOKEN` obeys one word a line: `attack` (answered by `ready`), `stop` (answered
by how many bytes were taken from it, how often it was logged in, and how often the session that does not read was cut).
"""

from __future__ import annotations

import contextlib
import itertools
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.hostile.enemy import answer
from tests.wire import Wire

NAME = "vandal"
OWN = "#vandal"
BYTES = 32 * 1024  # said at a time
ASKED = b"CHATHISTORY LATEST #lobby * 100\r\nWHO #lobby\r\nNAMES #lobby\r\n" * 40
HISTORY = b"CHATHISTORY LATEST #lobby * 100\r\n" * 100
HEAD_START = 3.0  # seconds for the session that does not read, before it must share what the account may ask
BREATHLESS = 10  # logins of which one is not
BREATH = b"PRIVMSG #lobby :said in one breath with the login\r\n" * 24


def messages() -> Iterator[bytes]:
    for number in itertools.count():
        yield b"PRIVMSG #lobby :flood %d\r\n" % number


def channels() -> Iterator[bytes]:
    for number in itertools.count():
        yield b"JOIN #v%d\r\nPART #v%d\r\n" % (number, number)


def topics() -> Iterator[bytes]:
    yield f"JOIN {OWN}\r\n".encode()
    for number in itertools.count():
        yield f"TOPIC {OWN} :{'t' * 200} {number}\r\nMODE {OWN} +b *!*@{number}\r\n".encode()


def nothings() -> Iterator[bytes]:
    while True:
        yield b"PING x\r\n\r\n\r\nCAP LIST\r\nx\r\n"


def questions() -> Iterator[bytes]:
    while True:
        yield ASKED


class Vandal:
    """Threads that each do one thing until `stop`, or until whoever ordered it is gone."""

    def __init__(self, port: int, ca: Path, token: str) -> None:
        self._address, self._ca, self._token = ("127.0.0.1", port), ca, token
        self._stopped = threading.Event()
        self.said = 0  # bytes that the server took
        self.logins = 0
        self.cuts = 0  # of the session that does not read
        reading = (messages, channels, topics, nothings, questions)
        self._threads = [threading.Thread(target=self._stall, daemon=True)]
        self._threads += [threading.Thread(target=self._flood, args=(lines,), daemon=True) for lines in reading]
        self._threads.append(threading.Thread(target=self._open_more, daemon=True))
        for thread in self._threads:
            thread.start()
            self._stopped.wait(HEAD_START if thread is self._threads[0] else 0)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _again(self, act: Callable[[Wire], None]) -> None:
        """Log in and act, again and again; whenever the server closes, begin anew."""
        while not self._stopped.is_set():
            try:
                with Wire(self._address, self._ca) as wire:
                    wire.register(NAME, self._token)
                    self.logins += 1
                    act(wire)
            except (OSError, AssertionError):  # closed, or not let in before the patience was over
                continue

    def _flood(self, lines: Callable[[], Iterator[bytes]]) -> None:
        """Say as much as is taken, and read what comes."""

        def flood(wire: Wire) -> None:
            said = lines()
            waiting = b""
            wire.sock.setblocking(False)
            while not self._stopped.is_set():
                while len(waiting) < BYTES:
                    waiting += next(said)
                waiting = waiting[self._say(wire, waiting) :]
                read(wire)

        self._again(flood)

    def _stall(self) -> None:
        """Ask and never read, until the server cuts it."""

        def stall(wire: Wire) -> None:
            wire.sock.setblocking(False)
            try:
                while not self._stopped.is_set():
                    self._say(wire, HISTORY)
            except OSError:
                self.cuts += 1
                raise

        self._again(stall)

    def _open_more(self) -> None:
        """They stay, so that the server has to close some; now and then one says much in one breath with the login."""
        with contextlib.ExitStack() as stack:
            for number in itertools.takewhile(lambda _: not self._stopped.is_set(), itertools.count(1)):
                with contextlib.suppress(OSError, AssertionError):
                    wire = stack.enter_context(Wire(self._address, self._ca))
                    wire.begin(NAME, self._token, "")
                    wire.wait_for("903")
                    wire.send_bytes(b"CAP END\r\n" + (b"" if number % BREATHLESS else BREATH))
                    wire.wait_for("001")
                    self.logins += 1

    def _say(self, wire: Wire, data: bytes) -> int:
        """How much of it was taken; waits a moment where nothing is."""
        try:
            taken = wire.sock.send(data)
        except ssl.SSLWantWriteError:
            self._stopped.wait(0.02)
            return 0
        self.said += taken
        return taken


def read(wire: Wire) -> None:
    try:
        while wire.sock.recv(65536):
            pass
    except ssl.SSLWantReadError:
        return
    raise ConnectionResetError("closed by the server")


def main(port: int, ca: Path, token: str) -> None:
    vandal: Vandal | None = None
    for word in map(str.strip, sys.stdin):
        if word == "attack":
            vandal = Vandal(port, ca, token)
            answer("ready")
        elif word == "stop" and vandal is not None:
            vandal.stop()
            answer(f"{vandal.said} {vandal.logins} {vandal.cuts}")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
