"""A raw HTTP client for tests: real TLS with ALPN http/1.1, blocking, every wait with a deadline."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.wire import PATIENCE

if TYPE_CHECKING:
    from tests.running import Server


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: str


def connect(port: int, ca: Path, protocols: Sequence[str] = ("http/1.1",)) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(list(protocols))
    raw = socket.create_connection(("127.0.0.1", port), PATIENCE)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        return context.wrap_socket(raw, server_hostname="localhost")
    except BaseException:
        raw.close()
        raise


def received(sock: ssl.SSLSocket) -> Answer:
    """The one answer of a connection; the server closes behind it."""
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ssl.SSLZeroReturnError:  # the same end, to one who has said close-notify before
        pass
    head, separator, body = data.partition(b"\r\n\r\n")
    assert separator, data
    line, *lines = head.decode().split("\r\n")
    version, status, *_ = line.split(" ")
    assert version == "HTTP/1.1"
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    assert headers["connection"] == "close"
    return Answer(int(status), headers, body.decode())


def exchange(server: Server, data: bytes, protocols: Sequence[str] = ("http/1.1",)) -> Answer:
    with connect(server.port, server.ca, protocols) as sock:
        sock.sendall(data)
        return received(sock)


def get(server: Server, path: str, *, token: str | None = None, method: str = "GET") -> Answer:
    authorization = f"Authorization: Bearer {token}\r\n" if token is not None else ""
    return exchange(server, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n".encode())
