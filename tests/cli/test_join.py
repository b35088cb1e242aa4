"""`securechat join` as people run it: from the line of an invite to the chat, and each way in which it is refused."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken
from securechat.protocol.invites import Invite, write
from tests import forking
from tests.running import Server
from tests.terminal import Terminal

NEW = "quite another battery"
OTHER_PIN = "sha256:" + "00" * 32
OpenTerminal = Callable[..., Terminal]


class Guest:
    """A person with a profile of his own, on a machine where nothing of the server is."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.name = f"guest{len(server.accounts)}"
        self.folder = folder
        self.profile = folder / "profile"
        self.password_file = folder / "password"
        self.password_file.write_text(f"{NEW}\n")
        self.password_file.chmod(0o600)
        self.env = {key: value for key, value in os.environ.items() if key != "SECURECHAT_PASSWORD"}
        self.env |= {"TERM": "xterm", "PYTHONUTF8": "1"}

    @property
    def address(self) -> Address:
        return Address("localhost", self.server.port)

    def invite(self, *, channel: str = "", hours: float = 72) -> Invite:
        return self.server.invite(self.name, channel=channel, hours=hours)

    def words(self, command: str, *words: str) -> list[str]:
        return [*forking.PREFIX, command, *words, "--profile-dir", str(self.profile)]

    def join(self, *words: str, text: str = "", password: bool = True) -> subprocess.CompletedProcess[str]:
        given = ["--password-file", str(self.password_file)] if password else []
        return self._run(self.words("join", *words, *given), text)

    def login(self, text: str = "") -> subprocess.CompletedProcess[str]:
        """Again, as somebody does who joined."""
        return self._run(self.words("login", f"{self.name}@{self.address}"), text)

    def _run(self, words: list[str], text: str) -> subprocess.CompletedProcess[str]:
        done = forking.run(words, input=text, env=self.env)
        assert "Traceback" not in done.stderr
        return done

    def refused(self, status: int, invite: Invite) -> str:
        """What is said of it, which is one line."""
        done = self.join(write(invite))
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        [line] = done.stderr.splitlines()
        return line


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Server]:
    """One server for all who leave it as it is."""
    server = Server(tmp_path_factory.mktemp("host"), certificates).start()
    yield server
    server.kill()


@pytest.fixture
def guest(host: Server, tmp_path: Path) -> Guest:
    return Guest(host, tmp_path)


@pytest.fixture
def seat() -> Iterator[OpenTerminal]:
    """`seat(guest, words)` has the guest type them behind `securechat join` on a terminal."""
    opened: list[Terminal] = []

    def seat(guest: Guest, *words: str, columns: int = 100) -> Terminal:
        opened.append(Terminal(guest.words("join", *words), guest.env, columns))
        return opened[-1]

    yield seat
    for one in opened:
        one.child.close(force=True)


def texts(server: Server, channel: str, sender: str) -> list[str]:
    found = server.history(channel)
    return [entry.text for entry in found if entry.kind == "PRIVMSG" and entry.text.startswith(sender)]


def test_somebody_joins_and_is_remembered(guest: Guest) -> None:
    done = guest.join(write(guest.invite()), text=f"{guest.name} is here\n")
    assert done.returncode == 0, done.stderr
    assert f"welcome, {guest.name}; next time type: securechat login {guest.name}@{guest.address}" in done.stderr
    assert "this computer is remembered as" in done.stderr
    assert texts(guest.server, "#lobby", guest.name) == [f"{guest.name} is here"]
    again = guest.login(text=f"{guest.name} is back\n")
    assert (again.returncode, again.stderr) == (0, "")


def test_the_token_of_an_earlier_account_of_that_name_is_replaced(guest: Guest) -> None:
    Profile(guest.profile).token(guest.address, guest.name).keep(DeviceToken("00000000", "sct_void"))
    assert guest.join(write(guest.invite()), "--no-chat").returncode == 0
    assert Profile(guest.profile).last_visit() == (guest.address, guest.name)  # for `send` and a bare `securechat`
    assert guest.login().returncode == 0


def test_on_a_terminal_the_password_is_chosen_until_the_server_likes_it(guest: Guest, seat: OpenTerminal) -> None:
    fay = seat(guest, write(guest.invite(channel="#ops")), "--line")
    for chosen in ("short", NEW):
        fay.wait_for("Password: ?$")
        fay.enter(chosen)
        fay.wait_for("Once more: ?$")
        fay.enter(chosen)
    fay.wait_for("#ops>")
    assert "the password is too short" in fay.text
    fay.enter(f"{guest.name} is here")
    fay.wait_for(f"<{guest.name}> {guest.name} is here")
    fay.enter("/quit")
    assert fay.status() == 0
    assert NEW.encode() not in fay.raw
    assert texts(guest.server, "#ops", guest.name) == [f"{guest.name} is here"]


def test_the_code_may_be_typed_and_corrected(guest: Guest, seat: OpenTerminal) -> None:
    code = write(guest.invite())
    wrong = "Z" if code[9] != "Z" else "Y"
    fay = seat(guest, columns=200)
    fay.wait_for("Invite code: ?$")
    fay.enter(f"securechat join {code[:9]}{wrong}{code[10:]}".lower())
    fay.wait_for("the mistake is in the 2nd group")
    fay.type("\x01\x0b")  # to its beginning, and all of it away
    fay.enter(code)
    fay.wait_for("Password: ?$")


