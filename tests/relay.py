"""A relay between clients and a server that cuts links behind any byte, half-way inside a TLS record too."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

from tests.wire import PATIENCE

UP, DOWN = 0, 1  # towards the server, towards the client
READ_BYTES = 16 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing throws away what is unsent and tells the peer so


class Link(threading.Thread):
    """One client's way to the server; over when either end closes or when as many bytes have passed as may."""

    def __init__(self, client: socket.socket, target: tuple[str, int], moving: threading.Event) -> None:
        super().__init__(name="link", daemon=True)
        self._moving = moving
        self.passed = [0, 0]  # bytes, each way
        self.over = threading.Event()
        self.is_cut = False
        self._target = target
        self._ends = [client]
        self._limits: list[int | None] = [None, None]

    def cut_behind(self, way: int, count: int) -> None:
        """Let `count` more bytes pass this way, then reset both ends; with 0 the next byte is one too many."""
        self._limits[way] = self.passed[way] + count

    def close(self) -> None:
        """Both ends, now and in order."""
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                pass

    def run(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self.over.set)
            stack.enter_context(self._ends[0])
            try:
                self._ends.append(stack.enter_context(socket.create_connection(self._target, PATIENCE)))
                for end in self._ends:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._forward():
                    pass
            except OSError:  # the server is down, or an end is gone
                pass

    def _forward(self) -> bool:
        """Wait for bytes and pass them on; whether the link goes on."""
        ready, _, _ = select.select(self._ends, [], [])
        self._moving.wait()
        return all(self._pass_on(UP if end is self._ends[UP] else DOWN) for end in ready)

    def _pass_on(self, way: int) -> bool:
        data = self._ends[way].recv(READ_BYTES)
        limit = self._limits[way]
        left = len(data) if limit is None else max(0, limit - self.passed[way])
        self.passed[way] += len(data[:left])  # first: whoever has them may count on it
        self._ends[1 - way].sendall(data[:left])
        if limit is None or self.passed[way] < limit:
            return bool(data)
        self.is_cut = True
        for end in self._ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return False


class Relay:
    """Listens on a port of its own and links each client with the server's port, as long as that one listens.

    `prepare` is called with each new link before anything passes.
    """

    def __init__(self, port: int, prepare: Callable[[Link], None] = lambda link: None) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = ("127.0.0.1", self._listener.getsockname()[1])
        self._prepare = prepare
        self._moving = threading.Event()
        self._moving.set()
        self._links: dict[object, Link] = {}  # by the client's address
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who waits in accept
        self._thread.join(PATIENCE)
        self._listener.close()
        self.thaw()
        self.drop()

    def link_of(self, sock: socket.socket) -> Link:
        """The link that a client's socket is one end of."""
        return self._links[sock.getsockname()]

    def links(self) -> list[Link]:
        """Those that are not over, the oldest first."""
        return [link for link in list(self._links.values()) if not link.over.is_set()]

    @property
    def cuts(self) -> int:
        """How many links were cut so far."""
        return sum(link.is_cut for link in list(self._links.values()))

    def freeze(self) -> None:
        """Pull the cable: from now on nothing passes, and nobody is told."""
        self._moving.clear()

    def thaw(self) -> None:
        self._moving.set()

    def drop(self) -> None:
        """Close the links that there are."""
        for link in self.links():
            link.close()
            link.join(PATIENCE)

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._listener.accept()
            except OSError:  # we are closed
                return
            link = self._links[address] = Link(client, self._target, self._moving)
            self._prepare(link)
            link.start()
