"""A backup in the place of the database; what it replaces is kept aside, and a kill at any moment loses neither."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from securechat.store import audit, backup, inspection
from securechat.store.errors import StoreBusy, is_busy
from securechat.store.inspection import Contents


@dataclass(frozen=True, slots=True)
class Restored:
    contents: Contents
    replaced: Path | None  # where the database is now that was there before


def restore(file: Path, database: Path) -> Restored:
    """Put a copy of the backup `file` in place; the caller holds the serve lock.

    The copy is judged, which is what counts. Raises NoDatabase, NotADatabase, SchemaNewer, Damaged, StoreBusy,
    CannotWrite.
    """
    backup.forget_unfinished(database)
    with backup.unfinished(database, replace=True) as copy:
        with closing(backup.at_rest(file)) as source:
            backup.copy(source, copy)
        contents = inspection.inspect(copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            audit.record(connection, audit.local("database.restore", "", str(file)))
        _give_to_its_owner(copy, database)
        replaced = _set_aside(database)
    return Restored(contents, replaced)


def _give_to_its_owner(copy: Path, database: Path) -> None:
    """Root may do this for the user whom the server runs as."""
    if os.geteuid() == 0:
        owner = (database if database.exists() else database.parent).stat()
        os.chown(copy, owner.st_uid, owner.st_gid)


def _set_aside(database: Path) -> Path | None:
    """A second name for what is there: its first is taken over by the restored one, without a moment with neither.

    SQLite would read a WAL into any database that it lies beside, so none may stay, be it that of one long gone.
    """
    was_there = database.exists()
    if was_there:
        _take_wal_in(database)
    aside = database.with_name(f"{database.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    beside = backup.side_files(database)
    for path in [database, *beside] if was_there else beside:
        os.link(path, aside.with_name(aside.name + path.name.removeprefix(database.name)))
    for path in beside:
        path.unlink()
    return aside if was_there else None


def _take_wal_in(database: Path) -> None:
    """After this the database needs no file beside it, unless it is too damaged for that. Raises StoreBusy."""
    try:
        with closing(sqlite3.connect(database, timeout=1.0, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        if is_busy(error):
            words = "another command has the database open; wait until it ends, and try again"
            raise StoreBusy(words) from error
