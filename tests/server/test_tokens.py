"""Logging in with a device token in the password's place, and how such a session ends."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import closing

import pytest

from securechat.auth import tokens
from securechat.server.items import Answer
from securechat.server.session import Stage
from securechat.store.accounts import Accounts
from securechat.store.errors import StoreError
from securechat.store.tokens import Tokens
from tests.core import HASH, IN_A_YEAR, PASSWD, SETTINGS, START, CoreRun, Peer, registration
from tests.running import PASSWORD, Server
from tests.wire import Wire

Login = Callable[..., Wire]


def made(run: CoreRun, owner: str = "bob", expires: int = IN_A_YEAR) -> tuple[str, str]:
    """Its id and the secret."""
    secret = tokens.new()
    return run.tokens.add(owner, "laptop", tokens.digest(secret), expires), secret


def answer(run: CoreRun, name: str, secret: str) -> str:
    """The outcome of a login: its last line without the source."""
    peer = run.connect()
    run.say(peer, *registration(name, "", secret))
    return peer.take()[-1].partition(" ")[2]


def last_use(run: CoreRun, ident: str) -> tuple[int | None, str]:
    [found] = [one for one in run.tokens.listing() if one.id == ident]
    return found.last_used, found.address


def test_a_token_stands_in_the_passwords_place_and_its_use_is_noted(run: CoreRun) -> None:
    ident, secret = made(run)
    assert last_use(run, ident) == (None, "")
    bob = run.login("bob", secret=secret)
    run.say(bob, "PRIVMSG #lobby :hello")
    assert run.texts() == ["hello"]
    assert last_use(run, ident) == (int(run.now * 1000), "127.0.0.1")


def test_whatever_is_wrong_with_it_is_answered_alike(run: CoreRun) -> None:
    """With words that a wrong password gets, too."""
    (revoked, one), (_, expired), (_, adas) = made(run), made(run, expires=int(START * 1000)), made(run, "ada")
    run.tokens.revoke([revoked])
    run.look()
    wrong = {
        answer(run, "bob", one),
        answer(run, "bob", expired),
        answer(run, "bob", adas),
        answer(run, "nobody", adas),
        answer(run, "bob", tokens.new()),
        answer(run, "nobody", tokens.new()),
        answer(run, "bob", "wrong password"),
    }
    assert wrong == {"904 bob :SASL authentication failed", "904 nobody :SASL authentication failed"}


def test_a_login_that_cannot_be_looked_up_is_to_be_tried_again(run: CoreRun) -> None:
    _, secret = made(run)
    peer = run.connect()
    run.reading_fails_with = StoreError("made to fail")
    run.say(peer, *registration("bob", "", secret))
    words = "this cannot be checked now; try again in a few seconds"
    assert peer.take()[-2:] == [
        f":localhost FAIL AUTHENTICATE TEMPORARILY_UNAVAILABLE :{words}",
        ":localhost 904 bob :SASL authentication failed",
    ]
    run.reading_fails_with = None
    run.say(peer, *registration("bob", "", secret)[-2:], "CAP END")
    assert peer.session.stage is Stage.ADMITTED


def test_a_token_is_never_hashed_as_a_password(run: CoreRun) -> None:
    """The pool that reads is asked, however busy the one that hashes is."""
    _, secret = made(run)
    peer = run.connect()
    run.queue(peer, *registration("bob", "", secret))
    turn = run.core.turn(run.waiting)
    assert [job.pool for job in turn.jobs] == ["reads"]
    turn.undo()


def test_a_full_disk_keeps_nobody_out(run: CoreRun) -> None:
    ident, secret = made(run)
    run.writer.outcomes.extend(["failed"] * 9)
    run.login("bob", secret=secret)
    assert last_use(run, ident) == (None, "")


def test_a_token_revoked_while_it_was_looked_up_opens_nothing(run: CoreRun) -> None:
    ident, secret = made(run)
    peer = run.connect()
    run.queue(peer, *registration("bob", "", secret))
    run.step()
    run.tokens.revoke([ident])
    run.look()
    assert peer.take()[-1].endswith("904 bob :SASL authentication failed")


def test_a_token_revoked_between_login_and_admission_opens_nothing(run: CoreRun) -> None:
    ident, secret = made(run)
    peer = run.connect()
    run.say(peer, *registration("bob", "", secret))
    run.tokens.revoke([ident])
    run.look()
    run.say(peer, "CAP END")
    assert peer.closed == "the login is no longer valid"


def test_revoking_one_ends_its_sessions_alone(run: CoreRun) -> None:
    (ident, secret), (_, other) = made(run), made(run)
    by_token, again = run.login("bob", secret=secret), run.login("bob", secret=secret)
    by_other, by_password = run.login("bob", secret=other), run.login("bob")
    run.tokens.revoke([ident])
    run.look()
    assert by_token.closed == again.closed == "the device token of this session was revoked"
    assert by_other.closed is by_password.closed is None


def test_a_suspended_accounts_token_works_again_once_resumed(run: CoreRun) -> None:
    _, secret = made(run)
    bob = run.login("bob", secret=secret)
    run.accounts.suspend("bob")
    run.look()
    assert bob.closed == "this account is suspended"
    assert answer(run, "bob", secret) == "904 bob :this account is suspended; ask the operator of this server"
    run.accounts.resume("bob")
    run.look()
    run.login("bob", secret=secret)


def test_ones_own_new_password_keeps_the_token_of_that_session_alone(run: CoreRun) -> None:
    (_, kept), (_, other) = made(run, "ada"), made(run, "ada")
    here, there = run.login("ada", secret=kept), run.login("ada", secret=other)
    run.say(here, PASSWD)
    assert here.closed is None
    assert there.closed == "the password of this account was changed"
    run.login("ada", secret=kept)
    assert "904" in answer(run, "ada", other)


def test_a_login_that_the_new_password_overtook_opens_nothing(run: CoreRun) -> None:
    """Its token was looked up before the turn that revoked it, and is handled behind the change in that turn."""
    _, secret = made(run, "ada")
    ada, late = run.login("ada"), run.connect()
    run.queue(ada, PASSWD)
    run.queue(late, *registration("ada", "", secret))
    run.run()
    assert late.take()[-1].endswith("904 ada :SASL authentication failed")
    assert ada.closed is None


def test_a_new_password_that_cannot_be_stored_changes_nothing(run: CoreRun) -> None:
    _, secret = made(run, "ada")
    here, there = run.login("ada"), run.login("ada", secret=secret)
    before = run.state()
    run.queue(here, PASSWD)
    run.step()
    run.writer.outcomes.append("failed")
    run.run()
    assert "TEMPORARILY_UNAVAILABLE" in here.take()[-1]
    assert there.closed is None
    assert run.state() == before
    run.login("ada", secret=secret)


def test_an_administrators_new_password_ends_what_tokens_opened(run: CoreRun) -> None:
    _, secret = made(run)
    bob = run.login("bob", secret=secret)
    run.accounts.set_password("bob", HASH)
    run.look()
    assert bob.closed == "the password of this account was changed"
    assert "904" in answer(run, "bob", secret)


def test_a_token_makes_nobody_an_irc_operator(run: CoreRun) -> None:
    _, secret = made(run, "ada")
    peer = run.login("bob")
    run.say(peer, f"OPER ada {secret}")
    assert " 464 " in peer.take()[-1]


# TOKEN


def ask(run: CoreRun, peer: Peer, line: str) -> list[str]:
    """What it is answered, without the source."""
    run.say(peer, line)
    return [one.partition(" ")[2] for one in peer.take()]


def create(run: CoreRun, peer: Peer, name: str = "laptop") -> tuple[str, str]:
    """Its id and the secret."""
    [said] = ask(run, peer, f"TOKEN CREATE :{name}")
    _, _, ident, _, secret, *_ = said.split()
    return ident, secret


def test_who_logged_in_with_the_password_is_given_a_token(run: CoreRun) -> None:
    bob = run.login("bob")
    ident, secret = create(run, bob, "Bob's laptop")
    assert tokens.is_token(secret)
    run.login("bob", secret=secret)
    [listed] = run.tokens.listing("bob")
    assert (listed.id, listed.name, listed.created) == (ident, "Bob's laptop", int(run.now * 1000))
    assert listed.expires - listed.created == 365 * 24 * 3600 * 1000


def test_a_token_makes_no_token(run: CoreRun) -> None:
    _, secret = made(run)
    bob = run.login("bob", secret=secret)
    assert ask(run, bob, "TOKEN CREATE :more") == [
        "FAIL TOKEN PASSWORD_REQUIRED CREATE :log in with the password to create a device token"
    ]
    run.say(bob, PASSWD)
    bob.take()
    assert "PASSWORD_REQUIRED" in ask(run, bob, "TOKEN CREATE :more")[0]
    assert len(run.tokens.listing()) == 1


def test_an_account_has_only_so_many_and_makes_only_so_many_a_day(run: CoreRun) -> None:
    bob = run.login("bob")
    most = SETTINGS.limits.tokens_per_account
    idents = [create(run, bob)[0] for _ in range(most)]
    assert "FAIL TOKEN TOO_MANY CREATE" in ask(run, bob, "TOKEN CREATE :one more")[0]
    assert ask(run, bob, f"TOKEN REVOKE {idents[0]}") == [f"TOKEN REVOKE {idents[0]}"]
    assert "FAIL TOKEN TOO_MANY CREATE" in ask(run, bob, "TOKEN CREATE :one more")[0]
    run.now += 24 * 3600 + 1
    create(run, bob)
    assert "FAIL TOKEN TOO_MANY CREATE" in ask(run, bob, "TOKEN CREATE :one more")[0]


def test_the_list_is_of_ones_own_that_count(run: CoreRun) -> None:
    (used, secret), (revoked, _), _ = made(run), made(run), made(run, "ada")
    made(run, expires=int(START * 1000))
    bob = run.login("bob", secret=secret)
    assert ask(run, bob, f"TOKEN REVOKE {revoked}") == [f"TOKEN REVOKE {revoked}"]
    opening, line, _ = ask(run, bob, "TOKEN LIST")
    assert opening == "BATCH +1 securechat/tokens"
    assert line.startswith(f":localhost TOKEN LIST {used} 20")
    assert line.endswith("Z 127.0.0.1 :laptop")


def test_a_person_revokes_a_token_and_what_it_opened_ends(run: CoreRun) -> None:
    ident, secret = made(run)
    here, there, ada = run.login("bob"), run.login("bob", secret=secret), run.login("ada")
    assert "UNKNOWN_TOKEN" in ask(run, ada, f"TOKEN REVOKE {ident}")[0]
    assert there.closed is None
    assert ask(run, here, f"TOKEN REVOKE {ident}") == [f"TOKEN REVOKE {ident}"]
    assert there.closed == "the device token of this session was revoked"
    assert "904" in answer(run, "bob", secret)
    assert "UNKNOWN_TOKEN" in ask(run, here, f"TOKEN REVOKE {ident}")[0]


def test_a_session_that_revokes_its_own_token_is_told_and_ends(run: CoreRun) -> None:
    ident, secret = made(run)
    bob = run.login("bob", secret=secret)
    run.say(bob, f"@label=1 TOKEN REVOKE {ident}")
    assert [line.partition(" :localhost ")[2] or line for line in bob.take()] == [
        f"TOKEN REVOKE {ident}",
        "ERROR :the device token of this session was revoked",
    ]


def test_what_cannot_be_stored_is_neither_made_nor_revoked(run: CoreRun) -> None:
    ident, secret = made(run)
    bob, there = run.login("bob"), run.login("bob", secret=secret)
    before = run.state()
    for line in ("TOKEN CREATE :laptop", f"TOKEN REVOKE {ident}"):
        run.writer.outcomes.append("failed")
        assert "TEMPORARILY_UNAVAILABLE" in ask(run, bob, line)[0]
    assert there.closed is None
    assert run.state() == before
    assert len(run.tokens.listing()) == 1


def test_no_token_outlives_a_password_that_was_set_while_it_was_made(run: CoreRun) -> None:
    """The administrator's change was stored, and the server has not looked since."""
    bob = run.login("bob")
    run.queue(bob, "TOKEN CREATE :laptop")
    run.step()
    run.accounts.set_password("bob", HASH)
    run.run()
    assert run.tokens.listing() == []
    run.look()
    assert bob.closed == "the password of this account was changed"


