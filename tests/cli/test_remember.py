"""A computer that is remembered: no password at the next login, until it is forgotten or its token is revoked."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken, TokenFile
from securechat.store.tokens import Token, Tokens
from tests import forking
from tests.cli.conftest import Login
from tests.running import PASSWORD
from tests.terminal import Terminal

OpenTerminal = Callable[..., Terminal]


def file(team: Login) -> TokenFile:
    return Profile(team.profile("ada")).token(Address("localhost", team.server.port), "ada")


def listed(team: Login) -> list[Token]:
    with closing(team.server.open_store()) as database:
        return Tokens(database).listing()


def revoke(team: Login) -> None:
    """All that there are."""
    with closing(team.server.open_store()) as database:
        Tokens(database).revoke_all("ada")


def remembered(team: Login) -> DeviceToken:
    """Have ada's computer remembered."""
    token = DeviceToken(*team.server.token("ada"))
    file(team).keep(token)
    return token


def test_a_piped_login_is_remembered_and_takes_no_password_next_time(team: Login) -> None:
    first = team.pipe("ada", "one\n", "--remember")
    assert first.returncode == 0
    assert "this computer is remembered as" in first.stderr
    token = file(team).read()
    assert token is not None
    second = team.pipe("ada", "two\n", password=False)
    assert (second.returncode, second.stderr) == (0, "")
    [one] = listed(team)
    assert (one.id, one.name) == (token.id, os.uname().nodename)
    assert one.address == "127.0.0.1"


def test_a_script_that_always_says_remember_makes_one_token(team: Login) -> None:
    for _ in range(3):
        assert team.pipe("ada", "", "--remember").returncode == 0
    assert len(listed(team)) == 1


def test_a_password_that_is_given_goes_before_what_is_remembered(team: Login) -> None:
    remembered(team)
    team.password_file.write_text("wrong\n")
    assert team.pipe("ada", "").returncode == 5
    assert team.pipe("ada", "", "--remember").returncode == 0


def test_a_refused_token_is_forgotten_and_a_script_is_told(team: Login) -> None:
    remembered(team)
    revoke(team)
    done = team.pipe("ada", "", password=False)
    assert done.returncode == 5
    assert done.stderr.startswith("securechat: this computer is remembered no longer: its device token was refused\n")
    assert file(team).read() is None
    assert team.pipe("ada", "", "--remember").returncode == 0
    assert file(team).read() is not None


def test_a_token_is_not_forgotten_while_the_account_is_suspended(team: Login) -> None:
    token = remembered(team)
    for state, status in (("suspend", 5), ("resume", 0)):
        assert forking.run(team.server.command("users", state, "ada")).returncode == 0
        done = team.pipe("ada", "", password=False)
        assert done.returncode == status
        assert file(team).read() == token
        assert ("this account is suspended" in done.stderr) == bool(status)


QUESTION = r"Remember this computer, so that the next login takes no password\? \[y/N\]:"


def test_who_says_yes_is_never_asked_again(team: Login, terminal: OpenTerminal) -> None:
    ada = terminal("ada", password=False)
    ada.wait_for("Password of ada")
    ada.enter(PASSWORD)
    ada.wait_for(QUESTION)
    ada.enter("y")
    ada.wait_for("this computer is remembered as")
    ada.enter("/quit")
    assert ada.status() == 0
    again = terminal("ada", password=False)
    again.wait_for("you are ada in #lobby")
    assert "Password" not in again.text
    assert "Remember" not in again.text
    again.enter("/quit")
    assert again.status() == 0


def test_who_says_no_is_asked_for_the_password_only(team: Login, terminal: OpenTerminal) -> None:
    for question in (True, False):
        ada = terminal("ada", password=False)
        ada.wait_for("Password of ada")
        ada.enter(PASSWORD)
        if question:
            ada.wait_for(QUESTION)
            ada.enter("")
        ada.wait_for("you are ada in #lobby")
        ada.enter("/quit")
        assert ada.status() == 0
        assert ("Remember" in ada.text) == question
    assert listed(team) == []


