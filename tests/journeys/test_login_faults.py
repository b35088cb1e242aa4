"""What can go wrong with a login, one fault at a time: each has a sentence of its own and says what to do next.

The command line is the real one, and none of it ever ends with a traceback.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken
from securechat.store.accounts import Accounts
from securechat.store.tokens import Tokens
from securechat.tls import authority
from tests import forking
from tests.bad_servers import Talk, hangs_up, listening, rest, says, shows
from tests.certificates import client_pem, server_pem
from tests.running import PASSWORD, Server

LIMITS = "[limits]\nguesses_per_account = 5\nguesses_per_address = 1000\n"
LONG_LABEL = "x" * 64 + ".example"  # no name server is asked for it
NOW = datetime.now(UTC)
PIN = "sha256:" + "0" * 64


class Scene:
    """One person's folder, and a server that may be none of ours; `words` are those of `securechat login`."""

    def __init__(self, server: Server, folder: Path, stack: ExitStack) -> None:
        self.server = server
        self.folder = folder
        self.stack = stack
        self.profile = folder / "profile"
        self.password = folder / "password"
        self.password.touch(0o600)
        self.password.write_text(PASSWORD)
        self.account = "ada"
        self.place = f"localhost:{server.port}"
        self.trust = ["--ca", str(server.ca)]
        self.words = ["--password-file", str(self.password)]
        self.text = ""
        self.preexec: Callable[[], None] | None = None

    @property
    def address(self) -> Address:
        host, _, port = self.place.partition(":")
        return Address(host, int(port))

    def command(self) -> list[str]:
        words = [*forking.PREFIX, "login", f"{self.account}@{self.place}", *self.trust, *self.words]
        return words if "--profile-dir" in words else [*words, "--profile-dir", str(self.profile)]

    def serve(self, talk: Talk) -> None:
        port, _ = self.stack.enter_context(listening(talk))
        self.place = f"localhost:{port}"


class Fault(NamedTuple):
    prepare: Callable[[Scene], None]
    status: int
    sentence: str
    advice: str
    lines: int = 1  # what it says takes so many


def with_words(*words: str, password: bool = True, trust: bool = True) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        scene.words = [*(scene.words if password else []), *words]
        scene.trust = scene.trust if trust else []

    return prepare


def at(place: str) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        scene.place = place

    return prepare


def with_password(content: bytes | None, mode: int = 0o600) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        scene.password.unlink()
        if content is not None:
            scene.password.write_bytes(content)
            scene.password.chmod(mode)

    return prepare


