"""What the core tells the audit log: each act once, failures by the minute, and nothing of it keeps anyone out."""

from __future__ import annotations

import base64
from contextlib import closing

import pytest

from securechat.auth import tokens
from securechat.server.audit import MOST, OTHERS
from securechat.store import audit
from securechat.store.audit import Wanted
from securechat.store.database import driver
from securechat.store.rows import Audited
from tests.core import CoreRun, registration
from tests.running import PASSWORD, Server

PASSWD = "PASSWD " + base64.b64encode(f"{PASSWORD}\0quite another battery".encode()).decode()
WRONG_PASSWD = "PASSWD " + base64.b64encode(b"wrong password\0quite another battery").decode()


def told(run: CoreRun) -> list[Audited]:
    """All behind the accounts' making."""
    with run.database.read() as connection:
        assert audit.verify(driver(connection)).problems == ()
        return [entry.row for entry in audit.behind(driver(connection), Wanted(), 4, 10_000)]


def acts(run: CoreRun) -> list[tuple[str, str, str, str]]:
    return [(row.actor, row.act, row.subject, row.detail) for row in told(run)]


def guess(
    run: CoreRun, name: str, address: str = "192.0.2.1", secret: str = "wrong password", *, exempt: bool = False
) -> None:
    peer = run.connect(address)
    peer.session.exempt = exempt
    run.say(peer, *registration(name, "", secret))
    run.lose(peer)


def test_each_login_is_told_with_how_and_from_where(run: CoreRun) -> None:
    secret = tokens.new()
    ident = run.tokens.add("bob", "laptop", tokens.digest(secret), int(run.now * 1000) + 1000)
    run.login("ada")
    run.login("bob", secret=secret)
    assert told(run)[1:] == [
        Audited(int(run.now * 1000), "ada", "login", "ada", "127.0.0.1", "password"),
        Audited(int(run.now * 1000), "bob", "login", "bob", "127.0.0.1", f"token {ident}"),
    ]


def test_a_login_that_is_not_admitted_is_none(run: CoreRun) -> None:
    peer = run.connect()
    run.say(peer, *registration("ada"))
    assert told(run) == []
    run.say(peer, "CAP END")
    assert acts(run) == [("ada", "login", "ada", "password")]


def test_the_acts_of_operators_and_a_new_password_are_told(run: CoreRun) -> None:
    bob, _ = run.login("bob"), run.login("cyd")
    run.say(bob, f"OPER ada :{PASSWORD}", "KILL cyd :enough", PASSWD)
    assert acts(run)[2:] == [
        ("bob", "oper", "ada", ""),
        ("bob", "kill", "cyd", "enough"),
        ("bob", "account.password", "bob", ""),
    ]


def test_the_tokens_that_people_make_and_revoke_are_told_without_the_secret(run: CoreRun) -> None:
    bob = run.login("bob")
    run.say(bob, "TOKEN CREATE :laptop")
    _, _, _, ident, _, secret, *_ = bob.take()[-1].split()
    run.say(bob, f"TOKEN REVOKE {ident}")
    assert acts(run)[1:] == [
        ("bob", "token.create", "bob", f"{ident} laptop"),
        ("bob", "token.revoke", "bob", ident),
    ]
    assert tokens.is_token(secret)


def test_failures_are_summed_by_account_address_and_minute(run: CoreRun) -> None:
    for _ in range(3):
        guess(run, "Ada")
    guess(run, "ada", "192.0.2.2")
    run.pass_(30)
    assert told(run) == []
    run.pass_(31)
    wrong = "wrong name or password"
    assert [(row.actor, row.act, row.subject, row.address, row.detail) for row in told(run)] == [
        ("", "login.failed", "ada", "192.0.2.1", f"3 times: {wrong}"),
        ("", "login.failed", "ada", "192.0.2.2", f"1 time: {wrong}"),
    ]
    run.pass_(61)
    assert len(told(run)) == 2


