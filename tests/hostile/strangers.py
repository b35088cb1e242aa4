"""A process of strangers that never finish: six kinds of half-open and slow connections, all in one thread.

`python -m tests.hostile.strangers PORT ADDRESSES RATE` obeys one word a line: `come N` (answered by `come` when so many
have connected, at RATE a second), `left` (answered by how many of them the server has not closed, and how many seconds
the most patient of the closed ones was kept). It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import select
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator

from scripts.benchmark import machine

EVENTS = select.EPOLLIN | select.EPOLLRDHUP
MOST = 10_000  # at once
BEAT = 1.0  # seconds between two words of one that drips
ROUND = 0.02  # seconds in which a share of them is looked at
EVENTS_IN_A_ROUND = 256
PIECE = b"AUTHENTICATE " + b"A" * 400 + b"\r\n"  # the next one is always still to come

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def _nothing() -> Iterator[bytes]:
    yield from ()


def _bytes_one_by_one() -> Iterator[bytes]:
    yield from itertools.cycle(b"%c" % byte for byte in b"CAP LS 302")


def _endless_sasl() -> Iterator[bytes]:
    while True:
        yield b"AUTHENTICATE PLAIN\r\n"
        yield from (PIECE for _ in range(9))


def _endless_line() -> Iterator[bytes]:
    yield from itertools.repeat(b"x" * 250)


def _half_a_hello() -> bytes:
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        CONTEXT.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
    data = hello.read()
    return data[: len(data) // 2]


# Of each kind what it says below TLS at once, and what above it from time to time; None without a handshake.
KINDS: tuple[tuple[Callable[[], bytes], Callable[[], Iterator[bytes]] | None], ...] = (
    (bytes, None),
    (_half_a_hello, None),
    (bytes, _nothing),
    (bytes, _bytes_one_by_one),
    (bytes, _endless_sasl),
    (bytes, _endless_line),
)


class Stranger:
    """One connection; it goes on until the server closes it."""

    def __init__(self, address: tuple[str, int], source: str, kind: int) -> None:
        opening, words = KINDS[kind]
        raw = socket.socket()
        raw.bind((source, 0))
        raw.connect(address)
        raw.setblocking(False)
        raw.sendall(opening())
        self.came = time.monotonic()
        self.open = True
        self._words = words() if words is not None else iter(())
        self._shaken = words is None
        self.sock = raw if words is None else CONTEXT.wrap_socket(raw, do_handshake_on_connect=False)

    def heard(self) -> None:
        """Read and forget; at the end it is closed."""
        try:
            if isinstance(self.sock, ssl.SSLSocket) and not self._shaken:
                self.sock.do_handshake()
                self._shaken = True
            while data := self.sock.recv(16384):
                del data
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            pass
        self._close()

    def beat(self) -> None:
        """Say the next word."""
        try:
            if self.open and self._shaken and (word := next(self._words, None)) is not None:
                self.sock.send(word)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            self._close()

    def _close(self) -> None:
        self.open = False
        self.sock.close()


class Strangers:
    """`come` and `left` are what the process is asked; `go_on` is one round of all that happens."""

    def __init__(self, port: int, addresses: int, rate: float) -> None:
        self._address = ("127.0.0.1", port)
        self._sources = itertools.cycle([f"127.1.{number // 250}.{number % 250 + 1}" for number in range(addresses)])
        self._kinds = itertools.cycle(range(len(KINDS)))
        self._rate = rate
        self._epoll = select.epoll()
        self._open: dict[int, Stranger] = {}
        self._beating: deque[tuple[float, Stranger]] = deque()
        self._expected = 0
        self._next = 0.0
        self.longest = 0.0  # seconds that one was kept

    def come(self, number: int) -> None:
        self._expected += min(number, MOST - len(self._open))
        self._next = time.monotonic()

    @property
    def all_here(self) -> bool:
        return self._expected == 0

    @property
    def left(self) -> int:
        return len(self._open)

    def go_on(self) -> None:
        now = time.monotonic()
        while self._expected and self._next <= now:
            self._expected -= 1
            self._next += 1 / self._rate
            self._send_in()
        for fd, _ in self._epoll.poll(ROUND if self.all_here else 0.001, EVENTS_IN_A_ROUND):
            stranger = self._open[fd]
            stranger.heard()
            self._gone(fd, stranger)
        self._beat(now)

    def _send_in(self) -> None:
        try:
            stranger = Stranger(self._address, next(self._sources), next(self._kinds))
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE):
                raise
            return  # closed before it was done
        fd = stranger.sock.fileno()
        self._open[fd] = stranger
        self._epoll.register(fd, EVENTS)
        stranger.heard()  # begins the handshake
        self._gone(fd, stranger)
        self._beating.append((stranger.came + BEAT, stranger))

    def _beat(self, now: float) -> None:
        while self._beating and self._beating[0][0] <= now:
            moment, stranger = self._beating.popleft()
            fd = stranger.sock.fileno()
            stranger.beat()
            self._gone(fd, stranger)
            if stranger.open:
                self._beating.append((moment + BEAT, stranger))

    def _gone(self, fd: int, stranger: Stranger) -> None:
        if not stranger.open and self._open.get(fd) is stranger:
            del self._open[fd]
            self.longest = max(self.longest, time.monotonic() - stranger.came)


def main(port: int, addresses: int, rate: float) -> None:
    machine.allow_files()
    strangers = Strangers(port, addresses, rate)
    coming = False
    with select.epoll() as orders:
        orders.register(sys.stdin, select.EPOLLIN)
        while True:
            strangers.go_on()
            if coming and strangers.all_here:
                coming = False
                answer("come")
            if orders.poll(0):
                word, _, number = sys.stdin.readline().strip().partition(" ")
                if word == "come":
                    strangers.come(int(number))
                    coming = True
                elif word == "left":
                    answer(f"{strangers.left} {strangers.longest}")
                else:
                    return


def answer(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
