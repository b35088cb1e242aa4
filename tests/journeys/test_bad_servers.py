"""Twelve servers that must be refused, each in words of its own, by `securechat login` with the password at hand.

What a server gets to know behind its handshake is written down: it must be nothing.
"""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.tls import authority
from tests.certificates import server_pem
from tests.running import PASSWORD

NOW = datetime.now(UTC)
OLD_PIN = "sha256:" + "0" * 64
SINCE = date(2026, 1, 2)

Talk = Callable[[socket.socket], bytes]  # gives what it received that is not part of a handshake


class World:
    """A CA that people were given, and another."""

    def __init__(self, folder: Path) -> None:
        self.certs, self.other = folder / "certs", folder / "other"
        for one in (self.certs, self.other):
            authority.create(one)


def shows(make: Callable[[World], Path]) -> Callable[[World], Talk]:
    """A TLS server with this certificate."""

    def with_world(world: World) -> Talk:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(make(world))

        def talk(sock: socket.socket) -> bytes:
            with context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=True) as tls:
                return rest(tls)

        return talk

    return with_world


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


def says(greeting: bytes) -> Callable[[World], Talk]:
    """No TLS at all; what the client begins with is a ClientHello."""

    def talk(sock: socket.socket) -> bytes:
        sock.sendall(greeting)
        received = rest(sock)
        return b"" if received[:3] == b"\x16\x03\x01" and PASSWORD.encode() not in received else received

    return lambda world: talk


class Bad(NamedTuple):
    server: Callable[[World], Talk]
    words: str
    status: int = 4
    known: bool = False  # its key, and that was another one


BAD = {
    "expired": Bad(
        shows(lambda at: server_pem(at.certs, "localhost", since=NOW - timedelta(9), until=NOW - timedelta(1))),
        "expired 2",
    ),
    "not yet valid": Bad(
        shows(lambda at: server_pem(at.certs, "localhost", since=NOW + timedelta(1), until=NOW + timedelta(9))),
        "is not valid before 2",
    ),
    "wrong name": Bad(
        shows(lambda at: server_pem(at.certs, "elsewhere.example")), "is for 'elsewhere.example', not for localhost"
    ),
    "other CA": Bad(shows(lambda at: server_pem(at.other, "localhost")), "does not come from the CA in CERTS/ca.crt"),
    "self-signed": Bad(
        shows(lambda at: server_pem(at.certs, "localhost", self_signed=True)), "vouches for itself, the CA in"
    ),
    "changed key": Bad(
        shows(lambda at: server_pem(at.certs, "localhost")), f"HAS CHANGED*Since {SINCE} it was {OLD_PIN}", known=True
    ),
    "no extended key usage": Bad(
        shows(lambda at: server_pem(at.certs, "localhost", usages=())), "does not say that it is for servers"
    ),
    "common name only": Bad(
        shows(lambda at: server_pem(at.certs, "localhost", common_name_only=True)),
        "names no host, but for the common name 'localhost'",
    ),
    "TLS 1.1": Bad(lambda at: hello_of_1_1, "speaks only old TLS"),
    "truncated": Bad(lambda at: half_a_hello, "closed the connection during the TLS handshake", status=3),
    "plain text": Bad(says(b":irc NOTICE * :Looking up your hostname\r\n"), "speaks plain text, not TLS"),
    "HTTP": Bad(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks HTTP without TLS"),
}


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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def login(port: int, folder: Path, *trust: str) -> subprocess.CompletedProcess[str]:
    password = folder / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    words = [sys.executable, "-m", "securechat", "login", f"ada@localhost:{port}", "--password-file", str(password)]
    words += ["--profile-dir", str(folder / "profile"), *trust]
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def parts(bad: Bad, world: World) -> list[str]:
    return bad.words.replace("CERTS", str(world.certs)).split("*")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_server_gets_to_know_nothing(name: str, world: World, tmp_path: Path) -> None:
    """And its sentence is that of no other."""
    bad = BAD[name]
    with listening(bad.server(world)) as (port, received):
        if bad.known:
            Profile(tmp_path / "profile").remember(Address("localhost", port), OLD_PIN, SINCE)
            done = login(port, tmp_path)
        else:
            done = login(port, tmp_path, "--ca", str(world.certs / "ca.crt"))
    assert done.returncode == bad.status, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("securechat: ")
    assert done.stderr.count("\n") == 1
    fits = [name for name, other in BAD.items() if all(part in done.stderr for part in parts(other, world))]
    assert fits == [name], done.stderr
    assert received
    assert b"".join(received) == b""


def test_a_good_server_of_that_kind_is_taken_and_hears_the_client(world: World, tmp_path: Path) -> None:
    """So the silence of the others is not the test's own."""
    with listening(shows(lambda at: server_pem(at.certs, "localhost"))(world)) as (port, received):
        words = [sys.executable, "-c", GREET, str(port), str(world.certs / "ca.crt"), str(tmp_path / "profile")]
        subprocess.run(words, timeout=60, check=True)
    assert b"".join(received) == b"CAP LS 302\r\n"


GREET = """
import sys
from pathlib import Path
from securechat.client import trust
from securechat.client.address import Address
with trust.connect(Address("localhost", int(sys.argv[1])), trust.ByCA(Path(sys.argv[2]))) as tls:
    tls.setblocking(True)
    tls.sendall(b"CAP LS 302\\r\\n")
"""
