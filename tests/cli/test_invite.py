"""`securechat invite` as people run it: one line on standard output, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from securechat import config
from securechat.protocol.invites import Invite, parse
from securechat.store.accounts import Accounts
from securechat.store.database import open_database
from securechat.tls import authority, pins
from tests import forking

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_database(tmp_path, config.Store())) as database:
        Accounts(database, ["#lobby"]).add("Ada", b"", admin=True)
    authority.create(tmp_path, ["chat.example.org"])
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*words: str) -> Result:
        command = [*forking.PREFIX, *words, "--data", str(folder)]
        result = forking.run(command, cwd=folder)
        assert "Traceback" not in result.stderr
        return result

    return run


def invited(run: Run, *words: str) -> tuple[Invite, str]:
    """What the code says, and what was said besides."""
    done = run("invite", *words)
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    assert line.startswith("securechat join ")
    return parse(line.removeprefix("securechat join ")), done.stderr


def states(run: Run) -> dict[str, tuple[str, str]]:
    listed = json.loads(run("users", "list", "--json").stdout)
    return {one["name"]: (one["role"], one["state"]) for one in listed}


def test_the_line_alone_is_on_standard_output_and_says_where_and_which_key(run: Run, folder: Path) -> None:
    invite, said = invited(run, "bob")
    pin = pins.of((folder / "server.crt").read_text())
    assert (invite.account, invite.host, invite.port) == ("bob", "chat.example.org", 6697)
    assert pins.parse(invite.key.hex()) == pin
    assert said.startswith("bob may join once, at chat.example.org:6697, until 20")
    assert invite.password not in said
    assert invite.secret not in b"".join(path.read_bytes() for path in folder.glob("securechat.db*"))


def test_it_makes_the_account_and_the_list_shows_who_has_not_joined(run: Run) -> None:
    invited(run, "bob", "--hours", "5")
    assert invited(run, "eve", "--admin")[1].startswith("eve, an admin, may join once, at ")
    found = states(run)
    assert found["Ada"] == ("admin", "active")
    assert found["eve"][0] == "admin"
    role, state = found["bob"]
    assert role == "member"
    until = datetime.fromisoformat(state.removeprefix("invited until "))
    assert timedelta(hours=4.9) < until - datetime.now(UTC) < timedelta(hours=5.1)


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("10.0.0.7", ("10.0.0.7", 6697)),
        ("team.example:7000", ("team.example", 7000)),
        ("[2001:db8::1]:7000", ("2001:db8::1", 7000)),
        ("2001:db8::1", ("2001:db8::1", 6697)),
    ],
)
def test_people_are_led_to_the_address_that_is_given(run: Run, host: str, place: tuple[str, int]) -> None:
    invite, _ = invited(run, "bob", "--host", host)
    assert (invite.host, invite.port) == place


def test_the_port_is_the_configurations(run: Run, folder: Path) -> None:
    (folder / "config.toml").write_text("[[listen]]\nport = 7001\n")
    assert invited(run, "bob")[0].port == 7001
    assert invited(run, "bob", "--host", "team.example")[0].port == 7001


def test_another_invite_takes_the_place_of_the_first(run: Run) -> None:
    first, _ = invited(run, "bob")
    second, said = invited(run, "BOB")
    assert first.secret != second.secret
    assert second.account == "bob"
    assert "the earlier invite is void" in said


def test_it_can_be_withdrawn(run: Run) -> None:
    invited(run, "bob")
    assert run("invite", "bob", "--revoke").stdout == "withdrew the invite of bob\n"
    assert states(run)["bob"] == ("member", "no password")
    again = run("invite", "bob", "--revoke")
    assert (again.returncode, again.stdout) == (1, "")
    assert "no open invite for 'bob'" in again.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["ada"], 1, "account 'Ada' has a password of its own already; for a new one type: securechat passwd Ada"),
        (["no name"], 2, "cannot be an account's name"),
        (["bob", "--channel", "ops"], 2, "'ops' is no channel name"),
        (["bob", "--hours", "0"], 2, "--hours"),
        (["bob", "--host", "bob@chat.example.org"], 2, "names an account"),
        (["bob", "--host", "chat.example.org:http"], 2, "'http' is no port"),
        (["bob", "--host", "\u202eevil.example"], 2, "cannot stand in an invite"),
        (["bob", "--cert", "none.crt"], 2, "cannot read none.crt"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    run: Run, folder: Path, words: list[str], status: int, said: str
) -> None:
    done = run("invite", *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    with closing(open_database(folder, config.Store())) as database:
        assert [listed.account.name for listed in Accounts(database, ()).listing()] == ["Ada"]


def test_without_a_port_the_address_must_be_given(run: Run, folder: Path) -> None:
    (folder / "config.toml").write_text("[[listen]]\nport = 0\n")
    assert "--host HOST:PORT" in run("invite", "bob").stderr
    assert invited(run, "bob", "--host", "team.example:7000")[0].port == 7000


def test_it_is_in_the_audit_log(run: Run) -> None:
    invited(run, "bob", "--channel", "#ops")
    run("invite", "bob", "--revoke")
    told = [json.loads(line) for line in run("audit", "--json").stdout.splitlines()]
    assert [one["act"] for one in told][-3:] == ["account.add", "invite.create", "invite.revoke"]
    assert told[-2]["detail"].endswith(" #ops")
