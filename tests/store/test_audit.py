"""The audit log is a chain: what is changed, taken out or cut off is found, as far as it can be."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from securechat.store import audit
from securechat.store.accounts import AccountExists, Accounts
from securechat.store.audit import Announcing, Entry, Verdict, Wanted
from securechat.store.database import Database, driver
from securechat.store.errors import StoreError
from securechat.store.rows import Audited
from securechat.store.schema import AUDIT_TRIGGERS
from securechat.store.tokens import NoSuchToken, Tokens
from securechat.store.writer import Writer

ALL = Wanted()
LOGIN = Audited(1_700_000_000_000, "Ada", "login", "Ada", "192.0.2.7", "password")


def entries(database: Database, wanted: Wanted = ALL) -> list[Entry]:
    with database.read() as connection:
        return audit.behind(driver(connection), wanted, 0, 1000)


def verified(database: Database, head: str | None = None) -> Verdict:
    with database.read() as connection:
        return audit.verify(driver(connection), head)


def tamper(database: Database, *statements: str, triggers: bool = True) -> None:
    """As whoever may write the file can, and knows how."""
    with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        for name in AUDIT_TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for trigger in AUDIT_TRIGGERS.values() if triggers else ():
            connection.execute(trigger)


@pytest.fixture
def log(database: Database, writer: Writer) -> Database:
    """Ten entries: two accounts were added, and there were eight logins."""
    for number in range(8):
        writer.commit([LOGIN._replace(time=LOGIN.time + number)])
    assert verified(database).problems == ()
    return database


# What is written


def test_each_hash_is_over_the_one_before_and_the_row_as_json(log: Database) -> None:
    """By the words of its docstring, so that another program can do it."""
    previous = bytes(32)
    for number, entry in enumerate(entries(log), 1):
        text = json.dumps([number, *entry.row], ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(previous + text.encode()).digest()
        assert (entry.id, entry.hash) == (number, previous)
    assert verified(log) == Verdict(10, previous.hex(), ())


ACTS: list[tuple[Callable[[Accounts], object], list[tuple[str, str, str]]]] = [
    (lambda accounts: accounts.add("Carl", b""), [("account.add", "Carl", "member")]),
    (lambda accounts: accounts.set_password("ada", b""), [("account.password", "Ada", "")]),
    (lambda accounts: accounts.suspend("ADA"), [("account.suspend", "Ada", "")]),
    (lambda accounts: accounts.resume("ada"), [("account.resume", "Ada", "")]),
    (lambda accounts: accounts.set_role("bob", "admin"), [("account.role", "Bob", "admin")]),
    (lambda accounts: accounts.delete("bob"), [("account.delete", "Bob", "")]),
    (
        lambda accounts: accounts.delete("bob", release_name=True),
        [("account.delete", "Bob", ""), ("account.release", "Bob", "")],
    ),
]


@pytest.mark.parametrize(("act", "told"), ACTS)
def test_each_act_of_an_administrator_is_told(
    act: Callable[[Accounts], object],
    told: list[tuple[str, str, str]],
    database: Database,
    accounts: Accounts,
) -> None:
    act(accounts)
    rows = [entry.row for entry in entries(database)[2:]]
    assert [(row.act, row.subject, row.detail) for row in rows] == told
    for row in rows:
        assert row.actor.startswith("unix:")
        assert row.address == "local"


def test_the_life_of_a_token_is_told_without_its_secret(database: Database, accounts: Accounts) -> None:
    tokens = Tokens(database)
    names = ("laptop", "phone", "tablet")
    idents = [tokens.add("bob", name, name.encode(), 1) for name in names]
    tokens.revoke(idents[:2])
    tokens.revoke_all("bob")
    told = [(entry.row.act, entry.row.subject, entry.row.detail) for entry in entries(database)[2:]]
    assert told == [
        *(("token.create", "Bob", f"{ident} {name}") for ident, name in zip(idents, names, strict=True)),
        *(("token.revoke", "Bob", ident) for ident in idents[:2]),
        ("token.revoke", "Bob", "all"),
    ]


def test_what_did_not_happen_is_not_told(database: Database, accounts: Accounts) -> None:
    with pytest.raises(AccountExists):
        accounts.add("bob", b"")
    with pytest.raises(NoSuchToken):
        Tokens(database).revoke(["00000000"])
    assert len(entries(database)) == 2


def test_a_turn_and_a_command_beside_it_write_one_chain(database: Database, writer: Writer, accounts: Accounts) -> None:
    for _ in range(5):
        writer.commit([LOGIN, LOGIN._replace(detail="naïve — 日本")])
        accounts.suspend("bob")
    assert verified(database).problems == ()
    assert [entry.id for entry in entries(database)] == list(range(1, 18))


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'Bob' WHERE id = 3", "DELETE FROM audit WHERE id = 3"])
def test_nothing_of_ours_can_change_a_row(log: Database, statement: str) -> None:
    with pytest.raises(StoreError, match="CONSTRAINT"), log.write() as connection:
        connection.exec_driver_sql(statement)
    assert verified(log).problems == ()


# What is found


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE audit SET address = '198.51.100.1' WHERE id = 4", "entry 4 was changed, or the one before it"),
        ("UPDATE audit SET hash = x'00' WHERE id = 4", "entry 5 was changed, or the one before it"),
        ("UPDATE audit SET time = time + 1 WHERE id = 10", "entry 10 was changed"),
        ("UPDATE audit SET id = 11 WHERE id = 10", "entry 10 is missing"),
        ("DELETE FROM audit WHERE id = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE id IN (4, 5)", "entries 4 to 5 are missing"),
        ("DELETE FROM audit WHERE id > 8", "entries 9 to 10 are missing"),
        ("DELETE FROM audit", "entries 1 to 10 are missing"),
        ("INSERT INTO audit SELECT 11, time, actor, act, subject, address, detail, hash FROM audit WHERE id = 1", "11"),
    ],
)
def test_what_was_done_to_it_is_found(log: Database, statement: str, problem: str) -> None:
    tamper(log, statement)
    assert any(problem in line for line in verified(log).problems), verified(log).problems


def test_a_cut_is_found_though_others_were_written_behind_it(log: Database, writer: Writer) -> None:
    tamper(log, "DELETE FROM audit WHERE id > 8")
    writer.commit([LOGIN])
    assert verified(log).problems == ("entries 9 to 10 are missing",)


def test_that_the_triggers_are_gone_is_found(log: Database) -> None:
    tamper(log, triggers=False)
    assert len(verified(log).problems) == 2


def test_only_a_head_noted_elsewhere_tells_that_all_was_written_anew(log: Database, writer: Writer) -> None:
    """Somebody who knows how cuts the last entries and makes SQLite forget that they were: the chain is whole."""
    noted = verified(log).head
    tamper(log, "DELETE FROM audit WHERE id > 8", "UPDATE sqlite_sequence SET seq = 8 WHERE name = 'audit'")
    writer.commit([LOGIN._replace(actor="Mallory")])
    assert verified(log).problems == ()
    assert "no entry has the hash" in verified(log, noted).problems[0]


def test_a_head_that_was_noted_stays_in_the_log(log: Database, writer: Writer) -> None:
    noted = verified(log).head
    writer.commit([LOGIN])
    assert verified(log, noted).problems == ()
    assert verified(log).head != noted


# What is shown


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (Wanted(account="bob"), [2]),
        (Wanted(account="ADA", since=LOGIN.time + 6), [1, 9, 10]),
        (Wanted(account="nobody"), []),
    ],
)
def test_the_wanted_entries_are_found(log: Database, wanted: Wanted, ids: list[int]) -> None:
    assert [entry.id for entry in entries(log, wanted)] == ids
    with log.read() as connection:
        after = audit.before_newest(driver(connection), wanted, 2)
        assert [entry.id for entry in audit.behind(driver(connection), wanted, after, 9)] == ids[-2:]


def test_the_head_is_announced_at_the_start(log: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "securechat")
    announcing = Announcing()
    with log.read() as connection:
        assert not announcing.step(driver(connection))
        assert not announcing.step(driver(connection))
    assert [record.getMessage() for record in caplog.records] == [
        f"the audit log ends with entry 10, its head is {verified(log).head}"
    ]


def test_a_backup_and_its_restore_are_told(log: Database, tmp_path: Path) -> None:
    with closing(sqlite3.connect(log.path, isolation_level=None)) as connection:
        audit.record(connection, audit.local("database.backup", "", "/mnt/\udcff.db"))
        connection.execute("PRAGMA foreign_keys=ON")
    assert entries(log)[-1].row.detail == "/mnt/\\udcff.db"
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        audit.record(connection, audit.local("database.backup", ""))
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
