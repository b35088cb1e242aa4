"""A turn's rows: all or none, in order, and healing when the trouble is over."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from msgspec import structs

from securechat.store import history, snapshot
from securechat.store.accounts import Accounts
from securechat.store.database import Database, driver
from securechat.store.errors import CommitUncertain, StoreBusy, StoreError, StoreFull
from securechat.store.rows import (
    ChannelStored,
    EntryStored,
    ListModeRemoved,
    ListModeStored,
    MemberRemoved,
    MemberStored,
    NameStored,
    PasswordStored,
    ReadMarkerStored,
    Snapshot,
)
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

Said = Callable[..., EntryStored]

LAB = ChannelStored("#lab", "#Lab", 5, "tests", "Ada", 6, "nt", None, None)


def load(database: Database) -> Snapshot:
    with database.read() as connection:
        return snapshot.load(connection)


def texts(database: Database, target: str = "#lobby") -> list[str]:
    with database.read() as connection:
        return [entry.text for entry in history.latest(connection, target, 100_000)]


@contextlib.contextmanager
def held_by_another(database: Database) -> Iterator[None]:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def no_growing_files() -> Iterator[None]:
    """The WAL cannot grow, so COMMIT itself fails: it writes there what the transaction changed."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_entries_are_numbered_in_the_order_given(database: Database, writer: Writer, said: Said) -> None:
    writer.commit([said("#a", "1"), said("#b", "2"), said("#a", "3")])
    writer.commit([said("#a", "4"), MemberStored("#lobby", BOB, 1), said("#a", "5")])
    with database.read() as connection:
        assert [(entry.seq, entry.text) for entry in history.latest(connection, "#a", 10)] == [
            (1, "1"),
            (3, "3"),
            (4, "4"),
            (5, "5"),
        ]
        assert [entry.seq for entry in history.latest(connection, "#b", 10)] == [2]


def test_text_comes_back_as_it_was(database: Database, writer: Writer, said: Said) -> None:
    odd = "a\x00b 'quoted' \\x 👩‍👩‍👧 \u2028"
    writer.commit([said("#lobby", odd)])
    assert texts(database) == [odd]


def test_every_kind_of_row_is_kept(database: Database, writer: Writer) -> None:
    ban = ListModeStored("#lab", "b", "*!*@bad", "Ada", 7)
    writer.commit([LAB, MemberStored("#lab", ADA, 2), MemberStored("#lab", BOB, 0), ban])
    stored = load(database)
    assert LAB in stored.channels
    assert [one for one in stored.members if one.channel == "#lab"] == [
        MemberStored("#lab", ADA, 2),
        MemberStored("#lab", BOB, 0),
    ]
    assert stored.list_modes == (ban,)

    changed = replace(LAB, topic="changed", modes="ikt", password="pw", user_limit=9)
    again = replace(ban, set_by="Bob", set_at=8)
    writer.commit([changed, MemberStored("#lab", BOB, 1), MemberRemoved("#lab", ADA), again])
    stored = load(database)
    assert changed in stored.channels
    assert [one for one in stored.members if one.channel == "#lab"] == [MemberStored("#lab", BOB, 1)]
    assert stored.list_modes == (again,)

    writer.commit([ListModeRemoved("#lab", "b", "*!*@bad")])
    assert load(database).list_modes == ()


def test_a_turn_is_kept_whole_or_not_at_all(database: Database, writer: Writer, said: Said) -> None:
    first = said("#lobby", "first")
    writer.commit([first])
    with pytest.raises(StoreError):
        writer.commit([said("#lobby", "second"), LAB, structs.replace(first, text="the same msgid again")])
    assert texts(database) == ["first"]
    assert LAB not in load(database).channels
    writer.commit([said("#lobby", "third")])
    assert texts(database) == ["first", "third"]


def test_rows_that_refer_to_nothing_are_refused(writer: Writer, said: Said) -> None:
    for row in (said("#lobby", "who?", sender=99), MemberStored("#nowhere", ADA, 0)):
        with pytest.raises(StoreError):
            writer.commit([row])


def test_a_membership_does_not_bring_back_a_deleted_account(
    database: Database, accounts: Accounts, writer: Writer
) -> None:
    accounts.delete("bob")
    writer.commit([MemberStored("#lobby", BOB, 0)])
    assert [one.account for one in load(database).members] == [ADA]