def test_one_who_has_a_whole_network_is_one(run: CoreRun) -> None:
    for host in range(3):
        guess(run, "ada", f"2001:db8:0:1::{host}")
    run.pass_(61)
    [row] = told(run)
    assert (row.address, row.detail) == ("2001:db8:0:1::/64", "3 times: wrong name or password")


@pytest.mark.parametrize("step", [-3600, 3600, -365 * 24 * 3600])
def test_a_clock_that_is_set_does_not_keep_them_back(run: CoreRun, step: float) -> None:
    guess(run, "ada")
    run.pass_(step)
    assert len(told(run)) == 1


def test_each_way_to_fail_is_told(run: CoreRun) -> None:
    bob = run.login("bob")
    run.say(bob, "OPER ada wrong", f"OPER cyd :{PASSWORD}", WRONG_PASSWD)
    run.accounts.suspend("dot")
    run.look()
    guess(run, "dot", secret=PASSWORD)
    run.pass_(61)
    assert [row for row in acts(run) if row[1].endswith(".failed")] == [
        ("", "oper.failed", "ada", "1 time: wrong name or password for OPER"),
        ("", "oper.failed", "cyd", "1 time: no administrator"),
        ("", "account.password.failed", "bob", "1 time: wrong old password"),
        ("", "login.failed", "dot", "1 time: account suspended"),
    ]


def test_a_name_that_nobody_has_is_not_kept(run: CoreRun) -> None:
    """People type their password in its place."""
    guess(run, "correct-horse-battery")
    guess(run, "another-secret")
    run.pass_(61)
    assert acts(run) == [("", "login.failed", "", "2 times: wrong name or password")]


def test_an_attack_from_everywhere_is_a_few_rows_in_a_minute(run: CoreRun) -> None:
    for number in range(MOST + 50):
        guess(run, "ada", f"192.0.2.{number}", exempt=True)  # or it would be told to try later, soon
        guess(run, "bob", "192.0.2.0", exempt=True)
    assert told(run) == []
    run.pass_(61)
    rows = told(run)
    assert len(rows) == MOST + 1
    assert sum(int(row.detail.split()[0]) for row in rows) == 2 * (MOST + 50)
    assert [row.subject for row in rows if row.address == OTHERS] == ["ada"]


def test_while_nothing_can_be_stored_logins_go_on_and_failures_are_kept(run: CoreRun) -> None:
    guess(run, "ada")
    run.writer.outcomes.extend(["failed"] * 3)
    run.login("bob")
    run.pass_(61)
    run.pass_(1)
    assert run.writer.commits["failed"] == 3
    assert told(run) == []
    run.pass_(1)
    assert acts(run) == [("", "login.failed", "ada", "1 time: wrong name or password")]


def test_a_turn_that_is_done_again_counts_once(run: CoreRun) -> None:
    ada = run.login("ada")
    guess(run, "bob", "127.0.0.1")
    peer = run.connect()
    run.queue(peer, *registration("bob", "", "wrong password"))
    run.step()  # the guess is with the workers; its answer waits
    run.writer.outcomes.append("failed")
    run.queue(ada, "PRIVMSG #lobby :in the same turn")
    run.run()
    run.pass_(61)
    assert acts(run)[1:] == [("", "login.failed", "bob", "2 times: wrong name or password")]


def test_what_was_summed_is_kept_at_the_end_of_the_server(idle_server: Server) -> None:
    idle_server.adduser("ada")
    server = idle_server.start()
    with server.connect() as wire:
        for _ in range(3):
            wire.authenticate("ada", "wrong password")
            wire.wait_for("904")
        server.login("ada").close()
        server.stop()
    with closing(server.open_store()) as database, database.read() as connection:
        rows = [entry.row for entry in audit.behind(driver(connection), Wanted(), 0, 100)]
    assert [(row.act, row.subject, row.address) for row in rows] == [
        ("account.add", "ada", "local"),
        ("login", "ada", "127.0.0.1"),
        ("login.failed", "ada", "127.0.0.1"),
    ]
    assert rows[-1].detail == "3 times: wrong name or password"
    assert "the audit log ends with entry 1, its head is" in server.log()
