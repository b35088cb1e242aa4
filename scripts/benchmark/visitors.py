"""Many people in one thread: they come in without waiting for one another, stay, and answer PING.

Certificates are not checked and lines are hardly looked at: the load must not be what is measured.
"""

from __future__ import annotations

import base64
import contextlib
import select
import signal
import socket
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from scripts.benchmark import machine
from scripts.benchmark.servers import SETTINGS, token_of
from tests.running import Server

AT_ONCE = 50  # on their way in
PATIENCE = 30.0  # seconds in which somebody must come in
RECORD_BYTES = 16 * 1024
EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
LOGGED_IN = b":localhost 221 "  # RPL_UMODEIS ends the welcome of somebody who is in no channel
IN_CHANNEL = b":localhost 366 "  # RPL_ENDOFNAMES
REFUSED = (b":localhost 904 ", b"ERROR :", b" FAIL ")  # the number alone may be how many people are here
NO_CHANNEL = SETTINGS + "[channels]\nautojoin = []\n"  # settings with which nobody is in a channel after a login
LONGEST_MARK = 64  # bytes to keep of what was heard, for a mark may come in two pieces


class Step(NamedTuple):
    """What to wait for, and what to answer."""

    awaited: bytes
    reply: bytes


Steps = Sequence[Step]


def login(name: str, *, caps: str = "", end: bytes = IN_CHANNEL, password: str | None = None) -> Steps:
    """Each answer is waited for, as clients do; `end` is the line at which somebody is in.

    With the account's device token, as whoever was here before comes back, unless there is a password.
    """
    hello = f"CAP LS 302\r\nNICK {name}\r\nUSER {name} 0 * :{name}\r\nCAP REQ :{f'sasl {caps}'.rstrip()}\r\n"
    secret = base64.b64encode(f"\0{name}\0{password or token_of(name)}".encode())
    return (
        Step(b"", hello.encode()),
        Step(b" ACK ", b"AUTHENTICATE PLAIN\r\n"),
        Step(b"AUTHENTICATE +", b"AUTHENTICATE " + secret + b"\r\n"),
        Step(b":localhost 903 ", b"CAP END\r\n"),
        Step(end, b""),
    )


HANDSHAKE: Steps = ()  # TLS alone; not a word


