"""Finding what was said by its words, its place, its sender and its time; and taking it out of the index again.

An index of what was said until about a second ago is on disk; what is newer is indexed for the moment of the search.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from securechat.errors import SecurechatError
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.store.rows import AccountId, Entry
from securechat.store.schema import INDEX

WORDS = 32  # of one search
PREFIX_BYTES = 3  # of what stands before a *: with fewer, all that is indexed would be read. One sign of Chinese has 3
TAIL = 2000  # entries that a search indexes for itself: 3 us each
NEVER = 1 << 62  # a time after every entry, and a number above each

# Words of the column `place` that say where an entry is and by whom, so that a reader's own places are part of what is
# looked up: c and the channel's key in hex, or d for the pair and p for each of the two; then s for the sender.
PLACE = (
    "CASE WHEN target LIKE '#%' THEN 'c' || hex(target) "
    "ELSE 'd' || replace(target, ':', 'x') || ' p' || replace(target, ':', ' p') END || ' s' || sender_id"
)

# What people said; of a redacted message nothing is left. CR stands where a long line was cut and goes on.
SEARCHABLE = "kind IN ('PRIVMSG', 'NOTICE') AND entry.text <> ''"
TEXT = "replace(entry.text, char(13), '')"

# The index has no copy of the text: only what was put in, word for word, takes it out again.
_FORGET = (
    f"INSERT INTO search (search, rowid, text, place) SELECT 'delete', seq, {TEXT}, {PLACE} FROM entry "
    "WHERE seq = ? AND EXISTS (SELECT 1 FROM search WHERE rowid = entry.seq)"
)
_TO_ERASE = (
    "INSERT INTO progress (task, seq) VALUES ('erase', 1) ON CONFLICT (task) DO UPDATE SET seq = progress.seq + 1"
)


def forget(connection: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Take entries out of the index: in the transaction that changes or deletes their rows, and before it does.

    Entries that are not in it may be named, too. Their words are then erased from the disk behind the turns.
    """
    connection.executemany(_FORGET, ((seq,) for seq in seqs))
    connection.execute(_TO_ERASE)


class Unsearchable(SecurechatError):
    """The text to look for holds nothing to look for, or too much."""


@dataclass(frozen=True, slots=True)
class Query:
    """`words` is from `expression`, or empty for any text; times are in milliseconds, their bounds count as inside."""

    reader: AccountId  # own direct messages are looked through, too
    channels: tuple[str, ...]  # keys of those that the reader may read
    target: str | None = None  # look through this alone, a channel or a pair that is known to be the reader's
    senders: tuple[AccountId, ...] | None = None
    words: str = field(default="", repr=False)
    after: int | None = None
    before: int | None = None
    limit: int = 50


_TERM = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
_PIECES = re.compile(r"[^\W_]+")


def expression(text: str) -> str:
    """What a person typed, as an expression of FTS5: every word must occur, `"…"` is a phrase, `…*` a beginning.

    All of it stands in quotes, so nothing is an operator. Raises Unsearchable.
    """
    terms = [term for match in _TERM.finditer(text.replace("\0", " ")) if (term := _term(*match.groups()))]
    if not terms:
        raise Unsearchable("no words")
    if len(terms) > WORDS:
        raise Unsearchable(f"more than {WORDS} words")
    return f"text : ({' '.join(terms)})"


def _term(phrase: str | None, star: str, word: str | None) -> str:
    if word is not None:
        phrase = word.rstrip("*")
        star = "*" if phrase != word else ""
    if not phrase:
        return ""
    pieces = _PIECES.findall(phrase)
    if star and pieces and len(pieces[-1].encode()) < PREFIX_BYTES:
        raise Unsearchable(f"fewer than {PREFIX_BYTES} letters before a *")
    return f'"{phrase}"{star if pieces else ""}'


