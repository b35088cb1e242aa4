"""A relay between client and server that cuts connections wherever a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

READ_BYTES = 4096


class Relay:
    """Forwards each connection to a port of this machine. `allowance()` is asked once for each: so many bytes are
    passed on, of both directions together, then the connection is cut; None is no limit.
    """

    def __init__(self, port: int, allowance: Callable[[], int | None]) -> None:
        self.cuts = 0
        self._port = port
        self._links: list[_Link] = []
        self._allowance = allowance
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        """Cut what is there now."""
        for link in self._links:
            link.end()

    def close(self) -> None:
        self.drop()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._port), 5)
            except OSError:  # nobody there at the moment
                client.close()
                continue
            server.settimeout(None)
            self._forward(client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        link = _Link(client, server, self._allowance())
        self._links.append(link)
        ways = ((client, server), (server, client))
        threads = [threading.Thread(target=self._pump, args=(link, *way), daemon=True) for way in ways]
        for thread in threads:
            thread.start()

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(READ_BYTES):
                allowed = link.allow(len(data))
                sink.sendall(data[:allowed])
                if allowed < len(data):
                    self.cuts += 1
                    break
        except OSError:
            pass  # the other way was cut
        link.end()


class _Link:
    """The two sockets of one connection and what may still pass. `_lock` guards `_left`."""

    def __init__(self, client: socket.socket, server: socket.socket, left: int | None) -> None:
        self._sockets = (client, server)
        self._left = left
        self._lock = threading.Lock()

    def allow(self, size: int) -> int:
        with self._lock:
            if self._left is None:
                return size
            allowed = min(size, self._left)
            self._left -= allowed
            return allowed

    def end(self) -> None:
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
