"""Two tasks of the upkeep: the full-text index is filled from the entries, and words taken out of it leave the disk.

FTS5 keeps words in segments that it merges now and then. Left to itself it does so within an insertion, for as long as
30 ms; here that is turned off, and merging goes by pages, a step at a time.
"""

from __future__ import annotations

import sqlite3

from securechat.store.search import PLACE, SEARCHABLE, TEXT

ROWS = 200  # indexed in a step: 0.7 ms, and 6 at times (measured with a million messages, SQLite 3.40)
CHARACTERS = 65536  # of text, after which a step takes no further entry
PAGES = 16  # of merging in a step: 0.2 to 1 ms

_NEXT = (
    "SELECT max(seq), (SELECT max(seq) FROM entry) FROM "
    "(SELECT seq, sum(size) OVER (ORDER BY seq) - size AS before FROM (SELECT seq, length(text) AS size FROM entry "
    f"WHERE seq > coalesce((SELECT seq FROM progress WHERE task = 'search'), 0) ORDER BY seq LIMIT {ROWS})) "
    f"WHERE before < {CHARACTERS}"
)
_FILL = (
    f"INSERT INTO search (rowid, text, place) SELECT seq, {TEXT}, {PLACE} FROM entry "
    f"WHERE seq > coalesce((SELECT seq FROM progress WHERE task = 'search'), 0) AND seq <= ? AND {SEARCHABLE}"
)
_FILLED = "INSERT INTO progress (task, seq) VALUES ('search', ?) ON CONFLICT (task) DO UPDATE SET seq = excluded.seq"


class Indexing:
    """Puts what was said since into the index; one statement does it all, so that the loop keeps running meanwhile.

    What a step leaves over is taken by the next round, unless it is enough for a step of its own: a step for each turn
    would cost a lone message as much again as its commit.
    """

    def __init__(self) -> None:
        self._merging = True
        self._more = True  # is known to be left over

    def step(self, connection: sqlite3.Connection) -> bool:
        if self._merging:
            self._merging = merge(connection, PAGES)
            if self._merging or not self._more:
                return self._merging
        last, newest = connection.execute(_NEXT).fetchone()
        if last is None:
            return False
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            connection.execute(_FILL, (last,))
            connection.execute(_FILLED, (last,))
        self._merging, self._more = True, newest > last
        return True


class Erasing:
    """Brings words that left the index off the disk: merges all its segments into one, then empties the WAL.

    A word that is taken out only gets a mark that it is no more, in a newer segment; both go when the two are merged
    all the way down.
    """

    def __init__(self) -> None:
        self._since: int | None = None  # how much had been taken out when the merging began

    def step(self, connection: sqlite3.Connection) -> bool:
        row = connection.execute("SELECT seq FROM progress WHERE task = 'erase'").fetchone()
        if row is None:
            return False
        begins = self._since is None
        if begins:
            self._since = row[0]
        if merge(connection, -PAGES if begins else PAGES):
            return True
        if self._since != row[0]:  # more was taken out meanwhile
            self._since = None
            return True
        return self._finish(connection)

    def _finish(self, connection: sqlite3.Connection) -> bool:
        """Only with nobody reading can the WAL be emptied; else it is tried again in the next round."""
        _fill_first_page(connection)
        [busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            return False
        connection.execute("DELETE FROM progress WHERE task = 'erase'")
        self._since = None
        return True


def _fill_first_page(connection: sqlite3.Connection) -> None:
    """Overwrite what lies unused in the page of the index's two small rows (1 and 10), by growing them a moment.

    The other pages are full. SQLite's secure_delete overwrites what is deleted, but not the copy that stays behind
    when a row moves to another page: without this a deleted word was left in one of 30 files (SQLite 3.40).
    """
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        rows = connection.execute("SELECT block, id FROM search_data WHERE id <= 10").fetchall()
        connection.executemany("UPDATE search_data SET block = zeroblob(4050) WHERE id = ?", [(id,) for _, id in rows])
        connection.executemany("UPDATE search_data SET block = ? WHERE id = ?", rows)


def merge(connection: sqlite3.Connection, pages: int) -> bool:
    """Merge segments for about so many pages; whether there was any to merge.

    A negative number begins to merge all of them, whatever their sizes. Source: SQLite's FTS5 documentation, "merge".
    """
    before = connection.total_changes
    connection.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before > 1
