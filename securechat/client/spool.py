"""Lines that wait to be sent, kept on disk: they survive the client, kill -9 included, and the next one sends them.

A client has a file for itself as long as it runs. What says so is SQLite's own lock on the file: it works on every
system and goes with the process, so that whoever can lock a file may send what is in it, and nobody else does.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from securechat.client.history import Place
from securechat.client.messages import ACTION_END, ACTION_START
from securechat.client.outbox import Line, NotKept, Piece

log = logging.getLogger(__name__)

MOST_FILES = 64  # clients of one account on one server, in one profile, at a time
SAVE_EVERY = 1.0  # of what is done; what is new is saved at once

SCHEMA = """
CREATE TABLE IF NOT EXISTS piece (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, line TEXT NOT NULL, target TEXT NOT NULL,
    text TEXT NOT NULL, typed TEXT NOT NULL, behind_time TEXT, behind_msgid TEXT);
CREATE TABLE IF NOT EXISTS reached (target TEXT PRIMARY KEY, time TEXT NOT NULL, msgid TEXT);
"""
PUT = "INSERT OR IGNORE INTO piece (id, line, target, text, typed, behind_time, behind_msgid) VALUES (?,?,?,?,?,?,?)"
REACHED = """
INSERT INTO reached VALUES (?, ?, ?)
ON CONFLICT (target) DO UPDATE SET time = excluded.time, msgid = excluded.msgid WHERE excluded.time > time
"""


class Spool:
    """One locked file. What could not be written is written with the next `save`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._unsaved: list[tuple[str, Sequence[Any]]] = []
        self._urgent = False
        self._saved_at = 0.0
        self._open = len(self._rows())

    def lines(self) -> list[Line]:
        """What is kept, oldest first, under tickets below zero; all of it may have been sent before."""
        grouped = [list(rows) for _, rows in groupby(self._rows(), key=lambda row: row[1])]
        return [_line(number - len(grouped), rows) for number, rows in enumerate(grouped)]

    def places(self) -> dict[str, Place]:
        rows = self._database.execute("SELECT target, time, msgid FROM reached")
        return {target: Place(datetime.fromisoformat(time), msgid) for target, time, msgid in rows}

    def put(self, line: Line) -> None:
        behind = (line.behind.time.isoformat(), line.behind.msgid) if line.behind else (None, None)
        for piece in line.pieces:
            row = (piece.id, line.pieces[0].id, line.target, piece.wire_text, line.typed.isoformat(), *behind)
            self._unsaved.append((PUT, row))
        self._open += len(line.pieces)
        self._urgent = True

    def drop(self, pieces: Sequence[Piece]) -> None:
        self._unsaved += [("DELETE FROM piece WHERE id = ?", (piece.id,)) for piece in pieces]
        self._open -= len(pieces)

    def reached(self, target: str, place: Place) -> None:
        self._unsaved.append((REACHED, (target, place.time.isoformat(), place.msgid)))

    def save(self) -> None:
        """Raises NotKept. A deletion that is lost does no harm: a message that is sent again is stored once."""
        due = self._urgent or not self._open or time.monotonic() >= self._saved_at + SAVE_EVERY
        if self._unsaved and due:
            self._write()

    def close(self) -> None:
        try:
            if self._unsaved:
                self._write()
        finally:
            self._database.close()

    def adopt(self, other: Spool) -> None:
        """Take over what a client left that is gone; a crash in between leaves it in both, under the same ids."""
        for row in other._rows():
            self._unsaved.append((PUT, row))
        for target, place in other.places().items():
            self.reached(target, place)
        self._write()
        self._open = len(self._rows())
        other._database.execute("DELETE FROM piece")

    def _rows(self) -> list[tuple[str, ...]]:
        columns = "id, line, target, text, typed, behind_time, behind_msgid"
        return self._database.execute(f"SELECT {columns} FROM piece ORDER BY typed, position").fetchall()  # noqa: S608  columns are our own

    def _write(self) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                for statement, parameters in self._unsaved:
                    self._database.execute(statement, parameters)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise NotKept(f"what you type cannot be kept on disk ({error}); it is lost if this program ends") from error
        self._unsaved.clear()
        self._urgent = False
        self._saved_at = time.monotonic()


def open_spool(folder: Path, name: str) -> Spool:
    """The first file of this name that nobody has, with what is left in all the others. Raises OSError."""
    paths = (folder / f"{name}.{number}.db" for number in range(MOST_FILES))
    own = next(free for path in paths if (free := _lock(path)) is not None)
    for path in paths:
        if path.exists() and (other := _lock(path)) is not None:
            own.adopt(other)
            other.close()
    return own


def _lock(path: Path) -> Spool | None:
    """None when another client has it. What is no database is put aside."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        for setting in ("locking_mode = EXCLUSIVE", "synchronous = FULL", "secure_delete = ON"):
            database.execute(f"PRAGMA {setting}")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")  # the lock stays
        database.execute("PRAGMA journal_mode = TRUNCATE")
        database.executescript(SCHEMA)
        return Spool(database)
    except sqlite3.OperationalError as error:
        database.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return None
        raise OSError(None, str(error), str(path)) from error
    except sqlite3.DatabaseError:
        database.close()
        log.warning("%s is broken and put aside", path)
        path.replace(path.with_suffix(f".broken-{time.time():.0f}"))
        return _lock(path)


def _line(ticket: int, rows: Sequence[tuple[str, ...]]) -> Line:
    _, _, target, first, typed, behind_time, behind_msgid = rows[0]
    behind = Place(datetime.fromisoformat(behind_time), behind_msgid) if behind_time else None
    line = Line(ticket, target, _text(rows), datetime.fromisoformat(typed), first.startswith(ACTION_START), behind)
    line.pieces = [Piece(line, row[0], row[3], in_doubt=True) for row in rows]
    return line


def _text(rows: Sequence[tuple[str, ...]]) -> str:
    """As it was typed, except that a line which had to be cut inside of a word is two."""
    plain = (row[3].removeprefix(ACTION_START).removesuffix(ACTION_END).replace("\r", "") for row in rows)
    return "".join(one if one.endswith(" ") else f"{one}\n" for one in plain).removesuffix("\n")
