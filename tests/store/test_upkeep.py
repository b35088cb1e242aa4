"""What goes on behind the turns: the index is filled, old entries go, and nothing of what went is left on the disk."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from securechat import config
from securechat.config import ConfigError, History, Kept
from securechat.store import index, retention
from securechat.store.accounts import Accounts
from securechat.store.database import Database, driver
from securechat.store.errors import StoreBusy, StoreFull
from securechat.store.rows import EntryRedacted, EntryStored, pair
from securechat.store.search import Query, expression
from securechat.store.upkeep import upkeep
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB
from tests.store.test_writer import held_by_another, texts

DAY = 86_400_000
NOW = time.time_ns() // 1_000_000


@pytest.fixture
def open_writer(database: Database, accounts: Accounts) -> Iterator[Callable[..., Writer]]:
    """`open_writer(retain_days=7)` keeps the store up by these settings; each opened ends the one before."""
    opened: list[Writer] = []

    def open_one(**settings: Any) -> Writer:
        close()
        opened.append(Writer(database, upkeep=upkeep(History(**settings))))
        return opened[0]

    def close() -> None:
        while opened:
            opened.pop().close()

    yield open_one
    close()


def keep_up(writer: Writer) -> int:
    """Until there is nothing to do; gives the number of steps."""
    steps = 0
    while writer.keep_up():
        steps += 1
    return steps


def entries(target: str, *texts: str, days_ago: float = 0, kind: str = "PRIVMSG") -> list[EntryStored]:
    first = NOW - int(days_ago * DAY)
    return [EntryStored(target, secrets.token_hex(8), first + n, kind, ADA, text) for n, text in enumerate(texts)]


def in_index(database: Database, text: str) -> int:
    with database.read() as connection:
        query = Query(ADA, ("#lobby", "#ops"), words=expression(text), limit=100_000)
        matches = "SELECT count(*) FROM search WHERE search MATCH ?"
        return int(connection.exec_driver_sql(matches, (query.words,)).scalar_one())


def on_disk(database: Database, *words: str) -> list[str]:
    """Those of the words that are in the database's files; their beginnings may be shared with a neighbour's."""
    data = b"".join(path.read_bytes() for path in database.path.parent.iterdir())
    return [word for word in words if word[4:].encode() in data]


def number_of(connection: Connection, query: str) -> Any:
    return connection.exec_driver_sql(query).scalar()


# The index


def test_the_index_is_filled_behind_the_turns_in_small_steps(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    writer = open_writer()
    count = 5 * index.ROWS + 7
    writer.commit(entries("#lobby", *(f"word {n}" for n in range(count))))
    before = 0
    while writer.keep_up():
        now = in_index(database, "word")
        assert now - before <= index.ROWS
        before = now
    assert before == count
    writer.commit(entries("#lobby", "one more word"))
    keep_up(writer)
    assert in_index(database, "word") == count + 1


def test_what_comes_message_by_message_is_merged(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    for number in range(40):
        writer.commit(entries("#lobby", f"word {number}"))
        keep_up(writer)
    assert in_index(database, "word") == 40
    with database.read() as connection:
        assert number_of(connection, "SELECT count(DISTINCT segid) FROM search_idx") < 8


def test_a_step_takes_fewer_of_long_messages(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    long = "word " * (index.CHARACTERS // 9)
    writer.commit(entries("#lobby", *[long] * 5))
    sizes = []
    while writer.keep_up():
        sizes.append(in_index(database, "word"))
    assert sorted(set(sizes)) == [2, 4, 5]


def test_who_takes_over_goes_on_where_the_index_ended(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    writer.commit(entries("#lobby", *(f"word {n}" for n in range(3 * index.ROWS))))
    writer.keep_up()
    writer.keep_up()
    writer = open_writer()
    keep_up(writer)
    assert in_index(database, "word") == 3 * index.ROWS


def test_with_nothing_to_do_nothing_is_written(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    writer.commit(entries("#lobby", "hello"))
    keep_up(writer)
    files = {path: path.stat().st_mtime_ns for path in database.path.parent.glob("*.db*") if path.suffix != ".db-shm"}
    assert keep_up(writer) == 0
    assert {path: path.stat().st_mtime_ns for path in files} == files


# What fails


def test_a_busy_database_is_left_alone_and_no_turn_is_the_worse_for_it(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    writer = open_writer()
    writer.commit(entries("#lobby", "hello"))
    with held_by_another(database):
        start = time.monotonic()
        with pytest.raises(StoreBusy):
            keep_up(writer)
        assert time.monotonic() - start < 0.2
    writer.commit(entries("#lobby", "world"))
    keep_up(writer)
    assert in_index(database, "hello") == in_index(database, "world") == 1


def test_a_full_database_is_tried_again_later(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    writer.commit(entries("#lobby", *(f"{n} ".ljust(300, "x") for n in range(300))))
    writer = open_writer()
    with closing(database.connect_writer()) as connection:  # the new writer gets this one from the pool
        [pages] = driver(connection).execute("PRAGMA page_count").fetchone()
        driver(connection).execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreFull):
        keep_up(writer)
    keep_up(writer)  # on another connection, which has room
    assert in_index(database, "7") == 1


def test_turns_are_synced_whatever_goes_on_between_them(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    writer.commit(entries("#lobby", "hello"))
    keep_up(writer)
    writer.close()
    with closing(database.connect_writer()) as connection:  # the one that the writer had
        assert number_of(connection, "PRAGMA synchronous") == 2


# Retention


def test_everything_is_kept_unless_told_otherwise(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    writer.commit([*entries("#lobby", "old", days_ago=5000), *entries("#lobby", "new")])
    keep_up(writer)
    assert texts(database) == ["old", "new"]


def test_what_is_too_old_goes_with_its_words(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer(retain_days=7)
    old = [f"old {n}" for n in range(3 * retention.ROWS)]
    writer.commit([*entries("#lobby", *old, days_ago=8), *entries("#lobby", "new", days_ago=6)])
    writer.commit([*entries(pair(ADA, BOB), "old dm", days_ago=8), *entries(pair(ADA, BOB), "new dm")])
    keep_up(writer)
    assert texts(database) == ["new"]
    assert texts(database, pair(ADA, BOB)) == ["new dm"]
    assert in_index(database, "old") == 0
    assert in_index(database, "new") == 2


def test_no_more_messages_are_kept_than_told_of_each_target(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    """Joins and the like do not count, and go with the messages around them."""
    writer = open_writer(retain_messages=retention.COUNTED)
    count = 2 * retention.COUNTED + 3
    writer.commit(entries("#lobby", *(f"word {n}" for n in range(count))))
    writer.commit(entries("#lobby", "joined", kind="JOIN", days_ago=1))
    writer.commit(entries("#ops", "first", "last", days_ago=2))
    keep_up(writer)
    assert texts(database) == [f"word {n}" for n in range(count - retention.COUNTED, count)]
    assert texts(database, "#ops") == ["first", "last"]
    assert in_index(database, "word") == retention.COUNTED
    with database.read() as connection:
        assert number_of(connection, "SELECT count(*) FROM entry WHERE kind = 'JOIN'") == 0


def test_what_came_since_the_last_round_counts(database: Database, open_writer: Callable[..., Writer]) -> None:
    task = retention.Pruning(History(retain_messages=5), pause=0)
    writer = open_writer()
    with closing(database.connect_writer()) as connection:
        raw = driver(connection)
        for number in range(0, 40, 4):
            writer.commit([one for n in range(4) for one in entries("#lobby", f"{number + n}", days_ago=-number - n)])
            while task.step(raw):
                pass
            until = number + 4
            assert texts(database) == [str(n) for n in range(max(0, until - 5), until)]


def test_redacted_messages_count_as_what_they_were(database: Database, open_writer: Callable[..., Writer]) -> None:
    task = retention.Pruning(History(retain_messages=4), pause=0)
    writer = open_writer()
    rows = entries("#lobby", *"abcdef", days_ago=1)
    with closing(database.connect_writer()) as connection:
        raw = driver(connection)
        writer.commit(rows[:4])
        while task.step(raw):
            pass
        redact(writer, rows[0], rows[1])
        writer.commit([*rows[4:], *entries("#ops", "newest")])
        while task.step(raw):
            pass
    assert texts(database) == ["c", "d", "e", "f"]


def test_a_channel_has_rules_of_its_own_and_the_rest_from_everywhere(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    own = {"#Ops": Kept(retain_days=1), "#all": Kept(retain_days=0, retain_messages=0), "#two": Kept(retain_messages=2)}
    writer = open_writer(retain_days=7, retain_messages=3, channels=own)
    for name in ("#ops", "#all", "#two", "#lobby"):
        writer.commit(entries(name, "a", "b", days_ago=8) + entries(name, "c", "d", days_ago=2))
        writer.commit(entries(name, "e", "f", days_ago=0.5))
    writer.commit(entries("#end", "newest"))
    keep_up(writer)
    assert {name: "".join(texts(database, name)) for name in ("#ops", "#all", "#two", "#lobby")} == {
        "#ops": "ef",
        "#all": "abcdef",
        "#two": "ef",
        "#lobby": "def",
    }


def test_a_rule_for_what_is_no_channel_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"history\.channels: 'ops' is no channel name"):
        upkeep(History(channels={"ops": Kept(retain_days=1)}))


def test_the_newest_entry_of_all_stays_so_that_its_number_is_not_given_again(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    writer = open_writer(retain_days=1)
    writer.commit([*entries("#lobby", "a", "b", days_ago=9), *entries("#ops", "c", days_ago=9)])
    keep_up(writer)
    assert texts(database) == []
    assert texts(database, "#ops") == ["c"]
    writer.commit(entries("#lobby", "d"))
    with database.read() as connection:
        assert number_of(connection, "SELECT max(seq) FROM entry") == 4


def test_the_names_of_messages_are_known_for_a_week(database: Database, open_writer: Callable[..., Writer]) -> None:
    writer = open_writer()
    with database.write() as connection:
        for days in range(14):
            values = (ADA, f"m{days}", "#lobby", b"", f"id{days}", NOW - days * DAY + DAY // 2)
            connection.exec_driver_sql("INSERT INTO client_message VALUES (?, ?, ?, ?, ?, ?)", values)
    keep_up(writer)
    with database.read() as connection:
        assert number_of(connection, "SELECT count(*) FROM client_message") == 8


# Erasing


def planted(seed: int, count: int) -> list[str]:
    pick = random.Random(seed)
    return [f"{pick.randrange(16**14):x}".rjust(14, "z") for _ in range(count)]


def redact(writer: Writer, *rows: EntryStored) -> None:
    writer.commit([EntryRedacted(row.target, row.msgid) for row in rows])


@pytest.mark.parametrize("indexed", [True, False])
def test_redacted_words_are_nowhere_on_the_disk_once_all_is_done(
    database: Database, open_writer: Callable[..., Writer], indexed: bool
) -> None:
    word, other = planted(1, 2)
    writer = open_writer()
    rows = entries("#lobby", "hello", f"the word is {word}", f"mine is {other}")
    writer.commit(rows)
    if indexed:
        keep_up(writer)
    redact(writer, rows[1])
    assert on_disk(database, word, other) == [word, other]
    keep_up(writer)
    assert on_disk(database, word, other) == [other]
    assert in_index(database, other) == 1


@pytest.mark.parametrize("seed", range(12))
def test_words_leave_the_disk_whatever_went_on_before(
    database: Database, open_writer: Callable[..., Writer], seed: int
) -> None:
    """Turns, redactions and steps of the upkeep as they come, and a server that is started anew in between."""
    pick = random.Random(seed)
    words, common = planted(seed, 400), [f"w{n}" for n in range(300)]
    writer = open_writer()
    said: dict[EntryStored, str] = {}
    gone: list[str] = []
    count = 0
    for _ in range(40):
        rows = []
        for _ in range(pick.randrange(120)):
            count += 1
            text, word = " ".join(pick.choices(common, k=pick.randrange(1, 20))), ""
            if words and pick.random() < 0.2:
                word = words.pop()
            target = pick.choice(["#a", "#b", "1:2"])
            rows.append(EntryStored(target, f"id{count}", count, "PRIVMSG", ADA, f"{text} {word}"))
            if word:
                said[rows[-1]] = word
        writer.commit(rows)
        for _ in range(pick.choice((0, 1, 3, 20))):
            writer.keep_up()
        if said and pick.random() < 0.5:
            chosen = pick.sample(list(said), min(len(said), pick.randrange(1, 15)))
            redact(writer, *chosen)
            gone += [said.pop(row) for row in chosen]
        if pick.random() < 0.1:
            writer = open_writer()
    keep_up(writer)
    assert on_disk(database, *gone) == []
    assert on_disk(database, *said.values()) == list(said.values())
    with database.read() as connection:
        assert number_of(connection, "SELECT count(*) FROM progress WHERE task = 'erase'") == 0


def test_pruned_words_are_nowhere_on_the_disk_once_all_is_done(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    words = planted(2, 700)
    writer = open_writer()
    writer.commit([*entries("#lobby", *words, days_ago=9), *entries("#lobby", "new")])
    keep_up(writer)
    assert on_disk(database, *words) == words
    keep_up(open_writer(retain_days=7))
    assert on_disk(database, *words) == []


def test_words_that_a_reader_keeps_on_the_disk_leave_it_when_he_is_done(
    database: Database, open_writer: Callable[..., Writer]
) -> None:
    [word] = planted(3, 1)
    writer = open_writer()
    rows = entries("#lobby", word, "hello")
    writer.commit(rows)
    keep_up(writer)
    with database.read() as connection:
        assert number_of(connection, "SELECT count(*) FROM entry") == 2  # from here on it holds its view
        redact(writer, rows[0])
        keep_up(writer)
        assert on_disk(database, word) == [word]
    keep_up(writer)
    assert on_disk(database, word) == []


def test_settings_of_retention_are_read_and_unknown_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[history]\nretain_days = 30\n[history.channels."#Ops"]\nretain_messages = 5\n')
    assert config.load(path).history == History(30, 0, channels={"#Ops": Kept(None, 5)})
    for wrong in ("retain_weeks = 1", "retain_days = -1", '[history.channels."#ops"]\ndays = 1'):
        path.write_text(f"[history]\n{wrong}\n")
        with pytest.raises(ConfigError, match="history"):
            config.load(path)
