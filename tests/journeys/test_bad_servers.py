"""Twelve servers that must be refused, each in words of its own, by `securechat login` with the password at hand.

What a server gets to know behind its handshake is written down: it must be nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.tls import authority
from tests import forking
from tests.bad_servers import Talk, half_a_hello, hello_of_1_1, listening, says, shows
from tests.certificates import server_pem
from tests.running import PASSWORD
from tests.stepping import LIBRARY, SteppingClock

YEAR = 365 * 86400
NOW = datetime.now(UTC)
OLD_PIN = "sha256:" + "0" * 64
SINCE = date(2026, 1, 2)


class World:
    """A CA that people were given, and another."""

    def __init__(self, folder: Path) -> None:
        self.certs, self.other = folder / "certs", folder / "other"
        for one in (self.certs, self.other):
            authority.create(one)


class Bad(NamedTuple):
    server: Callable[[World], Talk]
    words: str
    status: int = 4
    known: bool = False  # its key, and that was another one


BAD = {
    "expired": Bad(
        lambda at: shows(server_pem(at.certs, "localhost", since=NOW - timedelta(9), until=NOW - timedelta(1))),
        "expired 2",
    ),
    "not yet valid": Bad(
        lambda at: shows(server_pem(at.certs, "localhost", since=NOW + timedelta(1), until=NOW + timedelta(9))),
        "is not valid before 2",
    ),
    "wrong name": Bad(
        lambda at: shows(server_pem(at.certs, "elsewhere.example")), "is for 'elsewhere.example', not for localhost"
    ),
    "other CA": Bad(lambda at: shows(server_pem(at.other, "localhost")), "does not come from the CA in CERTS/ca.crt"),
    "self-signed": Bad(
        lambda at: shows(server_pem(at.certs, "localhost", self_signed=True)), "vouches for itself, the CA in"
    ),
    "changed key": Bad(
        lambda at: shows(server_pem(at.certs, "localhost")), f"HAS CHANGED*Since {SINCE} it was {OLD_PIN}", known=True
    ),
    "no extended key usage": Bad(
        lambda at: shows(server_pem(at.certs, "localhost", usages=())), "does not say that it is for servers"
    ),
    "common name only": Bad(
        lambda at: shows(server_pem(at.certs, "localhost", common_name_only=True)),
        "names no host, but for the common name 'localhost'",
    ),
    "TLS 1.1": Bad(lambda at: hello_of_1_1, "speaks only old TLS"),
    "truncated": Bad(lambda at: half_a_hello, "closed the connection during the TLS handshake", status=3),
    "plain text": Bad(lambda at: says(b":irc NOTICE * :Looking up your hostname\r\n"), "speaks plain text, not TLS"),
    "HTTP": Bad(lambda at: says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks HTTP without TLS"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def login(
    port: int, folder: Path, *trust: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    password = folder / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    words = [*forking.PREFIX, "login", f"ada@localhost:{port}", "--password-file", str(password)]
    words += ["--profile-dir", str(folder / "profile"), *trust]
    if env is None:
        return forking.run(words)
    quiet = subprocess.DEVNULL
    return subprocess.run(words, stdin=quiet, capture_output=True, text=True, timeout=60, check=False, env=env)


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


@pytest.mark.skipif(LIBRARY is None, reason="no libfaketime; install the package libfaketime")
def test_where_the_clock_here_is_wrong_it_is_named_and_nothing_is_sent(world: World, tmp_path: Path) -> None:
    clock = SteppingClock(tmp_path)
    clock.set(-20 * YEAR)
    with listening(shows(server_pem(world.certs, "localhost"))) as (port, received):
        done = login(port, tmp_path, "--ca", str(world.certs / "ca.crt"), env=clock.environment)
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("securechat: the clock of this computer is wrong: it says 20")
    assert done.stderr.count("\n") == 1
    assert received
    assert b"".join(received) == b""


def test_a_good_server_of_that_kind_is_taken_and_hears_the_client(world: World, tmp_path: Path) -> None:
    """So the silence of the others is not the test's own."""
    with listening(shows(server_pem(world.certs, "localhost"))) as (port, received):
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
