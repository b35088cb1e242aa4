"""Reads by time and by msgid; entry n of #lab has the time 10 * n, the msgid `idn` and the text `n`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from securechat.store import history, snapshot
from securechat.store.accounts import Accounts
from securechat.store.database import Database
from securechat.store.rows import ChannelStored, Entry, EntryStored, pair
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

LAB = ChannelStored("#lab", "#lab", 1, "", "", 0, "nt", None, None)


@pytest.fixture
def filled(database: Database, accounts: Accounts, writer: Writer) -> Iterator[Connection]:
    accounts.add("carl", b"")
    rows = [EntryStored("#lab", f"id{n}", n * 10, "PRIVMSG", BOB, str(n), f"+n={n}") for n in range(1, 8)]
    rows.append(EntryStored("#lab", "join", 75, "JOIN", ADA, "", ""))
    rows.append(EntryStored("#lab", "id8", 80, "NOTICE", ADA, "8"))
    rows.append(EntryStored(pair(ADA, BOB), "dm1", 500, "PRIVMSG", ADA, "to bob"))
    rows.append(EntryStored(pair(3, ADA), "dm2", 400, "PRIVMSG", 3, "to ada"))
    rows.append(EntryStored(pair(3, BOB), "dm3", 450, "PRIVMSG", 3, "not for ada"))
    rows.append(EntryStored(pair(ADA, ADA), "dm4", 300, "PRIVMSG", ADA, "a note to myself"))
    writer.commit([LAB, *rows])
    with database.read() as connection:
        yield connection


def texts(entries: list[Entry]) -> str:
    return " ".join(entry.text for entry in entries)


def test_an_entry_comes_back_whole(filled: Connection) -> None:
    assert history.after(filled, "#lab", 0, 1) == [
        Entry("#lab", 1, "id1", 10, "PRIVMSG", BOB, "1", "+n=1"),
    ]


def test_latest(filled: Connection) -> None:
    assert texts(history.latest(filled, "#lab", 3)) == "6 7 8"
    assert texts(history.latest(filled, "#lab", 100)) == "1 2 3 4 5 6 7 8"
    assert texts(history.latest(filled, "#lab", 3, after="id6")) == "7 8"
    assert texts(history.latest(filled, "#lab", 1, after="id6")) == "8"
    assert texts(history.latest(filled, "#lab", 3, after=60)) == "7 8"
    assert history.latest(filled, "#none", 3) == []
    assert history.latest(filled, "#none", 3, after=5) == []


@pytest.mark.parametrize("point", [30, "id3"])
def test_around_a_point(filled: Connection, point: history.Point) -> None:
    assert texts(history.after(filled, "#lab", point, 2)) == "4 5"
    assert texts(history.before(filled, "#lab", point, 1)) == "2"
    assert texts(history.before(filled, "#lab", point, 10)) == "1 2"
    assert texts(history.around(filled, "#lab", point, 3)) == "2 3 4"
    assert texts(history.around(filled, "#lab", point, 1)) == "3"


def test_times_between_entries_name_a_place_too(filled: Connection) -> None:
    assert texts(history.after(filled, "#lab", 31, 1)) == "4"
    assert texts(history.before(filled, "#lab", 31, 1)) == "3"
    assert texts(history.before(filled, "#lab", 10_000, 1)) == "8"
    assert texts(history.after(filled, "#lab", 0, 1)) == "1"
    assert history.after(filled, "#lab", 10_000, 1) == []
    assert history.before(filled, "#lab", 1, 1) == []


@pytest.mark.parametrize(("start", "end"), [(20, 60), ("id2", "id6"), (20, "id6"), (15, 65)])
def test_between_counts_from_its_start(filled: Connection, start: history.Point, end: history.Point) -> None:
    whole = "2 3 4 5 6" if start == 15 else "3 4 5"
    assert texts(history.between(filled, "#lab", start, end, 10)) == whole
    assert texts(history.between(filled, "#lab", start, end, 2)) == whole[:3]
    assert texts(history.between(filled, "#lab", end, start, 10)) == whole
    assert texts(history.between(filled, "#lab", end, start, 2)) == whole[-3:]


def test_between_a_point_and_itself_is_nothing(filled: Connection) -> None:
    assert history.between(filled, "#lab", "id3", "id3", 10) == []


def test_events_are_given_to_who_asks_for_them(filled: Connection) -> None:
    everything = ["JOIN", *history.MESSAGES]
    assert [entry.kind for entry in history.latest(filled, "#lab", 2, kinds=everything)] == ["JOIN", "NOTICE"]
    assert [entry.msgid for entry in history.latest(filled, "#lab", 2, kinds=["JOIN"])] == ["join"]


@pytest.mark.parametrize("msgid", ["dm1", "never", ""])
def test_a_msgid_of_another_target_is_unknown(filled: Connection, msgid: str) -> None:
    with pytest.raises(history.UnknownMessage):
        history.after(filled, "#lab", msgid, 10)
    with pytest.raises(history.UnknownMessage):
        history.latest(filled, "#lab", 10, after=msgid)


def test_an_entry_is_found_by_its_msgid_whatever_its_kind(filled: Connection) -> None:
    found = history.find(filled, "#lab", "join")
    assert found == Entry("#lab", 8, "join", 75, "JOIN", ADA, "", "")
    assert history.find(filled, "#lab", "dm1") is None
    assert history.find(filled, "#lab", "never") is None


def test_targets_are_ones_own_pairs_and_the_channels_given(filled: Connection) -> None:
    mine = [("#lab", 80), ("1:1", 300), ("1:3", 400), ("1:2", 500)]
    assert history.targets(filled, ADA, ["#lab"], 0, 1000, 10) == mine
    assert history.targets(filled, ADA, [], 0, 1000, 10) == mine[1:]
    assert history.targets(filled, 3, ["#none"], 0, 1000, 10) == [("1:3", 400), ("2:3", 450)]
    assert history.targets(filled, ADA, ["#lab"], 80, 500, 10) == mine[1:3]
    assert history.targets(filled, ADA, ["#lab"], 0, 1000, 2) == mine[:2]
    assert history.targets(filled, ADA, ["#lab"], 1000, 0, 2) == mine[2:]
    assert history.targets(filled, ADA, ["#lab"], 0, 1000, 10, kinds=["JOIN"]) == [("#lab", 75)]


def test_the_newest_time_of_every_target_is_known_at_start(filled: Connection) -> None:
    assert snapshot.load(filled).last_times == {"#lab": 80, "1:1": 300, "1:2": 500, "1:3": 400, "2:3": 450}