def test_a_read_marker_only_rises(database: Database, accounts: Accounts, writer: Writer) -> None:
    writer.commit([ReadMarkerStored(BOB, "#lobby", time) for time in (10, 30, 20)])
    writer.commit([ReadMarkerStored(BOB, "#lab", 5), ReadMarkerStored(ADA, "#lobby", 40)])
    assert load(database).read_markers == (
        ReadMarkerStored(ADA, "#lobby", 40),
        ReadMarkerStored(BOB, "#lab", 5),
        ReadMarkerStored(BOB, "#lobby", 30),
    )
    accounts.delete("bob")
    writer.commit([ReadMarkerStored(BOB, "#lobby", 50)])
    assert load(database).read_markers == (ReadMarkerStored(ADA, "#lobby", 40),)


def test_an_administrators_password_wins_over_one_set_at_the_same_moment(accounts: Accounts, writer: Writer) -> None:
    before = accounts.required("bob").password_version
    accounts.set_password("bob", b"the administrator's")
    writer.commit([PasswordStored(BOB, b"bob's own", before + 1)])
    stored = accounts.credentials("bob")
    assert stored is not None
    assert stored.hash == b"the administrator's"
    writer.commit([PasswordStored(BOB, b"at another cost", stored.account.password_version)])
    writer.commit([PasswordStored(ADA, b"ada's next", 2)])
    found = [accounts.credentials(name) for name in ("bob", "ada")]
    assert [one and one.hash for one in found] == [b"at another cost", b"ada's next"]


def test_a_name_may_be_spelled_anew(accounts: Accounts, writer: Writer) -> None:
    writer.commit([NameStored(BOB, "BOB")])
    assert accounts.required("bob").name == "BOB"


def test_a_busy_database_fails_the_turn_in_time_and_then_at_once(
    database: Database, writer: Writer, said: Said
) -> None:
    writer.commit([said("#lobby", "before")])
    with held_by_another(database):
        waited = []
        for _ in range(2):
            start = time.monotonic()
            with pytest.raises(StoreBusy):
                writer.commit([said("#lobby", "during")])
            waited.append(time.monotonic() - start)
    assert waited[0] >= 0.25
    assert waited[1] < 0.25
    writer.commit([said("#lobby", "after")])
    assert texts(database) == ["before", "after"]
    with held_by_another(database):
        start = time.monotonic()
        with pytest.raises(StoreBusy):
            writer.commit([said("#lobby", "patient again")])
        assert time.monotonic() - start >= 0.25


def test_a_full_database_fails_the_turn_and_heals(database: Database, accounts: Accounts, said: Said) -> None:
    with closing(database.connect_writer()) as connection:  # the next writer gets this one from the pool
        [pages] = driver(connection).execute("PRAGMA page_count").fetchone()
        driver(connection).execute(f"PRAGMA max_page_count={pages}")
    with closing(Writer(database)) as writer:
        writer.commit([said("#lobby", "fits")])
        with pytest.raises(StoreFull, match="full"):
            writer.commit([said("#lobby", "x" * 100_000)])
        writer.commit([said("#lobby", "fits again")])
    assert texts(database) == ["fits", "fits again"]


def test_administration_goes_on_beside_a_server_that_writes_all_the_time(
    database: Database, accounts: Accounts, said: Said
) -> None:
    done = threading.Event()
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            with closing(Writer(database)) as writer:
                while not done.is_set():
                    writer.commit([said("#lobby", "again")])
        except BaseException as error:
            failed.append(error)

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        with closing(Database(database.path, timeout=30)) as beside:
            for number in range(20):
                Accounts(beside, ["#lobby"]).add(f"member{number}", b"")
    finally:
        done.set()
        serving.join()
    assert failed == []
    assert len(accounts.listing()) == 22
    assert texts(database)


def test_an_error_of_the_commit_itself_is_uncertain_until_looked_up(
    database: Database, writer: Writer, said: Said
) -> None:
    kept = [LAB, said("#lobby", "kept")]
    writer.commit(kept)
    assert writer.holds(kept)
    lost = [MemberStored("#lab", BOB, 0), said("#lobby", "lost")]
    with no_growing_files(), pytest.raises(CommitUncertain):
        writer.commit(lost)
    assert not writer.holds(lost)
    writer.commit([said("#lobby", "healed")])
    assert texts(database) == ["kept", "healed"]


def test_a_turn_without_entries_can_be_looked_up_too(database: Database, writer: Writer) -> None:
    writer.commit([LAB])
    assert writer.holds([LAB])
    joined = [MemberStored("#lab", BOB, 0)]
    with no_growing_files(), pytest.raises(CommitUncertain):
        writer.commit(joined)
    assert not writer.holds(joined)
    writer.commit(joined)
    assert writer.holds(joined)


def test_the_marks_of_turns_do_not_pile_up(database: Database, writer: Writer) -> None:
    for _ in range(20):
        writer.commit([LAB])
    with database.read() as connection:
        marks = connection.exec_driver_sql("SELECT count(*) FROM change WHERE kind = 'turn'").scalar_one()
    assert marks == 1
