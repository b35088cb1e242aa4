"""The load: many TLS connections in one thread that read everything, check the order, and note when it came.

A message's text begins `SEQUENCE STAMP `; the stamp is the sender's monotonic clock in nanoseconds.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path

from tests.running import PASSWORD
from tests.wire import Wire

_TEXT = re.compile(rb"(\d{8}) (\d+) ")
LOGINS_AT_ONCE = 50


def text(sequence: int, size: int) -> str:
    """A message of `size` bytes."""
    return f"{sequence:08d} {time.monotonic_ns()} ".ljust(size, "x")


class Crowd:
    """Receivers. `latencies` are seconds, one for each delivery."""

    def __init__(self, sockets: Sequence[ssl.SSLSocket]) -> None:
        self._epoll = select.epoll()
        self._sockets = {one.fileno(): one for one in sockets}
        self._next = dict.fromkeys(self._sockets, 0)
        self._rest = dict.fromkeys(self._sockets, b"")
        self.latencies: list[float] = []
        self.received = 0
        self.out_of_order = 0
        for fd, sock in self._sockets.items():
            sock.setblocking(False)
            self._epoll.register(fd, select.EPOLLIN)

    def read(self, seconds: float, until: int | None = None) -> None:
        """Take what comes for so long, or until so many deliveries are in."""
        deadline = time.monotonic() + seconds
        while (until is None or self.received < until) and (left := deadline - time.monotonic()) > 0:
            for fd, _ in self._epoll.poll(left):
                self._take(fd)

    def _take(self, fd: int) -> None:
        sock = self._sockets[fd]
        while True:
            try:
                data = sock.recv(65536)
            except ssl.SSLWantReadError:
                return
            now = time.monotonic_ns()
            if not data:
                raise ConnectionError("the server closed a connection")
            *lines, self._rest[fd] = (self._rest[fd] + data).split(b"\n")
            for line in lines:
                if found := _TEXT.search(line):
                    self.received += 1
                    self.latencies.append((now - int(found[2])) / 1e9)
                    self.out_of_order += int(found[1]) != self._next[fd]
                    self._next[fd] = int(found[1]) + 1

    def close(self) -> None:
        self._epoll.close()
        for sock in self._sockets.values():
            sock.close()


def connect(port: int, ca: str, count: int) -> list[ssl.SSLSocket]:
    """TLS connections without a login, for the floor; the first connects first."""
    context = ssl.create_default_context(cafile=ca)
    sockets = []
    for _ in range(count):
        raw = socket.create_connection(("127.0.0.1", port), 10)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets.append(context.wrap_socket(raw, server_hostname="localhost"))
    return sockets


def log_in(address: tuple[str, int], ca: Path, names: Sequence[str], caps: str = "") -> list[Wire]:
    """Logged-in clients; many at once, so that the wait for bcrypt is shared."""
    wires: list[Wire] = []
    for first in range(0, len(names), LOGINS_AT_ONCE):
        batch = [(name, Wire(address, ca)) for name in names[first : first + LOGINS_AT_ONCE]]
        for name, wire in batch:
            wire.begin(name, PASSWORD, caps)
        for name, wire in batch:
            wire.finish(name)
        wires += [wire for _, wire in batch]
    return wires
