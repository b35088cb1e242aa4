"""The audit log: who did what to whom, from where and when; rows are added and never changed.

The hash of a row is SHA-256 over the hash of the row before, 32 zero bytes for the first, and the row as compact JSON
in UTF-8: `[id,time,actor,act,subject,address,detail]`. So no row can be changed, taken out or put in unnoticed, unless
all behind it are written anew: that only somebody notices who noted a hash elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import pwd
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass

from securechat.protocol.names import fold
from securechat.store.rows import Audited
from securechat.store.schema import AUDIT_TRIGGERS

LOCAL = "local"  # the address of what a command does
_START = bytes(32)
_MOST_PROBLEMS = 20
_DAY = 24 * 3600.0

_NEWEST = (  # the number of the newest ever written, for SQLite remembers it though the row be gone
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'audit'), 0), "
    "(SELECT hash FROM audit ORDER BY id DESC LIMIT 1)"
)
_INSERT = "INSERT INTO audit (id, time, actor, act, subject, address, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_WANTED = "time >= :since AND (:account IS NULL OR :account IN (lower(actor), lower(subject)))"
_ALL = "SELECT id, time, actor, act, subject, address, detail, hash FROM audit"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with its place in the chain."""

    id: int
    row: Audited
    hash: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: from a time on, and those that an account did or that were done to it."""

    account: str | None = None
    since: int = 0

    def values(self) -> dict[str, object]:
        return {"account": None if self.account is None else fold(self.account), "since": self.since}


@dataclass(frozen=True, slots=True)
class Verdict:
    entries: int
    head: str  # hash of the newest entry, hexadecimal
    problems: tuple[str, ...]  # the first few


def append(connection: sqlite3.Connection, rows: Iterable[Audited]) -> None:
    """Within the transaction of the acts that they tell of, which holds the lock."""
    number, newest = connection.execute(_NEWEST).fetchone()
    previous = newest or _START
    values = []
    for row in rows:
        number += 1
        previous = _hash(previous, number, row)
        values.append((number, *row, previous))
    connection.executemany(_INSERT, values)


def local(act: str, subject: str, detail: str = "") -> Audited:
    """What a command does: the actor is whoever runs it."""
    readable = detail.encode(errors="backslashreplace").decode()  # the name of a file may be anything
    return Audited(time.time_ns() // 1_000_000, _user(), act, subject, LOCAL, readable)


def record(connection: sqlite3.Connection, row: Audited) -> None:
    """In a transaction of its own; a database of an earlier schema has no log."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone():
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            append(connection, [row])


def before_newest(connection: sqlite3.Connection, wanted: Wanted, number: int) -> int:
    """The id behind which so many of the wanted entries are, or all that there are."""
    query = f"SELECT min(id) FROM (SELECT id FROM audit WHERE {_WANTED} ORDER BY id DESC LIMIT :number)"
    [first] = connection.execute(query, {**wanted.values(), "number": number}).fetchone()
    return (first or 1) - 1


def behind(connection: sqlite3.Connection, wanted: Wanted, after: int, limit: int) -> list[Entry]:
    """The wanted entries behind the id `after`, oldest first."""
    query = f"{_ALL} WHERE id > :after AND {_WANTED} ORDER BY id LIMIT :limit"
    rows = connection.execute(query, {**wanted.values(), "after": after, "limit": limit})
    return [_entry(row) for row in rows]


def verify(connection: sqlite3.Connection, head: str | None = None) -> Verdict:
    """Read the whole chain, in one transaction; `head` is a hash noted before, which must be in it."""
    count, previous, number = 0, _START, 0
    seen = head is None
    problems = _missing_triggers(connection)
    for entry in map(_entry, connection.execute(f"{_ALL} ORDER BY id")):
        if entry.id != number + 1:
            problems.append(_missing(number + 1, entry.id - 1))
        elif entry.hash != _hash(previous, entry.id, entry.row):
            problems.append(f"entry {entry.id} was changed, or the one before it")
        seen = seen or entry.hash.hex() == head
        count, previous, number = count + 1, entry.hash, entry.id
    [written, _] = connection.execute(_NEWEST).fetchone()
    if written > number:
        problems.append(_missing(number + 1, written))
    if not seen:
        problems.append(f"no entry has the hash {head}: the log was cut or rewritten since it was noted")
    return Verdict(count, previous.hex(), tuple(problems[:_MOST_PROBLEMS]))


class Announcing:
    """A task of the upkeep: the head goes to the server's log, from where it may be kept elsewhere, daily."""

    def __init__(self) -> None:
        self._due = 0.0

    def step(self, connection: sqlite3.Connection) -> bool:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _DAY
            number, head = connection.execute(_NEWEST).fetchone()
            log.info("the audit log ends with entry %d, its head is %s", number, (head or _START).hex())
        return False


def _entry(row: tuple[int, int, str, str, str, str, str, bytes]) -> Entry:
    return Entry(row[0], Audited(*row[1:-1]), row[-1])


def _hash(previous: bytes, number: int, row: Audited) -> bytes:
    text = json.dumps([number, *row], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode()).digest()


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _missing_triggers(connection: sqlite3.Connection) -> list[str]:
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")}
    return [f"{name} is missing, which keeps entries from being changed" for name in AUDIT_TRIGGERS.keys() - found]


def _user() -> str:
    """Never the name of an account, which has no colon. Behind sudo it is who typed it, as far as sudo says."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    behind = os.environ.get("SUDO_USER")
    return f"unix:{name} (sudo by {behind})" if behind else f"unix:{name}"
