"""Erasing an entry: nothing of its words is left in the database, and a turn is never spoilt by it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

from msgspec import structs

from securechat.store import history, search
from securechat.store.database import Database, driver
from securechat.store.index import Indexing
from securechat.store.rows import REDACTED, Entry, EntryRedacted, EntryStored
from securechat.store.upkeep import Upkeep
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB
from tests.store.test_search import found, index

Said = Callable[..., EntryStored]
WORDS = "unmistakeable-words"


def entries(database: Database) -> list[Entry]:
    with database.read() as connection:
        return history.latest(connection, "#lobby", 100, kinds=(*history.MESSAGES, REDACTED))


def test_an_erased_entry_keeps_its_place_and_nothing_else(database: Database, writer: Writer, said: Said) -> None:
    writer.commit(
        [said("#lobby", "before"), structs.replace(said("#lobby", WORDS, BOB), tags="+a=b"), said("#lobby", "behind")]
    )
    writer.commit([EntryRedacted("#lobby", "id2")])
    assert entries(database)[1] == Entry("#lobby", 2, "id2", 20, REDACTED, BOB, "", "")
    with database.read() as connection:
        assert [entry.text for entry in history.after(connection, "#lobby", "id1", 5)] == ["behind"]
        assert [entry.text for entry in history.before(connection, "#lobby", "id2", 5)] == ["before"]


def test_its_words_are_not_in_the_file_any_more(database: Database, writer: Writer, said: Said) -> None:
    writer.commit([said("#lobby", WORDS), said("#lobby", "other words")])
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert WORDS.encode() in database.path.read_bytes()
    writer.commit([EntryRedacted("#lobby", "id1")])
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert WORDS.encode() not in database.path.read_bytes()


def test_its_words_find_it_no_more(database: Database, writer: Writer, said: Said) -> None:
    writer.commit([said("#lobby", WORDS), said("#lobby", f"{WORDS} again")])
    with closing(Writer(database, upkeep=Upkeep([Indexing()]))) as other:
        index(other)
    writer.commit([said("#lobby", "not yet indexed")])
    writer.commit([EntryRedacted("#lobby", "id1"), EntryRedacted("#lobby", "id3")])
    with database.read() as connection:
        assert found(driver(connection), "unmistakeable") == [2]
        assert connection.exec_driver_sql("SELECT seq FROM progress WHERE task = 'erase'").scalar() == 2
    with database.write() as connection:
        search.forget(driver(connection), [2])
        assert found(driver(connection), f"s{ADA}") == []


def test_erasing_twice_or_what_is_not_there_spoils_no_turn(database: Database, writer: Writer, said: Said) -> None:
    writer.commit([said("#lobby", WORDS)])
    writer.commit([EntryRedacted("#lobby", "id1"), EntryRedacted("#lobby", "id1"), said("#lobby", "same turn")])
    writer.commit([EntryRedacted("#lobby", "never"), EntryRedacted("#other", "id2"), said("#lobby", "next turn")])
    assert [entry.text for entry in entries(database)] == ["", "same turn", "next turn"]
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT seq FROM progress WHERE task = 'erase'").scalar() == 1
