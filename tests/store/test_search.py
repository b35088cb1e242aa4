"""The index over what was said: what gets into it, out of it, and found in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from securechat.store import search
from securechat.store.database import Database, driver
from securechat.store.rows import EntryStored, pair
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

Said = Callable[..., EntryStored]

FILL = f"INSERT INTO search (rowid, text, place) SELECT seq, text, {search._PLACE} FROM entry"


def found(connection: sqlite3.Connection, expression: str) -> list[int]:
    rows = connection.execute("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid", (expression,))
    return [row[0] for row in rows]


def test_what_is_taken_out_of_the_index_is_not_found_by_its_words_or_place(
    database: Database, writer: Writer, said: Said
) -> None:
    writer.commit([said("#lobby", "red apple"), said(pair(ADA, BOB), "green apple", BOB), said("#lobby", "apple")])
    with database.write() as connection:
        index = driver(connection)
        index.execute(FILL)
        for seq in (1, 2, 1, 99):  # once more, and one that never was, change nothing
            search.forget(index, [seq])
        assert found(index, "apple") == [3]
        assert found(index, "red OR green") == []
        assert found(index, f"p{ADA} OR p{BOB} OR d{ADA}x{BOB} OR s{BOB}") == []
        assert found(index, f"s{ADA}") == found(index, "c" + b"#lobby".hex()) == [3]
        assert index.execute("SELECT seq FROM progress WHERE task = 'erase'").fetchone() == (4,)
