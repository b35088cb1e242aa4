"""From an invite to the chat with somebody in between who has a certificate of his own: the secret never leaves."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from securechat.protocol.invites import Invite, write
from securechat.tls import authority
from tests.listening import Listening
from tests.running import Server
from tests.wire import PATIENCE

TRIES = 50
JOIN_EACH = """
import sys
from securechat.cli.main import run
for line in sys.stdin:
    code, profile = line.split()
    print(run(["join", code, "--no-chat", "--password-file", sys.argv[1], "--profile-dir", profile]), flush=True)
"""


class Relay(Listening):
    """Ends TLS with the pair of its folder and carries on to the server whatever it is told, over TLS as well.

    `heard` has what each client said behind its handshake.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        super().__init__(folder)
        self.heard: list[bytes] = []
        self._server = server

    def serve(self, client: ssl.SSLSocket) -> None:
        number = len(self.heard)
        self.heard.append(b"")
        trust = ssl.create_default_context(cafile=self._server.ca)
        with (
            socket.create_connection(("127.0.0.1", self._server.port), PATIENCE) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as upstream,
        ):
            ends = {client: upstream, upstream: client}
            while ready := select.select(ends, (), (), PATIENCE)[0]:
                for end in ready:
                    data = _read(end)
                    if end is client:
                        self.heard[number] += data or b""
                    if data == b"":
                        return
                    ends[end].sendall(data or b"")


def _read(end: ssl.SSLSocket) -> bytes | None:
    """What has come; empty at the end, None when it was nothing for us, as a session ticket is."""
    end.settimeout(0)
    try:
        return end.recv(65536)
    except ssl.SSLWantReadError:
        return None
    finally:
        end.settimeout(PATIENCE)


@pytest.fixture
def impostor(tmp_path: Path, certificates: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with a certificate for the server's name and another key."""
    folder = tmp_path / "impostor"
    if request.param == "of the server's own CA":
        folder.mkdir()
        for name in ("ca.crt", "ca.key"):
            (folder / name).write_bytes((certificates / name).read_bytes())
    authority.create(folder)
    return folder


def joined(tmp_path: Path, invites: list[Invite], port: int) -> tuple[list[int], str]:
    """Have all join by way of this port, each with a profile of his own; gives the statuses and what was said."""
    password = tmp_path / "password"
    password.write_text("quite another battery\n")
    password.chmod(0o600)
    codes = [write(Invite(one.account, one.host, port, one.key, one.secret)) for one in invites]
    lines = "".join(f"{code} {tmp_path}/profile{number}\n" for number, code in enumerate(codes))
    words = [sys.executable, "-c", JOIN_EACH, str(password)]
    done = subprocess.run(words, input=lines, capture_output=True, text=True, timeout=110, check=True)
    return [int(line) for line in done.stdout.split()], done.stderr


@pytest.mark.parametrize("impostor", ["of another CA", "of the server's own CA"], indirect=True)
def test_who_is_in_between_hears_nothing_of_the_invite(server: Server, impostor: Path, tmp_path: Path) -> None:
    """Not a byte behind the handshake, fifty times of fifty."""
    invites = [server.invite(f"guest{number}") for number in range(TRIES)]
    with Relay(impostor, server) as between:
        statuses, said = joined(tmp_path, invites, between.port)
    assert statuses == [4] * TRIES
    assert said.count("is not the server that made this invite: its key is another") == TRIES
    assert between.heard == [b""] * TRIES
    assert "admitted" not in server.log()


def test_with_the_servers_key_the_same_relay_would_hear_it(server: Server, tmp_path: Path) -> None:
    """So it is the key, and nothing else, that kept the others out."""
    invite = server.invite("fay")
    with Relay(server.certificates, server) as between:
        statuses, said = joined(tmp_path, [invite], between.port)
    assert (statuses, "welcome, fay" in said) == ([0], True)
    assert any(b"AUTHENTICATE PLAIN" in heard for heard in between.heard)