def test_no_file_of_the_client_holds_the_password(team: Login, terminal: OpenTerminal) -> None:
    """After a login, a new password, channels, messages, an outage and a client that was killed in it."""
    new = "staple4711x"
    home = team.folder / "home"
    home.mkdir()
    env = {"HOME": str(home), "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "XDG_STATE_HOME": ""}
    ada = terminal("ada", "--log-level", "DEBUG", "--profile-dir", str(home / "profile"), password=False, env=env)
    ada.wait_for("Password of ada")
    ada.enter(PASSWORD)
    ada.wait_for(QUESTION)
    ada.enter("y")
    ada.wait_for("this computer is remembered as")
    ada.enter("/join #ops")
    ada.wait_for("#ops>")
    ada.enter("hello")
    ada.wait_for("<ada> hello")
    ada.enter("/passwd")
    for question, answer in (("old password", PASSWORD), ("new password", new), ("again", new)):
        ada.wait_for(f"{question}:$")
        ada.enter(answer)
    ada.wait_for("password changed")
    ada.wait_for("(?s)remembered as.*remembered as")  # with another token
    team.server.kill()
    ada.wait_for("connection lost")
    ada.enter("typed offline")
    ada.wait_for("queued for #ops: typed offline")
    ada.child.kill(signal.SIGKILL)
    files = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert any(b"typed offline" in content for content in files.values())
    secrets = [base64.b64encode(f"\0ada\0{one}".encode()) for one in (PASSWORD, new)]
    for secret in (PASSWORD.encode(), new.encode(), *secrets):
        assert [path for path, content in files.items() if secret in content] == []


def test_a_token_that_cannot_be_read_is_explained(team: Login) -> None:
    remembered(team)
    [path] = (team.profile("ada") / "tokens").iterdir()
    path.write_text("{")
    done = team.pipe("ada", "", password=False)
    assert done.returncode == 2
    assert f"cannot be used: cannot read '{path}': it is damaged" in done.stderr


def test_files_that_others_could_use_are_closed_and_that_is_said_once(team: Login) -> None:
    remembered(team)
    [path] = (team.profile("ada") / "tokens").iterdir()
    path.chmod(0o644)
    done = team.pipe("ada", "", password=False)
    assert done.returncode == 0
    assert done.stderr.startswith(f"securechat: others of this machine could use profile-ada/tokens/{path.name}; ")
    assert team.pipe("ada", "", password=False).stderr == ""


def test_a_refused_token_leads_to_the_password(team: Login, terminal: OpenTerminal) -> None:
    remembered(team)
    revoke(team)
    ada = terminal("ada", password=False)
    ada.wait_for("its device token was refused\n(.*\n)*Password of ada")
    ada.enter(PASSWORD)
    ada.wait_for(QUESTION)
    ada.enter("")
    ada.wait_for("you are ada in #lobby")


def test_forgetting_ends_a_session_that_the_token_opened(team: Login, terminal: OpenTerminal) -> None:
    remembered(team)
    ada = terminal("ada", password=False)
    ada.wait_for("you are ada in #lobby")
    ada.enter("/forget")
    assert ada.status() == 0
    assert "forgotten: your next login takes the password" in ada.text
    assert file(team).read() is None
    assert [one.revoked_at is None for one in listed(team)] == [False]
    assert team.pipe("ada", "", password=False).returncode == 2


def test_a_revoked_token_ends_a_session_within_moments_and_it_does_not_come_back(
    team: Login, terminal: OpenTerminal
) -> None:
    remembered(team)
    ada = terminal("ada", password=False)
    ada.wait_for("you are ada in #lobby")
    revoke(team)
    assert ada.status() == 5
    assert "the device token of this session was revoked" in ada.text


def test_a_new_password_keeps_this_computer_remembered(team: Login, terminal: OpenTerminal) -> None:
    first = remembered(team)
    ada = terminal("ada")
    ada.wait_for("you are ada in #lobby")
    ada.enter("/passwd")
    for question, answer in (("old password", PASSWORD), ("new password", "staple4711x"), ("again", "staple4711x")):
        ada.wait_for(f"{question}:$")
        ada.enter(answer)
    ada.wait_for("this computer is remembered as")
    ada.enter("/quit")
    assert ada.status() == 0
    assert file(team).read() not in (None, first)
    assert team.pipe("ada", "", password=False).returncode == 0


def test_a_lost_link_is_made_anew_with_the_token(team: Login, terminal: OpenTerminal) -> None:
    remembered(team)
    ada = terminal("ada", password=False)
    ada.wait_for("you are ada in #lobby")
    team.server.kill()
    ada.wait_for("connection lost")
    team.server.start()
    ada.wait_for("connected again")
    ada.enter("hello")
    ada.wait_for("<ada> hello")


def test_a_search_takes_no_password_either(team: Login) -> None:
    remembered(team)
    words = [*forking.PREFIX, "search", "hello", "--profile-dir", str(team.profile("ada"))]
    words += ["--server", f"ada@localhost:{team.server.port}", "--ca", str(team.server.ca)]
    done = forking.run(words, env=team.env)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_the_token_is_in_no_log_and_no_argument(team: Login, terminal: OpenTerminal) -> None:
    token = remembered(team)
    team.server.stop()
    team.server.start("--log-level", "DEBUG")
    ada = terminal("ada", "--log-level", "DEBUG", password=False, started=True)
    ada.wait_for("you are ada in #lobby")
    assert token.secret not in Path(f"/proc/{ada.child.pid}/cmdline").read_text()
    assert token.secret not in Path(f"/proc/{ada.child.pid}/environ").read_text()
    ada.enter("/quit")
    assert ada.status() == 0
    logs = (team.profile("ada") / "client.log").read_text() + team.server.log()
    assert token.id in logs
    assert token.secret not in logs
    assert token.secret.encode() not in ada.raw


def test_a_profile_that_takes_nothing_is_named_and_the_login_goes_on(team: Login) -> None:
    remembered(team)
    [path] = (team.profile("ada") / "tokens").iterdir()
    path.unlink()
    path.mkdir()
    done = team.pipe("ada", "hello\n", "--remember")
    assert done.returncode == 0
    assert "not remembered: cannot use the profile" in done.stderr
    assert [one.revoked_at is None for one in listed(team)] == [True, False]