@pytest.mark.parametrize("words", [[], ["-"]])
def test_the_code_may_come_by_standard_input(guest: Guest, words: list[str]) -> None:
    done = guest.join(*words, "--no-chat", text=f"securechat join {write(guest.invite())}\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert "this computer is remembered as" in done.stderr
    assert guest.login().returncode == 0


def test_a_code_in_pieces_and_lower_case_does(guest: Guest) -> None:
    assert guest.join(*write(guest.invite()).lower().split("-"), "--no-chat").returncode == 0


def test_neither_password_nor_invite_is_in_a_file_of_the_client(guest: Guest) -> None:
    invite = guest.invite()
    assert guest.join(write(invite), "--log-level", "DEBUG").returncode == 0
    files = [path for path in guest.profile.rglob("*") if path.is_file()]
    held = b"".join(path.read_bytes() for path in files)
    assert b"sct_" in held
    for secret in (NEW, invite.password, write(invite)):
        assert secret.encode() not in held
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


# Each refusal has words of its own, and only a used invite is void for it.


def test_one_that_was_used_says_so(guest: Guest) -> None:
    invite = guest.invite()
    assert guest.join(write(invite), "--no-chat").returncode == 0
    said = guest.refused(5, invite)
    assert f"this invite was used already; if it was you, type: securechat login {guest.name}@{guest.address}" in said


def test_one_that_has_expired_says_so(guest: Guest) -> None:
    said = guest.refused(5, guest.invite(hours=-1))
    assert f"this invite has expired; ask for a new one (on the server: securechat invite {guest.name})" in said


def test_one_that_was_replaced_says_so(guest: Guest) -> None:
    first = guest.invite()
    guest.invite()
    assert "this invite was withdrawn, or a newer one took its place" in guest.refused(5, first)


def test_one_that_the_server_does_not_know_says_so(guest: Guest) -> None:
    said = guest.refused(5, replace(guest.invite(), secret=bytes(16)))
    assert f"{guest.address} knows no such invite for {guest.name}; ask for a new one" in said


def test_a_suspended_account_is_told_so(guest: Guest) -> None:
    invite = guest.invite()
    assert forking.run(guest.server.command("users", "suspend", guest.name)).returncode == 0
    assert "this account is suspended" in guest.refused(5, invite)


def test_a_mistyped_one_names_the_place_and_goes_nowhere(guest: Guest) -> None:
    code = write(guest.invite())
    done = guest.join(code[:21] + ("Z" if code[21] != "Z" else "Y") + code[22:])
    assert done.returncode == 2
    assert "the mistake is in the 4th group, " in done.stderr
    assert not (guest.profile / "known_servers").exists()


def test_a_server_with_another_key_is_refused_and_the_invite_stays_good(guest: Guest) -> None:
    invite = guest.invite()
    said = guest.refused(4, replace(invite, key=bytes(32)))
    assert "is not the server that made this invite: its key is another" in said
    assert Profile(guest.profile).known(guest.address) is None
    assert guest.join(write(invite), "--no-chat").returncode == 0


def test_a_code_does_not_replace_a_key_that_is_known(guest: Guest) -> None:
    Profile(guest.profile).remember(guest.address, OTHER_PIN, date.today())
    said = guest.refused(4, guest.invite())
    assert "this invite says another key" in said
    assert f"securechat trust forget {guest.address}" in said
    known = Profile(guest.profile).known(guest.address)
    assert known is not None
    assert known.pin == OTHER_PIN


def test_a_weak_password_of_a_file_is_refused_and_the_invite_stays_good(guest: Guest) -> None:
    invite = guest.invite()
    guest.password_file.write_text("short\n")
    assert "the password is not set: the password is too short" in guest.refused(1, invite)
    guest.password_file.write_text(f"{NEW}\n")
    assert guest.join(write(invite), "--no-chat").returncode == 0


def test_without_a_terminal_a_password_must_be_given(guest: Guest) -> None:
    done = guest.join(write(guest.invite()), password=False)
    assert done.returncode == 2
    assert "no password: give --password-file FILE" in done.stderr


def test_a_server_that_is_gone_is_named(guest: Guest, idle_server: Server) -> None:
    said = guest.refused(3, replace(guest.invite(), port=1))
    assert "nothing listens at localhost:1: connection refused" in said


def test_a_link_that_breaks_before_the_password_leaves_the_invite_good(
    server: Server, tmp_path: Path, seat: OpenTerminal
) -> None:
    guest = Guest(server, tmp_path)
    invite = guest.invite()
    fay = seat(guest, write(invite))
    fay.wait_for("Password: ?$")
    server.restart()
    for question in ("Password", "Once more"):
        fay.wait_for(f"{question}: ?$")
        fay.enter(NEW)
    assert fay.status() == 3
    assert "the connection was lost; type the same line again" in fay.text
    assert guest.join(write(invite), "--no-chat").returncode == 0