def refused_port(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        scene.place = f"localhost:{listener.getsockname()[1]}"


def silent_port(scene: Scene) -> None:
    scene.serve(rest)


def plain_text(scene: Scene) -> None:
    scene.serve(says(b":irc NOTICE * :Looking up your hostname\r\n"))


def http(scene: Scene) -> None:
    scene.serve(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


def showing(make: Callable[[Path], Path]) -> Callable[[Scene], None]:
    """A server with this certificate of the CA's folder."""

    def prepare(scene: Scene) -> None:
        scene.serve(shows(make(scene.server.certificates)))

    return prepare


def gone_in_the_login(scene: Scene) -> None:
    scene.serve(hangs_up(server_pem(scene.server.certificates, "localhost")))


def changed_key(scene: Scene) -> None:
    scene.trust = []
    Profile(scene.profile).remember(scene.address, PIN, date(2026, 1, 2))


def wrong_password(scene: Scene) -> None:
    scene.password.write_text("not that one")


def suspended(scene: Scene) -> None:
    scene.account = "sue"


def too_many_guesses(scene: Scene) -> None:
    scene.account = "tom"
    for _ in range(5):
        with scene.server.connect() as wire:
            wire.authenticate("tom", "a wrong one")
            wire.wait_for("904")


def damage(scene: Scene, content: bytes) -> None:
    path = Profile(scene.profile).folder / "known_servers"
    path.touch(0o600)
    path.write_bytes(content)


def damaged_line(scene: Scene) -> None:
    scene.trust = []
    damage(scene, f"{scene.place} sha256:12 2026-01-02\n".encode())


def damaged_known_servers(scene: Scene) -> None:
    scene.trust = []
    damage(scene, b"\xff\xfe\0")


def damaged_token(scene: Scene) -> None:
    scene.words = []
    Profile(scene.profile).token(scene.address, "ada").keep(DeviceToken("1f3a5c7e", "sct_secret"))
    [path] = (scene.profile / "tokens").iterdir()
    path.write_text("{")


def revoked_token(scene: Scene) -> None:
    scene.words = []
    ident, secret = scene.server.token("eve")
    scene.account = "eve"
    Profile(scene.profile).token(scene.address, "eve").keep(DeviceToken(ident, secret))
    with closing(scene.server.open_store()) as database:
        Tokens(database).revoke_all("eve")


def no_room(scene: Scene) -> None:
    """Every write to a file fails; the first is that of the key that --pin gives."""
    from securechat.tls import pins

    scene.trust = ["--pin", pins.of((scene.server.certificates / "server.crt").read_bytes())]
    Profile(scene.profile)
    scene.preexec = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def other_ca(scene: Scene) -> None:
    authority.create(scene.folder / "other")
    scene.trust = ["--ca", str(scene.folder / "other" / "ca.crt")]


def ca_not_pem(scene: Scene) -> None:
    (scene.folder / "ca.txt").write_text("Dear diary")
    scene.trust = ["--ca", str(scene.folder / "ca.txt")]


def own_certificate(name: str, *, password: bool = False) -> Callable[[Scene], None]:
    def prepare(scene: Scene) -> None:
        pem = client_pem(scene.server.certificates, name)
        scene.words = [*(scene.words if password else []), "--client-cert", str(pem)]

    return prepare


FAULTS = {
    "unknown host": Fault(at(f"{LONG_LABEL}:6697"), 3, f"no host '{LONG_LABEL}' is known", "check the name"),
    "refused port": Fault(refused_port, 3, "connection refused", "is the server running on that port"),
    "silent port": Fault(silent_port, 3, "does not answer the TLS handshake within 15 s", "is it a TLS port"),
    "plain text": Fault(plain_text, 4, "speaks plain text, not TLS", "give the port of securechat"),
    "HTTP": Fault(http, 4, "speaks HTTP without TLS", "give the port of securechat"),
    "expired certificate": Fault(
        showing(lambda certs: server_pem(certs, "localhost", since=NOW - timedelta(9), until=NOW - timedelta(1))),
        4,
        "expired 2",
        "renews it with: python scripts/gen_certs.py renew",
    ),
    "wrong name": Fault(
        showing(lambda certs: server_pem(certs, "elsewhere.example")),
        4,
        "is for 'elsewhere.example', not for localhost",
        "use such a name, or have its operator make one",
    ),
    "other CA": Fault(other_ca, 4, "does not come from the CA in", "ask its operator for the server's ca.crt"),
    "changed key": Fault(changed_key, 4, "HAS CHANGED", "securechat trust forget localhost:"),
    "unknown key": Fault(with_words(trust=False), 4, "is not known and no CA of this system", "give --ca FILE"),
    "other pin": Fault(
        with_words("--pin", PIN, trust=False), 4, "does not have the pinned key", "ask its operator for the pin"
    ),
    "wrong password": Fault(wrong_password, 5, "wrong name or password", "check both, or ask the server's operator"),
    "suspended": Fault(suspended, 5, "this account is suspended", "ask the server's operator"),
    "too many guesses": Fault(too_many_guesses, 5, "too many attempts to log in", "; that is at "),
    "no password": Fault(with_words(password=False), 2, "no password: ", "give --password-file FILE"),
    "password file missing": Fault(with_password(None), 2, "cannot read the password file", "give the path"),
    "password file empty": Fault(with_password(b"\n"), 2, "is empty", "it must be the password"),
    "password file not UTF-8": Fault(with_password(b"\xff\n"), 2, "is not UTF-8", "write it again with a text editor"),
    "password file too open": Fault(with_password(PASSWORD.encode(), 0o644), 0, "others may read", "chmod 600 "),
    "profile not a folder": Fault(
        with_words("--profile-dir", "/dev/null/profile"), 2, "cannot use the profile", "another one with --profile-dir"
    ),
    "no room": Fault(no_room, 2, "File too large", "another one with --profile-dir"),
    "damaged known server": Fault(damaged_line, 2, "is damaged, so nobody knows", "securechat trust forget localhost:"),
    "damaged known servers": Fault(damaged_known_servers, 2, "it is not UTF-8", "move it away"),
    "damaged token": Fault(damaged_token, 2, "cannot be used: cannot read", "give --password-file FILE", lines=2),
    "revoked token": Fault(revoked_token, 5, "its device token was refused", "check both, or ask", lines=2),
    "server gone in the login": Fault(gone_in_the_login, 3, "lost during the login as 'ada'", "try again"),
    "both --ca and --pin": Fault(with_words("--pin", PIN), 2, "are two ways to trust a server", "give one of them"),
    "bad pin": Fault(with_words("--pin", "sha256:12", trust=False), 2, "not a pin: 'sha256:12'", "64 hex digits"),
    "bad address": Fault(at("a b"), 2, "names no server", "as in ada@chat.example.org"),
    "bad port": Fault(at("localhost:99999"), 2, "'99999' is no port", "give a number from 1 to 65535"),
    "CA missing": Fault(
        with_words("--ca", "/nonexistent/ca.crt", trust=False),
        2,
        "cannot read /nonexistent/ca.crt",
        "bring the server's",
    ),
    "CA not PEM": Fault(ca_not_pem, 4, "holds no certificate in PEM", "ask the server's operator for its ca.crt"),
    "another's certificate": Fault(own_certificate("bob"), 2, "is the certificate of bob, not of ada", "log in as bob"),
    "certificate and password": Fault(
        own_certificate("ada", password=True), 2, "are two ways to log in", "give one of them"
    ),
    "certificate where none is asked for": Fault(
        own_certificate("ada"), 5, "asks for no client certificate on this port", "ask the server's operator"
    ),
    "key without certificate": Fault(
        with_words("--client-key", "x", password=False),
        2,
        "--client-key comes with --client-cert",
        "--client-cert FILE",
    ),
    "bad target": Fault(with_words("--to", "no good"), 2, "neither a channel", "as '#ops'"),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"), certificates, LIMITS)
    server.adduser("ada", "bob", "eve", "sue", "tom")
    with closing(server.open_store()) as database:
        Accounts(database, ()).suspend("sue")
    yield server.start()
    server.kill()


def run(scene: Scene) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "SECURECHAT_PASSWORD"}
    if scene.preexec is None:
        return forking.run(scene.command(), input=scene.text, env=env)
    return subprocess.run(
        scene.command(),
        input=scene.text,
        capture_output=True,
        text=True,
        env=env,
        timeout=60,
        check=False,
        preexec_fn=scene.preexec,
    )


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_sentence_and_what_to_do_next(fault: Fault, running: Server, tmp_path: Path) -> None:
    with ExitStack() as stack:
        scene = Scene(running, tmp_path, stack)
        fault.prepare(scene)
        done = run(scene)
    assert done.returncode == fault.status, done.stderr
    assert done.stdout == ""
    assert fault.sentence in done.stderr
    assert fault.advice in done.stderr
    assert all(line.startswith("securechat: ") for line in done.stderr.splitlines())
    assert done.stderr.count("\n") == fault.lines
    assert "this is a bug" not in done.stderr
    assert PASSWORD not in done.stderr


def test_no_two_faults_have_the_same_sentence() -> None:
    assert len({fault.sentence for fault in FAULTS.values()}) == len(FAULTS) >= 25


def test_a_server_that_goes_away_in_a_chat_is_one_line(tmp_path: Path, certificates: Path) -> None:
    server = Server(tmp_path / "server", certificates)
    server.adduser("ada")
    server.start()
    with ExitStack() as stack:
        scene = Scene(server, tmp_path, stack)
        scene.words += ["--give-up", "0"]
        pipe = subprocess.PIPE
        with subprocess.Popen(scene.command(), stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdin.write("hello\n")
            process.stdin.flush()
            assert process.stdout.readline().endswith("<ada> hello\n")
            server.signal(signal.SIGKILL)
            assert process.wait(20) == 3
            assert "every line up to 1 is acknowledged" in process.stderr.read()
    server.wait()
