"""The messages of one buffer: the newest at the bottom, drawn row by row and only where the screen shows them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from securechat.protocol.names import fold
from securechat.ui.full.buffer import ON_ITS_WAY, QUEUED, Buffer, Entry, Look
from securechat.ui.full.layout import Columns, Layout, Row, RowKind, entry_rows

NICK_STYLES = 6
WHEEL_ROWS = 3


class Messages(Widget):
    """`above` counts the rows between the bottom and what is shown; with 0 new ones come into sight by themselves.

    Rows that come below what is shown do not move it, nor do those that come in front.
    """

    can_focus = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "messages--time",
        "messages--line",
        "messages--tick",
        "messages--own",
        "messages--mention",
        "messages--note",
        "messages--rule",
        "messages--unread",
        "messages--found",
        *(f"messages--nick-{number}" for number in range(NICK_STYLES)),
    }

    class Scrolled(Message):
        """The person looks at something else of the buffer."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__(id="messages")
        self.above = 0
        self.below = 0  # rows that came since the person scrolled up
        self._buffer = buffer
        self._layout = Layout()
        self._tail: list[Row] = []
        self._undrawn = False
        self._unstored: Sequence[Entry] = ()
        self._found: Entry | None = None
        self._styles: dict[str, Style] = {}

    @property
    def near_top(self) -> bool:
        """Whether there is less than a page above what is shown."""
        return len(self._layout.rows) + len(self._tail) - self.above < 2 * self.size.height

    def show(self, buffer: Buffer, unstored: Sequence[Entry]) -> None:
        """Draw what is new."""
        if buffer is not self._buffer:
            self._buffer, self.above, self.below, self._found = buffer, 0, 0, None
        self.lay_out(unstored)
        if self._undrawn:
            self._undrawn = False
            self._move_to(self.above)

    def lay_out(self, unstored: Sequence[Entry]) -> None:
        """Make rows of what is new ahead of `show`, which is quick then."""
        self._unstored = unstored
        last = self._layout.rows[-1] if self._layout.rows else None
        if self.size.width and self._layout.sync(self._buffer, self.size.width):
            self._undrawn = True
            if self.above and last is not None:
                self._keep_place(last)
        if unstored or self._tail:
            self._undrawn = True
            columns = Columns(self.size.width)
            self._tail = [row for entry in unstored for row in entry_rows(entry, columns)]

    def scroll(self, rows: int) -> None:
        """Up, or down with a number below zero."""
        self._move_to(self.above + rows)
        self.post_message(self.Scrolled())

    def scroll_page(self, pages: int) -> None:
        self.scroll(pages * max(1, self.size.height - 2))

    def scroll_to_bottom(self) -> None:
        self._move_to(0)

    def point_at(self, entry: Entry | None) -> None:
        """Bring an entry into sight and mark it."""
        for row in self._layout.rows:
            if row.entry in (entry, self._found):
                row.strip = None
        self._found = entry
        place = next((index for index, row in enumerate(self._layout.rows) if row.entry is entry), None)
        if place is not None:
            behind = len(self._layout.rows) + len(self._tail) - place
            if not self.above < behind <= self.above + self.size.height:
                self._move_to(behind - self.size.height // 2)
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Textual would make each row anew that has moved; the same strip still knows how it looked."""
        strips = [self.render_line(y) for y in crop.line_range]
        background = self.background_colors[1]
        for one in self.get_line_filters():
            strips = [strip.apply_filter(one, background) for strip in strips]
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def render_line(self, y: int) -> Strip:
        rows = self._layout.rows
        index = len(rows) + len(self._tail) - self.above - self.size.height + y
        if index < 0 or not self.size.width:
            return Strip.blank(self.size.width, self._style())
        row = rows[index] if index < len(rows) else self._tail[index - len(rows)]
        if row.strip is None or row.strip.cell_length != self.size.width:
            row.strip = Strip(self._segments(row)).adjust_cell_length(self.size.width, self._style())
        return row.strip

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        for row in self._layout.rows:
            row.strip = None

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out(self._unstored)
        self._move_to(self.above)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll(WHEEL_ROWS)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll(-WHEEL_ROWS)

    def _keep_place(self, last: Row) -> None:
        """Rows were added behind the one that was the last: show the same as before."""
        added = 0
        for row in reversed(self._layout.rows):
            if row is last or row.entry is last.entry:
                break
            added += 1
        self.above += added
        self.below += added

    def _move_to(self, above: int) -> None:
        highest = max(0, len(self._layout.rows) + len(self._tail) - self.size.height)
        self.above = max(0, min(above, highest))
        self.below = min(self.below, self.above)
        self.refresh()

    # Drawing.

    def _style(self, name: str = "") -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.rich_style + self.get_component_rich_style(f"messages--{name}") if name else self.rich_style
            self._styles[name] = style
        return style

    def _segments(self, row: Row) -> Iterator[Segment]:
        columns, entry = Columns(self.size.width), row.entry
        if row.kind in (RowKind.DAY, RowKind.UNREAD):
            name = "rule" if row.kind is RowKind.DAY else "unread"
            yield Segment(f" {row.text} ".center(columns.width, "─"), self._style(name))
            return
        if row.kind is RowKind.FIRST:
            yield from self._head(entry, columns)
        else:
            yield Segment(" " * columns.more(entry.who), self._style())
        yield Segment(row.text, self._text_style(entry))

    def _head(self, entry: Entry, columns: Columns) -> Iterator[Segment]:
        time = "     " if entry.tick in (ON_ITS_WAY, QUEUED) else f"{entry.time:%H:%M}"  # the server gives it
        yield Segment(time, self._style("time"))
        yield Segment(f"{entry.tick:1} ", self._style("tick"))
        if entry.who:
            yield Segment(" " * (columns.nick - cell_len(entry.who)) + entry.who, self._who_style(entry))
            yield Segment(" │ ", self._style("line"))

    def _who_style(self, entry: Entry) -> Style:
        if entry.look is Look.OWN:
            return self._style("own")
        return self._style(f"nick-{zlib.crc32(fold(entry.who).encode()) % NICK_STYLES}")

    def _text_style(self, entry: Entry) -> Style:
        if entry is self._found:
            return self._style("found")
        if entry.look in (Look.NOTE, Look.MENTION):
            return self._style(entry.look.value)
        return self._style()
