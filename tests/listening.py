"""A TLS server of a test's own: whoever comes is served by what the test says, one after the other."""

from __future__ import annotations

import socket
import ssl
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

END_TIMEOUT = 10.0
SILENCE = 60.0  # seconds that a peer may say nothing, unless `serve` sets another time


class Listening(ABC):
    """Listens on `port` from when it is made; serves within a `with`."""

    def __init__(self, certificates: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(END_TIMEOUT)
        self._listener.close()

    @abstractmethod
    def serve(self, tls: ssl.SSLSocket) -> None:
        """In the thread; an OSError ends the connection and nothing else."""

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # we are closed
                return
            sock.settimeout(SILENCE)
            try:
                with sock, self._context.wrap_socket(sock, server_side=True) as tls:
                    self.serve(tls)
            except OSError:
                pass  # the client went
