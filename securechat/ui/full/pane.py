"""A column of names beside the messages: channels and people at the left, members at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

CURRENT = "▸"


@dataclass(frozen=True, slots=True)
class Line:
    """`shown` is safe to show. `name` is what was meant when somebody clicks on it; headings have none."""

    shown: str
    name: str = ""
    count: str = ""
    look: str = "plain"
    current: bool = False


class Pane(Widget):
    can_focus = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane--plain",
        "pane--heading",
        "pane--current",
        "pane--unread",
        "pane--mention",
    }

    class Chosen(Message):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, ident: str) -> None:
        super().__init__(id=ident)
        self._lines: Sequence[Line] = ()
        self._top = 0

    def show(self, lines: Sequence[Line]) -> None:
        if lines != self._lines:
            self._lines = lines
            current = next((index for index, line in enumerate(lines) if line.current), self._top)
            self._move_to(min(max(self._top, current - self.size.height + 1), current))

    def render_line(self, y: int) -> Strip:
        width, index = self.size.width, self._top + y
        line = self._lines[index] if index < len(self._lines) else Line("")
        style = self.rich_style + self.get_component_rich_style(f"pane--{'current' if line.current else line.look}")
        mark = CURRENT if line.current else " "
        room = width - 1 - cell_len(line.count)
        name = f"{mark}{line.shown}"
        if cell_len(name) > room - 1:
            name = set_cell_size(name, max(0, room - 2)) + "…"
        return Strip([Segment(f"{set_cell_size(name, max(0, room))}{line.count} ", style)]).adjust_cell_length(width)

    def on_click(self, event: events.Click) -> None:
        index = self._top + event.y
        if index < len(self._lines) and self._lines[index].name:
            self.post_message(self.Chosen(self._lines[index].name))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._move_to(self._top - 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._move_to(self._top + 1)

    def _move_to(self, top: int) -> None:
        self._top = max(0, min(top, len(self._lines) - self.size.height))
        self.refresh()
