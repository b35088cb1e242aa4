"""What lies behind one entry and up to another, whichever way it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection

from securechat.store import missed, snapshot
from securechat.store.accounts import Accounts
from securechat.store.database import Database
from securechat.store.rows import ChannelStored, EntryStored, PlaceRemoved, PlaceStored, pair
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

CARL = 3


@pytest.fixture
def filled(database: Database, accounts: Accounts, writer: Writer) -> Iterator[Connection]:
    """Entries 1 to 8: in #a 1 4 and the JOIN 7, in #b 2, ada with bob 3 5, with herself 6, bob with carl 8."""
    accounts.add("carl", b"")
    where = ["#a", "#b", pair(ADA, BOB), "#a", pair(BOB, ADA), pair(ADA, ADA), "#a", pair(CARL, BOB)]
    rows = [
        EntryStored(target, f"id{n}", n, "JOIN" if n == 7 else "PRIVMSG", BOB, str(n))
        for n, target in enumerate(where, start=1)
    ]
    writer.commit([*(ChannelStored(key, key, 1, "", "", 0, "nt", None, None) for key in ("#a", "#b")), *rows])
    with database.read() as connection:
        yield connection


@pytest.mark.parametrize("upto", [8, 8 + missed.FEW], ids=["by reading through all", "by looking each up"])
@pytest.mark.parametrize(
    ("account", "channels", "after", "found"),
    [
        (ADA, {"#a", "#b"}, 0, {"#a", "#b", "1:2", "1:1"}),
        (ADA, {"#a", "#b"}, 3, {"#a", "1:2", "1:1"}),
        (ADA, {"#a"}, 4, {"1:2", "1:1"}),
        (ADA, set(), 5, {"1:1"}),
        (ADA, {"#a", "#b"}, 6, set()),
        (CARL, {"#b"}, 0, {"#b", "2:3"}),
    ],
)
def test_targets_are_those_with_a_message_behind_the_place(
    filled: Connection, upto: int, account: int, channels: set[str], after: int, found: set[str]
) -> None:
    assert missed.targets(filled, account, channels, after, upto) == found


def test_what_was_said_behind_the_end_is_not_missed(filled: Connection) -> None:
    assert missed.targets(filled, ADA, {"#a", "#b"}, 1, 3) == {"#b", "1:2"}
    assert texts(filled, "#a", 0, 3) == "1"


def test_the_newest_messages_of_a_target_oldest_first(filled: Connection) -> None:
    assert texts(filled, "#a", 0, 8) == "1 4"
    assert texts(filled, "#a", 0, 8, limit=1) == "4"
    assert texts(filled, "#a", 1, 8) == "4"
    assert texts(filled, "#a", 4, 8) == ""


def texts(connection: Connection, target: str, after: int, upto: int, limit: int = 100) -> str:
    return " ".join(entry.text for entry in missed.messages(connection, target, after, upto, limit))


def test_a_place_is_never_moved_back_and_goes_with_the_account(
    database: Database, accounts: Accounts, writer: Writer
) -> None:
    writer.commit([PlaceStored(ADA, "", 5), PlaceStored(BOB, "laptop", 7), PlaceStored(BOB, "phone", 8)])
    writer.commit([PlaceStored(ADA, "", 4), PlaceStored(BOB, "laptop", 9), PlaceRemoved(BOB, "phone")])
    assert places(database) == (PlaceStored(ADA, "", 5), PlaceStored(BOB, "laptop", 9))
    accounts.delete("bob")
    writer.commit([PlaceStored(BOB, "laptop", 10)])
    assert places(database) == (PlaceStored(ADA, "", 5),)


def places(database: Database) -> tuple[PlaceStored, ...]:
    with database.read() as connection:
        return snapshot.load(connection).places


def test_a_commit_tells_the_newest_entry_of_all(writer: Writer, said: Callable[..., EntryStored]) -> None:
    assert writer.commit([PlaceStored(ADA, "", 0)]) == 0
    assert writer.commit([said("#a", "1"), said("#b", "2")]) == 2
    assert writer.commit([PlaceStored(ADA, "", 2)]) == 2