class Visitor:
    """One connection; inside once its steps are done."""

    __slots__ = ("_out", "_steps", "_tail", "name", "shaken", "sock")

    def __init__(self, name: str, sock: ssl.SSLSocket, steps: Steps) -> None:
        self.name = name
        self.sock = sock
        self.shaken = False  # the handshake is done
        self._steps = list(steps)
        self._tail = b""
        self._out = bytearray()

    @property
    def inside(self) -> bool:
        return self.shaken and not self._steps

    def say(self, data: bytes) -> None:
        """Send, or keep for `flush` what the server does not take now."""
        self._out += data
        self.flush()

    def flush(self) -> None:
        """Send what was kept, as much as the server takes."""
        try:
            while self._out:
                del self._out[: self.sock.send(self._out[:RECORD_BYTES])]
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass

    def shake(self) -> None:
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.shaken = True
        self.go_on(b"")

    def hear(self) -> bytes:
        """All that has come. Raises ConnectionError at the end."""
        pieces = []
        try:
            while piece := self.sock.recv(RECORD_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(pieces)
        raise ConnectionError(f"the server closed the connection of {self.name}; it said last {self._tail!r}")

    def go_on(self, data: bytes) -> None:
        """Take the steps that `data` allows. Raises ConnectionError for a refusal."""
        self._tail += data
        while self._steps and (found := self._tail.find(self._steps[0].awaited)) >= 0:
            step = self._steps.pop(0)
            self._tail = self._tail[found + len(step.awaited) :]
            self.say(step.reply)
        if self._steps and any(word in self._tail for word in REFUSED):
            raise ConnectionError(f"the server refused {self.name}: {self._tail!r}")
        self._tail = self._tail[-LONGEST_MARK:]


Hearer = Callable[[Visitor, bytes], None]


def _deaf(visitor: Visitor, data: bytes) -> None:
    """Read and forget."""


class Tally:
    """How often a mark came to each visitor, by name: it goes on when one comes back."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._tails: defaultdict[str, bytes] = defaultdict(bytes)  # a mark may come in two pieces
        self.counts: Counter[str] = Counter()

    def hear(self, visitor: Visitor, data: bytes) -> None:
        data = self._tails[visitor.name] + data
        self.counts[visitor.name] += data.count(self._mark)
        self._tails[visitor.name] = data[1 - len(self._mark) :]

    def all_have(self, count: int, people: Iterable[Visitor]) -> bool:
        return all(self.counts[visitor.name] >= count for visitor in people)


class Visitors:
    """Everyone who is inside or on the way there; `hear` gets what those inside are told from then on, as it comes."""

    def __init__(self, port: int, hear: Hearer = _deaf) -> None:
        self._address = ("127.0.0.1", port)
        self._hear = hear
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        self._epoll = select.epoll()
        self._present: dict[int, Visitor] = {}
        self.pings = 0  # answered

    def send_in(self, name: str, steps: Steps) -> None:
        """Connect; the kernel does it at once, for the server's backlog is long. `serve` does the rest."""
        raw = socket.create_connection(self._address, PATIENCE)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setblocking(False)
        visitor = Visitor(name, self._context.wrap_socket(raw, do_handshake_on_connect=False), steps)
        self._present[visitor.sock.fileno()] = visitor
        self._epoll.register(visitor.sock, EVENTS)  # it can be written to: the first event begins the handshake

    def serve(self, seconds: float) -> list[Visitor]:
        """Wait for events so long at most and take those that come; gives who came in."""
        arrived = []
        for fd, _ in self._epoll.poll(max(0.0, seconds)):
            visitor = self._present.get(fd)
            if visitor is not None and self._happened(visitor):
                arrived.append(visitor)
        return arrived

    def _happened(self, visitor: Visitor) -> bool:
        """Whether this brought the visitor in."""
        if not visitor.shaken:
            visitor.shake()
            return visitor.inside
        visitor.flush()
        data = visitor.hear()
        if not visitor.inside:
            visitor.go_on(data)
            return visitor.inside
        if b"PING :" in data:  # it comes whole: a line alone, in a record alone
            self.pings += 1
            visitor.say(b"PONG localhost\r\n")
        if data:
            self._hear(visitor, data)
        return False

    def bring(
        self, names: Iterable[str], conversation: Callable[[str], Steps] = login, at_once: int = AT_ONCE
    ) -> list[Visitor]:
        """Send everybody in, so many at a time; returns when all are inside, in the order of their coming."""
        waiting, inside, under_way = list(names)[::-1], [], 0
        progress = time.monotonic()
        while waiting or under_way:
            while waiting and under_way < at_once:
                name = waiting.pop()
                self.send_in(name, conversation(name))
                under_way += 1
            arrived = self.serve(1.0)
            inside += arrived
            under_way -= len(arrived)
            if arrived:
                progress = time.monotonic()
            elif time.monotonic() > progress + PATIENCE:
                raise TimeoutError(f"{under_way} of those on their way did not come in within {PATIENCE:g} s")
        return inside

    def stay(self, seconds: float) -> None:
        """Read, and answer PING, for so long."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.serve(left)

    def serve_until(self, done: Callable[[], bool]) -> None:
        """Read, and answer PING, until it is so. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"what was waited for did not happen within {PATIENCE:g} s")
            self.serve(1.0)

    def dismiss(self, visitor: Visitor) -> None:
        """Hang up."""
        del self._present[visitor.sock.fileno()]
        visitor.sock.close()

    def close(self) -> None:
        self._epoll.close()
        for visitor in self._present.values():
            visitor.sock.close()
        self._present.clear()


def restart(server: Server, names: Sequence[str], at_once: int = AT_ONCE) -> None:
    """Have everyone come in, and then the server start again, so that whoever comes next comes back."""
    with contextlib.closing(Visitors(server.port)) as load:
        load.bring(names, at_once=at_once)
        server.signal(signal.SIGTERM)
    server.wait()
    server.start()
    machine.pin(machine.SERVER_CPU, server.pid)
