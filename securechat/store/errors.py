"""What can go wrong with the store, in words that a caller can act on."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from securechat.errors import SecurechatError


class StoreError(SecurechatError):
    """The store could not do what was asked; nothing of it was kept."""


class StoreBusy(StoreError):
    """Another process held the database's lock for longer than the timeout."""


class StoreFull(StoreError):
    """The disk, or the room given to the database, is full."""


class CommitUncertain(StoreError):
    """COMMIT itself raised: what was asked may be durable all the same. Only looking tells (`Writer.holds`)."""

    def __init__(self, words: str, newest: int) -> None:
        super().__init__(words)
        self.newest = newest  # seq of the newest entry, should it be durable


class NotADatabase(StoreError):
    """The file is something else than a securechat database."""


_WORDS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreBusy, "the database is busy: another process holds its lock; try again"),
    sqlite3.SQLITE_FULL: (StoreFull, "the disk that holds the database is full; free some space"),
    sqlite3.SQLITE_READONLY: (StoreError, "the database may not be written; check who owns its file and folder"),
    sqlite3.SQLITE_CANTOPEN: (StoreError, "the database cannot be opened; check who owns its file and folder"),
    sqlite3.SQLITE_NOTADB: (NotADatabase, "the database file holds something else; give another folder with --data"),
    sqlite3.SQLITE_CORRUPT: (StoreError, "the database is damaged; restore a copy of it"),
}


def from_driver(error: DBAPIError | sqlite3.Error) -> StoreError:
    """The driver's error in our words. Never its statement or parameters: they hold what people said."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0)
    if known := _WORDS.get(code & 0xFF):  # the low byte is the primary result code
        kind, words = known
        return kind(words)
    return StoreError(f"the database failed: {getattr(cause, 'sqlite_errorname', type(cause).__name__)}")


def is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def is_damaged(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Driver errors inside become StoreErrors."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise from_driver(error) from error
