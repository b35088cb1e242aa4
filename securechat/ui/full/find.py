"""Looking for words in what is loaded, from the newest backwards."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from securechat.ui.full.buffer import Buffer, Entry

KEYS = "Enter, ↑: older  ↓: newer  Esc: close"


class FindBar(Horizontal):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,ctrl+f", "close", show=False, priority=True),
        Binding("up,enter", "step(-1)", show=False, priority=True),
        Binding("down", "step(1)", show=False, priority=True),
    ]

    class Found(Message):
        """None: the words are not there."""

        def __init__(self, entry: Entry | None) -> None:
            super().__init__()
            self.entry = entry

    class Closed(Message):
        pass

    def __init__(self) -> None:
        super().__init__(id="find")
        self._buffer: Buffer | None = None
        self._matches: list[Entry] = []
        self._place = -1

    def compose(self) -> ComposeResult:
        yield Static(Content("find: "), classes="label")
        yield Input(compact=True)
        yield Static(classes="count")

    def open(self) -> None:
        self.display = True
        self.query_one(Input).focus()
        self._search()

    def search_in(self, buffer: Buffer) -> None:
        """What is looked through; another one ends the search."""
        if buffer is not self._buffer:
            self._buffer = buffer
            if self.display:
                self.action_close()

    def on_mount(self) -> None:
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search()

    def action_step(self, steps: int) -> None:
        if self._matches:
            self._place = max(0, min(self._place + steps, len(self._matches) - 1))
            self._point()

    def action_close(self) -> None:
        self.display = False
        self._matches = []
        self.post_message(self.Closed())

    def _search(self) -> None:
        words = self.query_one(Input).value.casefold()
        entries = self._buffer.entries if self._buffer is not None and words else []
        self._matches = [one for one in entries if words in f"{one.who} {one.text}".casefold()]
        self._place = len(self._matches) - 1
        self._point()

    def _point(self) -> None:
        found = self._matches[self._place] if self._matches else None
        self.post_message(self.Found(found))
        count = f"{self._place + 1} of {len(self._matches)}" if found else "none in what is loaded: /search WORDS"
        self.query_one(".count", Static).update(Content(f" {count}  {KEYS}" if self.query_one(Input).value else ""))
