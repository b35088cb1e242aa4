"""`securechat doctor` as people run it: what is right is ticked, the first thing that is not is explained."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from securechat import __version__
from securechat.cli.doctor import PLAIN, SKIPPED
from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken
from securechat.tls import authority, pins
from tests import forking
from tests.certificates import client_pem, server_pem
from tests.cli.conftest import Login
from tests.running import PASSWORD, Server

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(person: Login, tmp_path: Path) -> Run:
    def run(*words: str, trust: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        command = [*forking.PREFIX, "doctor", *words, "--profile-dir", str(person.profile("ada"))]
        command += ["--ca", str(person.server.ca)] if trust else []
        surroundings = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "no server"), **env}
        if not env:
            done = forking.run(command, env=surroundings)
        else:  # the interpreter is to know of it
            done = subprocess.run(command, capture_output=True, text=True, env=surroundings, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        return done

    return run


def place(server: Server) -> str:
    return f"ada@localhost:{server.port}"


def marks(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The name of what was checked, and its mark."""
    rows = [(line[:1], line[3:15].strip()) for line in done.stdout.splitlines() if line[:1] in PLAIN]
    return {name: mark for mark, name in rows}


def remembered(team: Login) -> DeviceToken:
    token = DeviceToken(*team.server.token("ada"))
    Profile(team.profile("ada")).token(Address("localhost", team.server.port), "ada").keep(token)
    return token


def test_all_that_is_right_is_ticked(team: Login, run: Run) -> None:
    assert team.pipe("ada", "", "--remember").returncode == 0
    done = run(place(team.server))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    ticked = ("profile", "clock", "name", "port", "TLS", "certificate", "trust", "account", "version")
    assert marks(done) == dict.fromkeys(ticked, "✓")
    for fact in ("127.0.0.1", "TLS 1.3", f"securechat-{__version__}; its clock agrees", "logged in as ada"):
        assert fact in done.stdout
    assert pins.of((team.server.certificates / "server.crt").read_bytes()) in done.stdout
    assert done.stdout.endswith("\nnothing is wrong\n")
    assert marks(run(trust=False)) == marks(run(place(team.server), trust=False))  # the one that was used last


def test_a_terminal_without_these_signs_gets_words(team: Login, run: Run) -> None:
    done = run(place(team.server), PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "ok profile" in done.stdout
    assert "-- account" in done.stdout


def test_without_a_token_no_login_is_tried_and_no_password_sent(team: Login, run: Run) -> None:
    done = run(place(team.server), SECURECHAT_PASSWORD=PASSWORD)
    assert done.returncode == 0
    assert marks(done)["account"] == marks(done)["version"] == SKIPPED
    assert f"`securechat login {place(team.server)}` asks for the password" in done.stdout
    assert "ada" not in team.server.log()


def test_who_was_nowhere_yet_is_told_how_to_look_at_a_server(run: Run) -> None:
    done = run()
    assert done.returncode == 0
    assert "securechat doctor HOST" in done.stdout


def test_the_first_failure_is_explained_and_what_builds_on_it_left_out(person: Login, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = run(f"localhost:{port}")
    assert done.returncode == 3
    assert marks(done) == {
        **dict.fromkeys(("profile", "clock", "name"), "✓"),
        "port": "✗",
        **dict.fromkeys(("TLS", "certificate", "trust", "account", "version"), SKIPPED),
    }
    assert done.stderr.startswith(f"securechat: nothing listens at localhost:{port}: connection refused")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "failed", "status", "said"),
    [
        (("a..b",), "name", 3, "no host 'a..b' is known"),
        (("PLACE", "--pin", "sha256:" + "0" * 64), "trust", 4, "does not have the pinned key"),
        (("PLACE",), "trust", 4, "give --ca FILE"),
        (("PLACE", "--client-cert", "SELF-SIGNED"), "your own", 1, "is self-signed: you made it yourself"),
        (("PLACE", "--client-cert", "CA"), "your own", 1, "is self-signed"),
    ],
)
def test_what_fails_on_the_way_is_named(
    team: Login, run: Run, words: tuple[str, ...], failed: str, status: int, said: str
) -> None:
    remembered(team)
    self_signed = client_pem(team.server.certificates, "ada", self_signed=True)
    values = {"PLACE": place(team.server), "SELF-SIGNED": str(self_signed), "CA": str(team.server.ca)}
    done = run(*(values.get(word, word) for word in words), trust=False)
    assert done.returncode == status
    assert [name for name, mark in marks(done).items() if mark == "✗"] == [failed]
    assert said in done.stderr
    assert "admitted" not in team.server.log()


def test_a_revoked_token_is_told_and_not_forgotten(team: Login, run: Run) -> None:
    token = remembered(team)
    command = team.server.command("tokens", "revoke", token.id)
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    done = run(place(team.server))
    assert done.returncode == 5
    assert marks(done)["account"] == "✗"
    assert token.secret not in done.stdout + done.stderr
    file = Profile(team.profile("ada")).token(Address("localhost", team.server.port), "ada")
    assert file.read() == token


def test_on_the_servers_machine_its_folder_and_certificate_are_looked_at(team: Login, run: Run) -> None:
    server = team.server
    certificate = f"[tls]\ncertificate = '{server.certificates}/server.crt'\nkey = '{server.certificates}/server.key'\n"
    server.configure(certificate)
    words = (place(server), "--data", str(server.data))
    fine = run(*words)
    assert fine.returncode == 0, fine.stderr
    assert marks(fine)["data folder"] == marks(fine)["server's own"] == "✓"
    (server.data / "securechat.db").chmod(0o644)
    done = run(*words)
    assert done.returncode == 1
    assert f"type: chmod 600 {server.data / 'securechat.db'}" in done.stderr
    (server.data / "securechat.db").chmod(0o600)
    soon = server_pem(server.certificates, "localhost", until=datetime.now(UTC) + timedelta(days=3, hours=1))
    server.configure(certificate.replace(f"{server.certificates}/server.crt", str(soon)))
    done = run(*words)
    assert done.returncode == 1
    assert "expires in 3 days" in done.stderr
    server.configure("")
    assert marks(run(*words))["server's own"] == SKIPPED
    assert authority.days_left(server.certificates / "server.crt") > 14
