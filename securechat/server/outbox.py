"""Lines waiting for one client that does not take them as fast as they come. Owned by the loop: no lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

SEND_BYTES = 16 * 1024  # one TLS record


class Outbox:
    """Made when a send would block and dropped when all is sent, so that an idle session costs nothing.

    The head is encrypted by OpenSSL already once a send of it would block: it is offered again unchanged until taken.
    Source: SSL_write(3), "the same arguments".
    """

    __slots__ = ("_chunks", "_head", "drained", "since", "size")

    def __init__(self, now: float) -> None:
        self._chunks: deque[bytes] = deque()
        self._head = b""
        self.size = 0
        self.drained = 0  # bytes taken in the window that began at `since`
        self.since = now

    def put(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._chunks.append(piece)
            self.size += len(piece)

    def head(self) -> bytes:
        """What to send next: as much as one record holds, empty when nothing is left."""
        if not self._head and self._chunks:
            joined = [self._chunks.popleft()]
            size = len(joined[0])
            while self._chunks and size + len(self._chunks[0]) <= SEND_BYTES:
                joined.append(self._chunks.popleft())
                size += len(joined[-1])
            self._head = b"".join(joined) if len(joined) > 1 else joined[0]
        return self._head

    def sent(self, count: int) -> None:
        """The first `count` bytes of the head were taken."""
        self._head = self._head[count:]
        self.size -= count
        self.drained += count

    def drains(self, now: float, window: float, rate: float) -> bool:
        """Whether at least `rate` bytes a second were taken lately; a new window begins when one is over."""
        elapsed = now - self.since
        fast = self.drained >= rate * max(elapsed, window)
        if elapsed > window:
            self.since, self.drained = now, 0
        return fast


def cut(data: bytes) -> tuple[bytes, ...]:
    """`data` in pieces that one send takes; made once and shared by everyone who gets them."""
    if len(data) <= SEND_BYTES:
        return (data,)
    return tuple(data[start : start + SEND_BYTES] for start in range(0, len(data), SEND_BYTES))
