"""Copies of the database: taken beside whoever uses it, and given their name only once they are whole."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from securechat.errors import SecurechatError
from securechat.store.errors import translated

SIDE_FILES = ("-wal", "-shm", "-journal")  # that SQLite keeps beside a database
_UNFINISHED = ".part"
_PAGES = 1024  # copied at a time; in between Ctrl-C is heard
_TIMEOUT = 30.0  # seconds to wait for whoever recovers or upgrades the database just now


class NoDatabase(SecurechatError):
    """There is no such file."""

    exit_status = 2


class CannotWrite(SecurechatError):
    """The file cannot be made or filled, or is there already."""


@contextmanager
def unfinished(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A new file beside `target` that only its owner may read; at the end of the block it becomes `target`, synced.

    Killed at any moment, what is there under the target's name is whole. Raises CannotWrite.
    """
    try:
        _check(target, replace)
        file, name = tempfile.mkstemp(_UNFINISHED, f"{target.name}.", target.parent)
        os.close(file)
        try:
            yield Path(name)
            _check(target, replace)
            _sync(Path(name))
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(target.parent)
    except OSError as error:
        raise CannotWrite(f"cannot write {str(target)!r}: {error.strerror}") from error


def forget_unfinished(target: Path) -> None:
    """Delete what a kill left behind; for whoever alone may be writing to `target`."""
    for left in target.parent.glob(f"{target.name}.????????{_UNFINISHED}*"):
        left.unlink()


def in_use(database: Path) -> sqlite3.Connection:
    """To read beside a server, or without one. Raises NoDatabase, StoreError."""
    return _connect(database, "mode=rw")


def at_rest(file: Path) -> sqlite3.Connection:
    """To read what nobody writes. Nothing is made beside it, so it may lie where nothing can be written.

    Raises NoDatabase, StoreError.
    """
    return _connect(file, "mode=ro" if side_files(file) else "mode=ro&immutable=1")


def side_files(database: Path) -> list[Path]:
    """Those that are there."""
    paths = (database.with_name(database.name + suffix) for suffix in SIDE_FILES)
    return [path for path in paths if path.exists()]


def copy(source: sqlite3.Connection, target: Path) -> None:
    """All of the database as it is at this moment, into an empty file that needs no other beside it.

    A copy of the file would lack what is in the WAL. Within one transaction, for what others write meanwhile makes
    SQLite begin anew outside of one. Raises CannotWrite, StoreError.
    """
    with translated(), closing(sqlite3.connect(target, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode=OFF")  # one that fails is thrown away
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        try:
            source.backup(made, pages=_PAGES)
            made.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
                raise CannotWrite(f"cannot write to {str(target.parent)!r}: its disk is full, or fails") from error
            raise
        source.execute("ROLLBACK")


def _connect(path: Path, options: str) -> sqlite3.Connection:
    if not path.is_file():
        raise NoDatabase(f"there is no file {str(path)!r}; give another path")
    uri = f"file:{quote(str(path))}?{options}"
    with translated():
        return sqlite3.connect(uri, uri=True, timeout=_TIMEOUT, isolation_level=None)


def _check(target: Path, replace: bool) -> None:
    if target.is_dir():
        raise CannotWrite(f"{str(target)!r} is a folder; give the name of a file in it")
    if target.exists() and not replace:
        raise CannotWrite(f"{str(target)!r} is there already; give another name, or --force to replace it")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
