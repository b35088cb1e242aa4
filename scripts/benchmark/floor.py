"""The least that any Python TLS server could do: one thread that sends ready bytes on N sockets. No login, no parsing.

Run as `python -m scripts.benchmark.floor CERT KEY CHANNELS SENDERS MEMBERS ADDED`. People connect channel by channel,
the senders of each first. What a sender says is sent to all others of its channel, a line at a time, behind ADDED
bytes: as much as the server puts before it. Certificate, TLS and socket options are the server's own.
"""

from __future__ import annotations

import select
import socket
import ssl
import sys
from pathlib import Path

from securechat.server.listener import listen
from securechat.tls.contexts import server_context

RECORD_BYTES = 16 * 1024


def main(certificate: str, key: str, channels: int, senders: int, members: int, added: int) -> None:
    context = server_context(Path(certificate), Path(key))
    (listener,) = listen("127.0.0.1", 0)
    listener.setblocking(True)
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    others: dict[ssl.SSLSocket, list[ssl.SSLSocket]] = {}  # of each sender
    for _ in range(channels):
        people = [_accept(listener, context) for _ in range(senders + members)]
        for sender in people[:senders]:
            others[sender] = [one for one in people if one is not sender]
    fan_out(others, b":" + b"x" * (added - 2) + b" ")


def _accept(listener: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
    sock, _ = listener.accept()
    return context.wrap_socket(sock, server_side=True)


def fan_out(others: dict[ssl.SSLSocket, list[ssl.SSLSocket]], source: bytes) -> None:
    senders = {sender.fileno(): sender for sender in others}
    pending = dict.fromkeys(senders, b"")
    epoll = select.epoll()
    for fd in senders:
        epoll.register(fd, select.EPOLLIN)
    while True:
        for fd, _ in epoll.poll():
            data = senders[fd].recv(RECORD_BYTES)
            if not data:
                return
            *lines, pending[fd] = (pending[fd] + data).split(b"\n")
            for line in lines:
                ready = source + line + b"\n"
                for receiver in others[senders[fd]]:
                    receiver.send(ready)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
