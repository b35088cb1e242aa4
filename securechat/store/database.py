"""The SQLite file: how it is found, made, opened and set, and the two kinds of transactions on it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from securechat import config
from securechat.errors import SecurechatError
from securechat.store.errors import NotADatabase, is_busy, translated
from securechat.store.lock import ServeLock, ServerRunning
from securechat.store.schema import REVISION

FILE = "securechat.db"
ADMIN_TIMEOUT = 30.0  # how long an admin command waits for the lock beside a server that writes all the time
_LOCK_WAIT = 5.0  # how long a command waits for another that is just making the database
_POOL = 8  # readers at a time; more of them wait
# SQLite's own waiting for the lock sleeps up to 100 ms between two looks: beside a server that writes all the time an
# admin command waited 5 s. So it waits in slices this long, in which it looks every 1-5 ms.
_SLICE = 0.01


class DataFolderUnusable(SecurechatError):
    """The folder that should hold the database cannot be made or written."""

    exit_status = 2


class Database:
    """One SQLite file and its connections. Values go in and out through `read` and `write`.

    Safe to share between threads: every `with` block has a connection of its own.
    """

    def __init__(self, path: Path, *, durability: str = "full", timeout: float = 3.0) -> None:
        self.path = path
        self.timeout = timeout
        self.synchronous = "FULL" if durability == "full" else "NORMAL"
        self._reading = _engine(path, self.synchronous, "BEGIN", timeout)
        self._writing = _engine(path, self.synchronous, "BEGIN IMMEDIATE", _SLICE)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """One view of the data, unmoved by what others commit meanwhile. Raises StoreError."""
        with translated(), self._reading.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def look_up(self) -> Iterator[sqlite3.Connection]:
        """The same by the driver alone, for what is asked at a login or a message. Raises StoreError.

        SQLAlchemy's connection and transaction take longer to come and go than such a question takes to be answered.
        """
        with translated(), contextlib.closing(self._reading.raw_connection()) as borrowed:
            connection = cast(sqlite3.Connection, borrowed.dbapi_connection)
            connection.execute("BEGIN")  # the pool ends it
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that holds the lock from its start; keep it short. Raises StoreError.

        A deferred transaction that reads before it writes would fail at once when another wrote in between
        (BUSY_SNAPSHOT), whatever the timeout.
        """
        with translated(), self._writing.connect() as connection:
            self.begin(driver(connection), self.timeout)
            with connection.begin():
                yield connection

    def keep_ready(self, readers: int) -> None:
        """Open connections for so many readers at a time, files and all: later there may be no free descriptor."""
        with contextlib.ExitStack() as stack:
            for _ in range(readers):
                stack.enter_context(self.read()).exec_driver_sql("SELECT count(*) FROM sqlite_schema")

    def connect_writer(self) -> Connection:
        """A connection for one owner, who opens transactions on it with `begin`. Raises StoreError."""
        with translated():
            return self._writing.connect()

    def begin(self, connection: sqlite3.Connection, patience: float) -> None:
        """Open a transaction that holds the lock, waiting for it up to `patience` seconds. Raises sqlite3.Error."""
        deadline = time.monotonic() + patience
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise

    def revision(self) -> str | None:
        """The schema's revision; None for an empty file."""
        with self.read() as connection:
            tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type = 'table'").scalars())
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise NotADatabase(f"{str(self.path)!r} is no database of securechat; give another folder with --data")
            return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()

    def in_wal(self) -> bool:
        """Whether readers and the writer go on beside each other. A backup that was put in place by hand is not."""
        with self.read() as connection:
            return connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"

    def close(self) -> None:
        self._reading.dispose()
        self._writing.dispose()


def locate(folder: Path, settings: config.Store) -> Path:
    """Where the database is, or is to be: `settings.url` or the data folder. Raises ConfigError."""
    return _from_url(settings.url) if settings.url else folder / FILE


def prepare(folder: Path, settings: config.Store) -> Path:
    """The same, with the folder made (0700) when it is not there.

    The lock and the copies made before an upgrade lie beside the file, in its `parent`.
    """
    path = locate(folder, settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        words = f"cannot use the data folder {str(path.parent)!r}: {error.strerror}; give another with --data"
        raise DataFolderUnusable(words) from error
    return path


def open_database(
    folder: Path, settings: config.Store, *, lock: ServeLock | None = None, timeout: float | None = None
) -> Database:
    """The database with the schema of this version; it is made or upgraded when it is not there or older.

    Only who holds the lock does that: `serve` gives its `lock`; for everyone else it is taken for the moment.
    `timeout` replaces `settings.timeout`. Raises SchemaNewer, ServerRunning, DataFolderUnusable, StoreError.
    """
    path = prepare(folder, settings)
    _make_file(path)
    database = Database(path, durability=settings.durability, timeout=timeout or settings.timeout)
    try:
        _bring_up(database, lock)
    except BaseException:
        database.close()
        raise
    return database


def driver(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection, for what SQLite takes only outside of a transaction."""
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)


def _bring_up(database: Database, lock: ServeLock | None) -> None:
    if _is_up(database):
        return None
    from securechat.store import upgrade  # Alembic takes 0.2 s to import and is rarely needed

    upgrade.refuse_newer(database.revision())
    if lock is not None:
        return upgrade.upgrade(database)
    deadline = time.monotonic() + _LOCK_WAIT
    while not _is_up(database):
        try:
            with ServeLock(database.path.parent, wait=0.1):
                upgrade.upgrade(database)
        except ServerRunning:
            if time.monotonic() >= deadline:
                raise
    return None


def _is_up(database: Database) -> bool:
    return database.revision() == REVISION and database.in_wal()


def _from_url(text: str) -> Path:
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise config.ConfigError(f"store.url {text!r} is no URL; expected sqlite:///path/to/file.db") from error
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:" or url.query:
        raise config.ConfigError(f"store.url {url.render_as_string()!r}: expected sqlite:///path/to/file.db")
    return Path(url.database)


def _make_file(path: Path) -> None:
    """An empty file that only its owner may read; SQLite gives its -wal and -shm files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        words = f"cannot write the database {str(path)!r}: {error.strerror}; give another folder with --data"
        raise DataFolderUnusable(words) from error


def _engine(path: Path, synchronous: str, begin: str, timeout: float) -> Engine:
    # mode=rw: a connection never makes a file, which would lack its mode and its schema.
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"})
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=_POOL,
        max_overflow=0,
        hide_parameters=True,  # they hold what people said
        # Without a level the driver leaves transactions alone; ours begin in the "begin" event.
        connect_args={"isolation_level": None, "timeout": timeout, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA temp_store=MEMORY")  # what a search indexes for itself leaves no trace

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if not driver(connection).in_transaction:  # its owner may have opened it, patiently
            driver(connection).execute(begin)  # by way of SQLAlchemy it takes 0.1 ms more

    return engine
