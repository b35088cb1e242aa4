"""Erasing what was said: its words are gone from the database, its place in the order stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from securechat.store import search
from securechat.store.rows import REDACTED, EntryRedacted

_FIND = "SELECT seq FROM entry WHERE msgid = ? AND target = ? AND kind <> ?"
_ERASE = "UPDATE entry SET kind = ?, text = '', tags = '' WHERE seq = ?"


def erase(connection: sqlite3.Connection, rows: Iterable[EntryRedacted]) -> None:
    """Within the turn's transaction; an entry that is gone, or erased already, is left as it is."""
    for row in rows:
        found = connection.execute(_FIND, (row.msgid, row.target, REDACTED)).fetchone()
        if found is not None:
            search.forget(connection, found)
            connection.execute(_ERASE, (REDACTED, *found))
