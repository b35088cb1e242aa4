"""The words of messages: putting entries into the full-text index and taking them out again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

# Words of the column `place` that say where an entry is and by whom, so that a reader's own places are part of what is
# looked up: c and the channel's key in hex, or d for the pair and p for each of the two; then s for the sender.
_PLACE = (
    "CASE WHEN target LIKE '#%' THEN 'c' || hex(target) "
    "ELSE 'd' || replace(target, ':', 'x') || ' p' || replace(target, ':', ' p') END || ' s' || sender_id"
)

# The index has no copy of the text: only what was put in, word for word, takes it out again.
_FORGET = (
    f"INSERT INTO search (search, rowid, text, place) SELECT 'delete', seq, text, {_PLACE} FROM entry "  # noqa: S608
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
