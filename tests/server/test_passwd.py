"""PASSWD on the wire: proved by the old password, in pieces, and never in the log."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import closing
from threading import Thread

import pytest

from securechat.auth import passwords
from securechat.store.accounts import Accounts
from tests.running import PASSWORD, ROUNDS, Server
from tests.wire import Wire

Login = Callable[..., Wire]

NEW = "quite another battery"


def change(wire: Wire, old: str, new: str) -> tuple[str, ...]:
    """The words of the answer: FAIL or NOTE, the code and the text."""
    return send(wire, f"{old}\0{new}".encode())


def send(wire: Wire, response: bytes) -> tuple[str, ...]:
    *first, last = in_pieces(response)
    for piece in first:
        assert wire.ask(f"PASSWD {piece}")[0].command == "ACK"
    answer = wire.ask(f"PASSWD {last}")[0]
    return answer.command, *answer.params[1:]


def in_pieces(response: bytes) -> list[str]:
    """400 bytes each, as SASL does it; a full last piece is followed by `+`."""
    encoded = base64.b64encode(response).decode()
    pieces = [encoded[start : start + 400] for start in range(0, len(encoded), 400)]
    return [*pieces, "+"] if len(pieces[-1]) == 400 else pieces


def may_log_in(server: Server, name: str, password: str) -> bool:
    with server.connect() as wire:
        wire.send("CAP LS 302")
        wire.send("AUTHENTICATE PLAIN")
        for piece in in_pieces(f"\0{name}\0{password}".encode()):
            wire.send(f"AUTHENTICATE {piece}")
        return wire.wait_for(matches=lambda message: message.command in ("903", "904")).command == "903"


def test_the_new_password_counts_at_once_and_after_a_restart(server: Server, login: Login) -> None:
    ada = login("ada")
    assert change(ada, PASSWORD, NEW)[:2] == ("NOTE", "PASSWORD_CHANGED")
    assert may_log_in(server, "ada", NEW)
    assert not may_log_in(server, "ada", PASSWORD)
    server.restart()
    assert may_log_in(server, "ada", NEW)
    assert not may_log_in(server, "ada", PASSWORD)


def test_other_sessions_end_and_this_one_stays(server: Server, login: Login) -> None:
    here, there, bob = login("ada"), login("ada"), login("bob")
    change(here, PASSWORD, NEW)
    [error] = [message for message in there.until_closed(within=1.0) if message.command == "ERROR"]
    assert "password of this account was changed" in error.params[-1]
    assert here.ask("PRIVMSG #lobby :still here")[0].command == "PRIVMSG"
    bob.wait_for("PRIVMSG", text="still here")
    assert not [message for message in bob.seen if message.command == "QUIT"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("wrong horse battery", NEW, "WRONG_PASSWORD"),
        (PASSWORD, "short", "WEAK_PASSWORD"),
        (PASSWORD, "password1", "WEAK_PASSWORD"),
        (PASSWORD, "Adaadaada", "WEAK_PASSWORD"),
        (PASSWORD, "x1" * 513, "WEAK_PASSWORD"),
    ],
)
def test_a_refused_change_changes_nothing(server: Server, login: Login, old: str, new: str, code: str) -> None:
    ada, other = login("Adaadaada"), login("Adaadaada")
    assert change(ada, old, new)[:2] == ("FAIL", code)
    other.sync()
    assert may_log_in(server, "Adaadaada", PASSWORD)


@pytest.mark.parametrize("length", [300 - len(PASSWORD) - 1, 600 - len(PASSWORD) - 1, 500, 1024])
def test_long_passwords_come_in_pieces(server: Server, login: Login, length: int) -> None:
    new = ("correct horse " * 80)[:length].strip().ljust(length, "x")
    assert change(login("ada"), PASSWORD, new)[:2] == ("NOTE", "PASSWORD_CHANGED")
    assert may_log_in(server, "ada", new)


@pytest.mark.parametrize(
    ("response", "code"),
    [(b"no nul at all", "INVALID_PARAMS"), (b"\xff\0\xff", "INVALID_PARAMS"), (b"\0", "INVALID_PARAMS")],
)
def test_what_cannot_be_read_is_refused(server: Server, login: Login, response: bytes, code: str) -> None:
    assert send(login("ada"), response)[:2] == ("FAIL", code)


def test_too_many_pieces_are_refused_and_forgotten(server: Server, login: Login) -> None:
    ada = login("ada")
    answers = [ada.ask("PASSWD " + "A" * 400)[0] for _ in range(11)]
    assert [answer.command for answer in answers] == ["ACK"] * 10 + ["FAIL"]
    assert answers[-1].params[1] == "TOO_LONG"
    assert change(ada, PASSWORD, NEW)[0] == "NOTE"


def test_nobody_changes_a_password_before_a_login(server: Server) -> None:
    server.adduser("ada")
    with server.connect() as stranger:
        stranger.send("PASSWD " + base64.b64encode(f"{PASSWORD}\0{NEW}".encode()).decode())
        assert stranger.wait_for("451")


def test_no_password_reaches_the_log_even_at_debug(idle_server: Server, login: Login) -> None:
    idle_server.start("--log-level", "DEBUG")
    ada = login("ada")
    change(ada, "wrong horse battery", NEW)
    change(ada, PASSWORD, "short")
    change(ada, PASSWORD, NEW)
    idle_server.stop()
    log = idle_server.log()
    assert "admitted ada" in log
    for secret in (PASSWORD, NEW, "wrong horse battery", "short"):
        assert secret not in log
        assert base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] not in log


def test_an_administrators_password_wins_over_a_change_at_the_same_moment(idle_server: Server, login: Login) -> None:
    """Whichever comes first: the member's change is refused or replaced, and the session ends."""
    idle_server.configure('[limits]\nexempt = ["127.0.0.0/8"]\n')  # what is refused counts as a guess
    server = idle_server.start()
    with closing(server.open_store()) as database:
        accounts = Accounts(database, ())
        for number in range(15):
            name, chosen = f"guest{number}", f"chosen by the admin {number}"
            wire, hashed = login(name), passwords.hash(chosen, ROUNDS)
            wire.send("PASSWD " + base64.b64encode(f"{PASSWORD}\0{NEW}".encode()).decode())
            administrator = Thread(target=accounts.set_password, args=(name, hashed))
            administrator.start()
            administrator.join()
            wire.until_closed(within=2.0)
            assert may_log_in(server, name, chosen)
            assert not may_log_in(server, name, NEW)