def test_tokens_are_not_seen_by_clients_that_did_not_ask_for_them(run: CoreRun) -> None:
    assert ask(run, run.login("bob", "batch"), "TOKEN LIST") == ["421 bob TOKEN :Unknown command"]


def test_a_new_token_is_in_no_repr(run: CoreRun) -> None:
    bob = run.login("bob")
    run.queue(bob, "TOKEN CREATE :laptop")
    run.step()
    shown = repr(run.waiting) + repr([item.result for item in run.waiting if isinstance(item, Answer)])
    turn = run.core.turn(run.waiting)
    shown += repr(turn.rows)
    turn.undo()
    assert "NewToken" in shown
    assert "TokenStored" in shown
    assert "sct_" not in shown


# Over the wire


@pytest.mark.parametrize("way", ["revoke", "passwd", "deluser"])
def test_live_sessions_end_within_a_second(server: Server, login: Login, way: str) -> None:
    server.adduser("ada")
    ident, secret = server.token("ada")
    ada = server.login("ada", password=secret)
    with closing(server.open_store()) as database:
        if way == "revoke":
            Tokens(database).revoke([ident])
        elif way == "passwd":
            Accounts(database, ()).set_password("ada", HASH)
        else:
            Accounts(database, ()).delete("ada")
    with closing(ada):
        assert ada.until_closed(within=1.0)[-1].command == "ERROR"
    with server.connect() as again:
        again.send("CAP LS 302")
        again.authenticate("ada", secret)
        assert again.wait_for("904")


def test_no_token_reaches_the_log_even_at_debug(idle_server: Server) -> None:
    idle_server.start("--log-level", "DEBUG")
    idle_server.adduser("ada")
    (ident, secret), wrong = idle_server.token("ada"), tokens.new()
    idle_server.login("ada", password=secret).close()
    with idle_server.connect() as stranger:
        stranger.send("CAP LS 302")
        stranger.authenticate("ada", wrong)
        assert stranger.wait_for("904")
    idle_server.stop()
    log = idle_server.log()
    assert f"admitted ada from 127.0.0.1 by token {ident}" in log
    for one in (secret, wrong, PASSWORD):
        assert one not in log
        assert base64.b64encode(f"\0ada\0{one}".encode()).decode() not in log
