"""Judging a database: whether it is whole and ours, and what it holds."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from securechat.store import backup, upgrade
from securechat.store.errors import NotADatabase, StoreError, is_damaged, translated
from securechat.store.schema import REVISION, metadata

_MOST_PROBLEMS = 20
_MESSAGES = "SELECT count(*), max(time) FROM entry WHERE kind IN ('PRIVMSG', 'NOTICE')"


@dataclass(frozen=True, slots=True)
class Contents:
    revision: str
    size: int  # bytes
    accounts: int  # without the deleted ones
    messages: int
    newest: int | None  # time of the newest message


class Damaged(StoreError):
    """`problems` has what is wrong, a line each."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{str(path)!r} is damaged: {problems[0]}{more}")
        self.problems = problems


def inspect(path: Path, *, live: bool = False) -> Contents:
    """Read all of a database; `live` is one that others may write meanwhile.

    Raises NoDatabase, NotADatabase, SchemaNewer, Damaged, StoreError.
    """
    with closing(backup.in_use(path) if live else backup.at_rest(path)) as connection, translated():
        try:
            connection.execute("BEGIN")
            revision = _revision(connection, path)
            if problems := _broken(connection) or [*_missing(connection, revision), *_dangling(connection)]:
                raise Damaged(path, tuple(problems))
            return _contents(connection, revision, path.stat().st_size)
        except sqlite3.DatabaseError as error:
            if is_damaged(error):
                raise Damaged(path, (str(error),)) from error
            raise


def _revision(connection: sqlite3.Connection, path: Path) -> str:
    if "alembic_version" not in _tables(connection):
        raise NotADatabase(f"{str(path)!r} is no database of securechat")
    [revision] = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ["none"]
    upgrade.refuse_newer(revision)
    return str(revision)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _broken(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})").fetchall()
    lines = [line for (text,) in found for line in text.splitlines()]
    return [] if lines == ["ok"] else lines


def _missing(connection: sqlite3.Connection, revision: str) -> list[str]:
    """What an earlier version's tables were, only its steps know."""
    wanted = metadata.tables.keys() if revision == REVISION else set()
    return [f"table {name} is missing" for name in sorted(wanted - _tables(connection))]


def _dangling(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("PRAGMA foreign_key_check")
    counted = Counter((table, parent) for table, _, parent, _ in rows)
    return [f"rows of {table} that refer to no {parent}: {number}" for (table, parent), number in counted.items()]


def _contents(connection: sqlite3.Connection, revision: str, size: int) -> Contents:
    [accounts] = connection.execute("SELECT count(*) FROM account WHERE deleted_at IS NULL").fetchone()
    messages, newest = connection.execute(_MESSAGES).fetchone()
    return Contents(revision, size, accounts, messages, newest)
