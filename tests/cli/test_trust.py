"""`securechat trust` as people run it, before and after a login."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from securechat.tls import authority, pins
from tests import forking
from tests.cli.conftest import Login

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(person: Login) -> Run:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return forking.run([*forking.PREFIX, "trust", *words, "--profile-dir", str(person.profile("ada"))])

    return run


def test_a_key_is_listed_shown_and_forgotten(team: Login, run: Run) -> None:
    pin = pins.of((team.server.certificates / "server.crt").read_bytes())
    assert team.pipe("ada", "", "--pin", pin, trust=False).returncode == 0
    server, today = f"localhost:{team.server.port}", f"{datetime.now():%Y-%m-%d}"
    assert run("list").stdout == f"{server}  {pin}  since {today}\n"
    facts = {"server": server, "pin": pin, "ca": None, "since": today}
    assert json.loads(run("list", "--json").stdout) == [facts]
    assert json.loads(run("show", server, "--json").stdout) == facts
    shown = run("show", f"ada@{server}").stdout
    assert [line.split(maxsplit=1)[1] for line in shown.splitlines()[:3]] == [server, pin, today]
    assert run("forget", server).stdout == f"forgot the key of {server}; the next login shows its pin and asks\n"
    assert team.pipe("ada", "", trust=False).returncode == 4
    assert run("list").stdout == ""


def test_a_renewed_certificate_with_the_same_key_goes_unnoticed(person: Login, tmp_path: Path) -> None:
    server = person.server
    server.certificates = tmp_path / "certs"
    authority.create(server.certificates)
    server.adduser("ada")
    server.start()
    before = (server.certificates / "server.crt").read_bytes()
    assert person.pipe("ada", "", "--pin", pins.of(before), trust=False).returncode == 0
    authority.renew(server.certificates)
    assert (server.certificates / "server.crt").read_bytes() != before
    server.restart()
    done = person.pipe("ada", "", trust=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_ca_that_was_given_need_not_be_given_again_until_it_is_forgotten(team: Login, run: Run) -> None:
    assert team.pipe("ada", "").returncode == 0
    assert team.pipe("ada", "", trust=False).returncode == 0
    server = f"localhost:{team.server.port}"
    [facts] = json.loads(run("list", "--json").stdout)
    assert Path(facts["ca"]).read_bytes() == team.server.ca.read_bytes()
    assert f"CA      whatever comes from the CA in {facts['ca']}\n" in run("show", server).stdout
    assert run("forget", server).returncode == 0
    assert team.pipe("ada", "", trust=False).returncode == 4


def test_a_pin_goes_before_a_ca_that_was_given(team: Login, run: Run) -> None:
    pin = pins.of((team.server.certificates / "server.crt").read_bytes())
    assert team.pipe("ada", "", "--pin", pin, trust=False).returncode == 0
    assert team.pipe("ada", "").returncode == 0
    assert pin in run("list").stdout


def test_who_is_not_known_is_named_with_what_is(person: Login, run: Run) -> None:
    nothing = run("list")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "securechat login NAME@HOST" in nothing.stderr
    known = person.profile("ada") / "known_servers"
    known.write_text(f"localhost:7000 sha256:{'0' * 64} 2026-01-02\n")
    for action in ("show", "forget"):
        done = run(action, "localhost")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("localhost:6697 is not trusted here; known of that host: localhost:7000\n")
    assert run("forget", "nowhere.example").stderr.endswith("for those that are: securechat trust list\n")


@pytest.mark.parametrize(("words", "said"), [(["show", "a b"], "names no server"), (["show", "x:0"], "is no port")])
def test_a_bad_address_is_one_line(run: Run, words: list[str], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
