"""Entries as rows of one width. Rows are made once for each entry, so that a new line costs what it takes alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from rich.cells import cell_len, get_character_cell_size

from securechat.ui.full.buffer import Buffer, Entry

if TYPE_CHECKING:
    from textual.strip import Strip

WIDE = 60  # from so many cells on nicks stand in a column
NICK_CELLS = 10
HEAD = len("00:00✓ ")
NARROW = frozenset(map(chr, (*range(0x20, 0x7F), *range(0x370, 0x483))))  # ASCII, Greek, Cyrillic: most of what is said
ROOM = 20  # cells of text, with which it is read well; with fewer it begins further left
SHORTEST = 10  # cells of text beside a nick; a longer nick has a row of its own


class RowKind(Enum):
    FIRST = "the time, who said it, and text"
    MORE = "more text"
    DAY = "a new day"
    UNREAD = "what is unread begins"


@dataclass(slots=True, eq=False)
class Row:
    kind: RowKind
    entry: Entry
    text: str = field(repr=False)
    strip: Strip | None = None  # as it was drawn last


@dataclass(frozen=True, slots=True)
class Columns:
    """Where things stand in so many cells: the time and a tick, the nick, a line, the text."""

    width: int

    @property
    def nick(self) -> int:
        return NICK_CELLS if self.width >= WIDE else 0

    def first(self, who: str) -> int:
        """Where the text begins, on the row with the nick."""
        return HEAD + max(self.nick, cell_len(who)) + len(" │ ") if who else HEAD

    def more(self, who: str) -> int:
        """The same on the rows below; what nobody said has the room of the nicks, too.

        Without a column of nicks the text stands under itself where there is room for it.
        """
        if who and self.nick:
            return HEAD + self.nick + len(" │ ")
        under = self.first(who)
        return under if self.width - under >= ROOM else HEAD


class Layout:
    """The rows of a buffer in a width; `sync` makes them fit."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._buffer: Buffer | None = None
        self._columns = Columns(0)
        self._generation = -1
        self._dropped = 0
        self._laid = 0  # entries that have rows, in all

    def sync(self, buffer: Buffer, width: int) -> bool:
        """Make rows for what is new, and do without those of what was dropped; whether there was any of it."""
        known = self._buffer, self._columns.width, self._generation, self._dropped, self._laid
        if (buffer, width, buffer.generation) != (self._buffer, self._columns.width, self._generation):
            self.rows = []
            self._buffer, self._columns, self._generation = buffer, Columns(width), buffer.generation
            self._laid = self._dropped = buffer.dropped
        if buffer.dropped > self._dropped:
            self._drop(buffer)
        for index in range(max(0, self._laid - buffer.dropped), len(buffer.entries)):
            before = buffer.entries[index - 1] if index else None
            self._add(buffer, buffer.entries[index], before)
        self._laid = buffer.dropped + len(buffer.entries)
        return known != (self._buffer, self._columns.width, self._generation, self._dropped, self._laid)

    def _drop(self, buffer: Buffer) -> None:
        self._dropped = buffer.dropped
        first = buffer.entries[0] if buffer.entries else None
        gone = next((index for index, row in enumerate(self.rows) if row.entry is first), len(self.rows))
        del self.rows[:gone]

    def _add(self, buffer: Buffer, entry: Entry, before: Entry | None) -> None:
        if before is None or before.time.date() != entry.time.date():
            self.rows.append(Row(RowKind.DAY, entry, f"{entry.time:%A, {entry.time.day} %B %Y}"))
        if buffer.unread_from is entry:
            self.rows.append(Row(RowKind.UNREAD, entry, "new"))
        self.rows += entry_rows(entry, self._columns)


def entry_rows(entry: Entry, columns: Columns) -> list[Row]:
    first, rest = columns.width - columns.first(entry.who), columns.width - columns.more(entry.who)
    line, *lines = entry.text.split("\n")
    if lines and first < rest and not columns.nick:
        first = 0  # how lines stand to each other may mean something: the nick has a row of its own
    first_text, *more = wrap(line, first, rest)
    more += [text for line in lines for text in wrap(line, rest, rest)]
    return [Row(RowKind.FIRST, entry, first_text), *(Row(RowKind.MORE, entry, text) for text in more)]


def wrap(text: str, first: int, rest: int) -> Sequence[str]:
    """`text` in pieces of at most so many cells, cut at spaces where there are any."""
    narrow = NARROW.issuperset(text)
    if narrow and len(text) <= first:
        return (text,)
    rest = max(rest, 2)
    pieces: list[str] = []
    if first < min(SHORTEST, rest):
        pieces.append("")
        first = rest
    if narrow:
        return [*pieces, *_wrap_narrow(text, first, rest)]
    room, start, space, width = first, 0, 0, 0
    for index, character in enumerate(text):
        cells = 1 if character.isascii() else get_character_cell_size(character)
        while width + cells > room and index > start:  # behind a cut at a space too much may be left
            cut = space if space > start else index
            pieces.append(text[start:cut])
            room, start, width = rest, cut, cell_len(text[cut:index])
        if character == " ":
            space = index + 1
        width += cells
    pieces.append(text[start:])
    return pieces


def _wrap_narrow(text: str, first: int, rest: int) -> Iterator[str]:
    """The same where each character has one cell: no need to look at them one by one."""
    start, room = 0, first
    while len(text) - start > room:
        cut = text.rfind(" ", start, start + room) + 1 or start + room
        yield text[start:cut]
        start, room = cut, rest
    yield text[start:]