# The reader's targets, one by one: within each, time is the order.
_TARGETS = (
    "WITH mine (target) AS (SELECT value FROM json_each(:targets) UNION ALL "
    "SELECT min(id, :reader) || ':' || max(id, :reader) FROM account WHERE :pairs) "
)
_BOUNDS = _TARGETS + (
    "SELECT min((SELECT seq FROM entry WHERE target = mine.target AND time >= :after ORDER BY time LIMIT 1)), "
    "max((SELECT seq FROM entry WHERE target = mine.target AND time <= :before ORDER BY time DESC LIMIT 1)) FROM mine"
)
_COLUMNS = "target, seq, msgid, time, kind, sender_id, entry.text, tags"


def find(connection: Connection, query: Query) -> list[Entry]:
    """Oldest first: the newest that match or, where the query says after when, the oldest."""
    if query.senders == ():
        return []
    first, last = _bounds(connection, query)
    values = {
        "match": _match(query),
        "first": first,
        "last": last,
        "after": query.after or 0,
        "before": NEVER if query.before is None else query.before,
        "limit": query.limit,
    }
    oldest = query.after is not None
    found = _matching(connection, "search", values, oldest) + _in_tail(connection, values, oldest)
    found.sort(key=lambda entry: entry.seq)
    return found[: query.limit] if oldest else found[-query.limit :]


def _match(query: Query) -> str:
    targets = query.channels if query.target is None else (query.target,)
    places = [_place(target) for target in targets]
    if query.target is None:
        places.append(f"p{query.reader}")
    parts = [query.words] if query.words else []
    parts.append(_any_of(places))
    if query.senders is not None:
        parts.append(_any_of([f"s{sender}" for sender in query.senders]))
    return " AND ".join(parts)


def _place(target: str) -> str:
    return f"c{target.encode().hex()}" if target.startswith(CHANNEL_PREFIX) else "d" + target.replace(":", "x")


def _any_of(words: Iterable[str]) -> str:
    return f"place : ({' OR '.join(words)})"


def _bounds(connection: Connection, query: Query) -> tuple[int, int]:
    """The numbers between which all entries of that time lie; all of them if no time is asked for."""
    if query.after is None and query.before is None:
        return 0, NEVER
    targets = query.channels if query.target is None else (query.target,)
    values = {
        "targets": json.dumps(targets),
        "reader": query.reader,
        "pairs": query.target is None,
        "after": query.after or 0,
        "before": NEVER if query.before is None else query.before,
    }
    first, last = connection.exec_driver_sql(_BOUNDS, values).one()
    return (first, last) if first is not None and last is not None else (1, 0)


def _matching(connection: Connection, index: str, values: dict[str, object], oldest: bool) -> list[Entry]:
    rows = connection.exec_driver_sql(
        f"SELECT {_COLUMNS} FROM {index} CROSS JOIN entry ON seq = {index}.rowid WHERE {index} MATCH :match "
        f"AND {index}.rowid BETWEEN :first AND :last AND time BETWEEN :after AND :before "
        f"AND {SEARCHABLE} "
        f"ORDER BY {index}.rowid {'ASC' if oldest else 'DESC'} LIMIT :limit",
        values,
    )
    return [Entry(*row) for row in rows]


def _in_tail(connection: Connection, values: dict[str, object], oldest: bool) -> list[Entry]:
    """The same among the newest entries, which the index on disk does not have yet."""
    indexed, newest = connection.exec_driver_sql(
        "SELECT coalesce((SELECT seq FROM progress WHERE task = 'search'), 0), "
        "coalesce((SELECT max(seq) FROM entry), 0)"
    ).one()
    if newest <= indexed:
        return []
    connection.exec_driver_sql(f"CREATE VIRTUAL TABLE temp.tail USING {INDEX}")
    connection.exec_driver_sql(
        f"INSERT INTO tail (rowid, text, place) SELECT seq, {TEXT}, {PLACE} FROM entry WHERE seq > ? AND {SEARCHABLE}",
        (max(indexed, newest - TAIL),),
    )
    found = _matching(connection, "tail", values, oldest)
    connection.exec_driver_sql("DROP TABLE temp.tail")
    return found
