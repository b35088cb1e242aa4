"""Servers that must not be trusted, or are none at all; each writes down what it got to know that it should not."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.running import PASSWORD

Talk = Callable[[socket.socket], bytes]  # gives what it received that is not part of a handshake


def shows(pem: Path) -> Talk:
    """A TLS server with this certificate and key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def talk(sock: socket.socket) -> bytes:
        with context.wrap_socket(sock, server_side=True) as tls:
            return rest(tls)

    return talk


def hangs_up(pem: Path) -> Talk:
    """The same, but it goes as soon as it has heard something."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def talk(sock: socket.socket) -> bytes:
        with context.wrap_socket(sock, server_side=True) as tls:
            return tls.recv(4096)

    return talk


def rest(sock: socket.socket) -> bytes:
    received = b""
    while data := sock.recv(4096):
        received += data
    return received


def hello_of_1_1(sock: socket.socket) -> bytes:
    """A ServerHello of TLS 1.1, written by hand: OpenSSL makes none any more."""
    sock.recv(4096)
    body = struct.pack("!H", 0x0302) + bytes(32) + b"\0" + struct.pack("!H", 0xC013) + b"\0"
    handshake = b"\x02" + len(body).to_bytes(3) + body
    sock.sendall(b"\x16\x03\x02" + struct.pack("!H", len(handshake)) + handshake)
    return beyond_an_alert(rest(sock))


def half_a_hello(sock: socket.socket) -> bytes:
    """What it announces is longer than what comes."""
    sock.recv(4096)
    sock.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20))
    sock.shutdown(socket.SHUT_WR)
    return beyond_an_alert(rest(sock))


def beyond_an_alert(received: bytes) -> bytes:
    """An alert of TLS tells nothing but why it ends; it is 7 bytes long."""
    return received[7:] if received[:1] == b"\x15" else received


def says(greeting: bytes) -> Talk:
    """No TLS at all; what the client begins with is a ClientHello."""

    def talk(sock: socket.socket) -> bytes:
        sock.sendall(greeting)
        received = rest(sock)
        return b"" if received[:3] == b"\x16\x03\x01" and PASSWORD.encode() not in received else received

    return talk


@contextmanager
def listening(talk: Talk) -> Iterator[tuple[int, list[bytes]]]:
    """The port, and what came behind each handshake."""
    received: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with closing(sock):
                sock.settimeout(20)
                try:
                    received.append(talk(sock))
                except OSError:
                    received.append(b"")  # the handshake was ended by the client, as it should

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], received
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)
