"""The least that any Python TLS server could do: one thread that sends ready bytes on N sockets. No login, no parsing.

Run as `python -m scripts.benchmark.floor CERT KEY MEMBERS BYTES`. The first connection is the sender: for each line
that it sends, everyone else gets BYTES bytes, its line first.
"""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from securechat.tls.contexts import server_context


def main(certificate: str, key: str, members: int, size: int) -> None:
    context = server_context(Path(certificate), Path(key))
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
        sender, *receivers = [_accept(listener, context) for _ in range(members + 1)]
    fan_out(sender, receivers, size)


def _accept(listener: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    sock, _ = listener.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock, server_side=True)


def fan_out(sender: ssl.SSLSocket, receivers: Sequence[ssl.SSLSocket], size: int) -> None:
    pending = b""
    while data := sender.recv(16384):
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            ready = line.rstrip(b"\r").ljust(size - 2, b"x") + b"\r\n"
            for receiver in receivers:
                receiver.send(ready)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
