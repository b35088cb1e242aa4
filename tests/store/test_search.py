"""What is found among what was said: by words, place, sender and time; in the index, and before it is there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from msgspec import structs

from securechat.store import search
from securechat.store.accounts import Accounts
from securechat.store.database import Database, driver
from securechat.store.index import Indexing
from securechat.store.rows import EntryStored, pair
from securechat.store.search import WORDS, Query, Unsearchable, expression
from securechat.store.upkeep import Upkeep
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

Said = Callable[..., EntryStored]
CARL = 3


@pytest.fixture(params=["indexed", "half indexed", "not indexed"])
def indexed(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def keep(database: Database, accounts: Accounts, indexed: str) -> Callable[[list[EntryStored]], None]:
    """Stores entries, of which all, some or none are in the index then: it must not matter."""
    accounts.add("Carl", b"")

    def keep(rows: list[EntryStored]) -> None:
        half = {"indexed": len(rows), "half indexed": len(rows) // 2, "not indexed": 0}[indexed]
        with closing(Writer(database, upkeep=Upkeep([Indexing()]))) as writer:
            if half:
                writer.commit(rows[:half])
                index(writer)
            if rows[half:]:
                writer.commit(rows[half:])

    return keep


def index(writer: Writer) -> None:
    while writer.keep_up():
        pass


def find(database: Database, text: str = "", reader: int = ADA, **wanted: Any) -> str:
    """The texts found, between bars."""
    wanted = {"channels": ("#lobby", "#lab"), "words": expression(text) if text else "", **wanted}
    with database.read() as connection:
        return "|".join(entry.text for entry in search.find(connection, Query(reader, **wanted)))


def test_every_word_must_occur_in_any_case_and_with_or_without_accents(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said
) -> None:
    texts = (
        "The Café is open",
        "open the door",
        "cafeteria",
        "日本語です",
        "C'est l'été",
        "a-b_c d",
        "ÜBER straße",
        "one\ntwo th\rree",
    )
    keep([said("#lobby", text) for text in texts])
    for text, found in {
        "open": "The Café is open|open the door",
        "OPEN cafe": "The Café is open",
        "open nowhere": "",
        "caf": "",
        "caf*": "The Café is open|cafeteria",
        "café": "The Café is open",
        "CAFÉ*": "The Café is open|cafeteria",
        '"open the"': "open the door",
        '"the open"': "",
        '"open the doo"*': "open the door",
        '"open the doo*"': "",
        "日*": "日本語です",
        "日本語です": "日本語です",
        "本": "",
        "ete": "C'est l'été",
        "l'été": "C'est l'été",
        "b_c": "a-b_c d",
        "a-b": "a-b_c d",
        "c a": "a-b_c d",
        "uber": "ÜBER straße",
        "one two": "one\ntwo th\rree",
        "three": "one\ntwo th\rree",
        "open !!!": "The Café is open|open the door",
        "!!!": "",
        "🎉": "",
    }.items():
        assert find(database, text) == found, text


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '""',
        "*",
        "***",
        "AND",
        "x OR y",
        "NOT x",
        "NEAR(a b)",
        "text:x",
        "place : c23",
        "{text place}: x",
        "-text : x",
        "^x",
        "a + b",
        "(",
        "x) OR (y",
        '"x" OR place:"s1',
        "x'; DROP TABLE search; --",
        "\0",
        "x\0y",
        "\\",
        '"a" "b',
        "*x*",
        "ab**",
        "é" * 100,
        "\u202e\ufeff\u200d",
        "s1",
        "p1",
    ],
)
def test_whatever_is_typed_is_looked_for_and_never_understood_otherwise(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said, text: str
) -> None:
    keep([said("#lobby", "and so on"), said("#secret", "x y"), said(pair(BOB, CARL), "x y")])
    with contextlib.suppress(Unsearchable):
        assert find(database, text) in ("", "and so on")


@pytest.mark.parametrize(
    "text", ["", " ", "*", '"" *', "t*", "th*", "a the*b th*", "п*", "don't*", " ".join("w" * WORDS) + " x"]
)
def test_a_text_without_words_or_with_too_much_to_look_for_is_refused(text: str) -> None:
    with pytest.raises(Unsearchable):
        expression(text)


def test_only_ones_own_channels_and_direct_messages_are_looked_through(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said
) -> None:
    places = ("#lobby", "#lab", "#secret", pair(ADA, BOB), pair(BOB, CARL), pair(ADA, ADA), pair(CARL, ADA))
    keep([said(place, f"word {place}", int(place[0]) if place[0] != "#" else BOB) for place in places])
    mine = "word #lobby|word #lab|word 1:2|word 1:1|word 1:3"
    assert find(database, "word") == find(database) == mine
    assert find(database, channels=()) == "word 1:2|word 1:1|word 1:3"
    assert find(database, reader=CARL, channels=("#secret",)) == "word #secret|word 2:3|word 1:3"
    assert find(database, reader=99, channels=("#none",)) == ""
    assert find(database, target="#lab") == "word #lab"
    assert find(database, target=pair(ADA, BOB)) == "word 1:2"
    assert find(database, target=pair(ADA, ADA)) == "word 1:1"
    assert find(database, senders=(BOB,)) == "word #lobby|word #lab"
    assert find(database, senders=(ADA, CARL)) == "word 1:2|word 1:1|word 1:3"
    assert find(database, senders=(99,)) == find(database, senders=()) == ""


def test_channels_whose_names_hold_anything_are_told_apart(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said
) -> None:
    names = ("#", "##", "#-", "#a", "#ab", "#a-b", "#ünï", "#unï", "#'\"", "#" + "é" * 31, "#p1")
    keep([said(name, name) for name in names])
    for name in names:
        assert find(database, channels=(name,)) == name
        assert find(database, target=name) == name


def test_times_are_bounds_and_say_which_end_is_wanted(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said
) -> None:
    """Also where a clock was set back, so that a later entry of another channel has an earlier time."""
    rows = [said("#lobby", str(n)) for n in range(1, 9)]
    keep([*rows[:4], *(structs.replace(row, target="#lab", time=row.time - 35) for row in rows[4:])])
    assert find(database) == "1|2|3|4|5|6|7|8"
    assert find(database, limit=3) == "6|7|8"
    assert find(database, limit=3, before=30) == "3|5|6"
    assert find(database, limit=3, after=25) == "3|4|6"
    assert find(database, after=20, before=40) == "2|3|4|6|7"
    assert find(database, target="#lab", after=20, before=40) == "6|7"
    assert find(database, "3 OR", after=20) == find(database, after=46) == find(database, before=9) == ""
    assert find(database, after=30, before=20) == ""


def test_only_what_people_said_is_found(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said
) -> None:
    """Of a redacted message no words are left, so the row that stays is not found by its place either."""
    keep([said("#lobby", "a topic", kind="TOPIC"), said("#lobby", "notice", kind="NOTICE"), said("#lobby", "")])
    assert find(database) == "notice"
    assert find(database, "topic") == ""


def test_nothing_of_a_search_is_left_behind(
    database: Database, keep: Callable[[list[EntryStored]], None], said: Said
) -> None:
    keep([said("#lobby", "hello")])
    assert find(database, "hello") == find(database, "hello") == "hello"
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM temp.sqlite_schema").scalar_one() == 0


def test_what_is_taken_out_of_the_index_is_not_found_by_its_words_or_place(
    database: Database, accounts: Accounts, said: Said
) -> None:
    with closing(Writer(database, upkeep=Upkeep([Indexing()]))) as writer:
        writer.commit([said("#lobby", "red apple"), said(pair(ADA, BOB), "green apple", BOB), said("#lobby", "apple")])
        index(writer)
        writer.commit([said("#lobby", "not in it yet")])
    with database.write() as connection:
        raw = driver(connection)
        for seq in (1, 2, 1, 4, 99):  # once more, one that is not there yet, and one that never was, change nothing
            search.forget(raw, [seq])
        assert found(raw, "apple") == [3]
        assert found(raw, "red OR green") == []
        assert found(raw, f"p{ADA} OR p{BOB} OR d{ADA}x{BOB} OR s{BOB}") == []
        assert found(raw, f"s{ADA}") == found(raw, "c" + b"#lobby".hex()) == [3]


def found(connection: sqlite3.Connection, expression: str) -> list[int]:
    rows = connection.execute("SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid", (expression,))
    return [row[0] for row in rows]
