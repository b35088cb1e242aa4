"""`securechat client-setup`: what it prints makes a fresh client connect and be heard."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from securechat.client.address import Address
from securechat.store.tokens import Tokens
from securechat.tls import pins
from securechat.ui import setups
from tests import forking
from tests.clients import NETWORK, Catgirl, Irssi, Weechat
from tests.looks import CATGIRL, IRSSI, WEECHAT, Looks
from tests.running import PASSWORD, Server
from tests.terminal import Terminal

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Run:
    """With the password at hand, and in the profile of somebody who knows the server's CA."""
    server.adduser("ada")
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)

    def run(*words: str, trust: tuple[str, ...] = ("--ca", str(server.ca))) -> subprocess.CompletedProcess[str]:
        command = [*forking.PREFIX, "client-setup", *words, "--profile-dir", str(tmp_path / "profile")]
        return forking.run([*command, "--password-file", str(password), *trust])

    return run


def place(server: Server) -> str:
    return f"ada@localhost:{server.port}"


def names_of_tokens(server: Server) -> list[str]:
    with closing(server.open_store()) as database:
        return [one.name.split(" on ")[0] for one in Tokens(database).listing("ada")]


@pytest.mark.real_client
@pytest.mark.parametrize(
    ("kind", "looks", "name"),
    [(Weechat, WEECHAT, "weechat"), (Irssi, IRSSI, "irssi"), (Catgirl, CATGIRL, "catgirl")],
)
def test_a_fresh_client_with_these_lines_is_heard(
    kind: type[Weechat | Irssi | Catgirl], looks: Looks, name: str, server: Server, run: Run, tmp_path: Path
) -> None:
    done = run(name, place(server), "--name", NETWORK)
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout
    [start] = re.findall("then start it so: (.*)", done.stderr) or [""]
    with server.login("bob") as bob, kind(tmp_path / "home", done.stdout.splitlines(), start) as client:
        client.go("#lobby")
        client.see(looks.joined.format(nick="ada", channel="#lobby"))
        client.type("set up")
        bob.wait_for("PRIVMSG", text="set up")
    assert names_of_tokens(server) == [name]
    assert re.search(r"admitted ada from 127.0.0.1 by token \w+", server.log())


@pytest.mark.real_client
def test_irssi_takes_the_pin_where_that_is_what_is_known(server: Server, run: Run, tmp_path: Path) -> None:
    pin = pins.of((server.certificates / "server.crt").read_bytes())
    done = run("irssi", place(server), "--name", NETWORK, trust=("--pin", pin))
    assert done.returncode == 0, done.stderr
    with server.login("bob") as bob, Irssi(tmp_path / "home", done.stdout.splitlines()) as client:
        client.go("#lobby")
        client.type("by pin")
        bob.wait_for("PRIVMSG", text="by pin")
    wrong = setups.irssi(
        setups.Setup(NETWORK, Address("localhost", server.port), "ada", "x", None, "sha256:" + "0" * 64)
    )
    with Irssi(tmp_path / "other", list(wrong.text)) as client:
        client.see("Pinned public key mismatch")


@pytest.mark.parametrize("name", ["weechat", "catgirl", "senpai", "halloy"])
def test_who_can_take_no_pin_is_told_what_to_ask_for_before_a_token_is_made(
    name: str, server: Server, run: Run, tmp_path: Path
) -> None:
    done = run(name, place(server), trust=("--pin", "sha256:" + "0" * 64))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name} cannot trust localhost:{server.port} by the pin" in done.stderr
    assert "--ca FILE" in done.stderr
    assert names_of_tokens(server) == []


def test_halloys_lines_are_toml_that_says_it_all(server: Server, run: Run) -> None:
    done = run("halloy", place(server), "--name", "team")
    written = tomllib.loads(done.stdout)["servers"]["team"]
    token = written["sasl"]["plain"].pop("password")
    assert token.startswith("sct_")
    assert written == {
        "nickname": "ada",
        "server": "localhost",
        "port": server.port,
        "use_tls": True,
        "root_cert_path": written["root_cert_path"],
        "sasl": {"plain": {"username": "ada"}},
    }
    assert Path(written["root_cert_path"]).read_bytes() == server.ca.read_bytes()


def test_senpais_lines_name_the_server_and_how_to_start_it(server: Server, run: Run) -> None:
    done = run("senpai", place(server))
    first, second, third = done.stdout.splitlines()
    assert (first, second) == (f'address "ircs://localhost:{server.port}"', 'nickname "ada"')
    assert re.fullmatch(r'password "sct_\S+"', third)
    assert re.search(r"then start it so: SSL_CERT_FILE=\S+ senpai\n", done.stderr)


def test_a_remembered_computer_needs_the_password_for_a_token(server: Server, run: Run, tmp_path: Path) -> None:
    words = [*forking.PREFIX, "login", place(server), "--profile-dir", str(tmp_path / "profile")]
    words += ["--ca", str(server.ca), "--password-file", str(tmp_path / "password"), "--remember"]
    assert forking.run(words).returncode == 0
    done = run("senpai", trust=())
    assert done.returncode == 0, done.stderr
    assert f"localhost:{server.port}" in done.stdout
    (tmp_path / "password").write_text("")
    assert run("senpai", trust=()).returncode == 2
    assert len(names_of_tokens(server)) == 2


def test_on_a_terminal_the_password_is_asked_for_and_nothing_else(server: Server, tmp_path: Path) -> None:
    server.adduser("ada")
    words = [*forking.PREFIX, "client-setup", "halloy", place(server), "--ca", str(server.ca)]
    terminal = Terminal([*words, "--profile-dir", str(tmp_path / "profile")], {**os.environ, "TERM": "xterm"})
    terminal.wait_for("Password of ada")
    terminal.enter(PASSWORD)
    assert terminal.status() == 0
    assert re.search('password = "sct_', terminal.text)
    assert "Remember" not in terminal.text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("weechat",), "this profile never logged in"),
        (("mutt", "ada@localhost"), "'mutt' is not one of"),
        (("irssi", "ada@localhost", "--name", "my team"), "is no name for a server"),
        (("irssi", "ada@localhost", "--client-cert", "x"), "docs/clients.md"),
    ],
)
def test_a_mistake_says_what_to_type(run: Run, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
