"""The line that is typed: with a history and completion by Tab; several pasted lines are asked about first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.widgets import Input

from securechat.ui.full.completion import Completion

MOST_REMEMBERED = 500


class Typed(Input):
    """`words` gives the channels and the names that Tab may complete. `entered` gets a line, `pasted` several; they are
    called at once, so that the next key finds what became of it.
    """

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))  # as Textual has it, but for a layout of the screen at each key

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", show=False),
        Binding("down", "newer", show=False),
        Binding("tab", "complete", show=False),
        Binding("ctrl+c", "clear_or_leave", show=False),
        Binding("ctrl+d", "delete_or_leave", show=False),
        Binding("ctrl+k", "app.switcher", show=False),
        Binding("ctrl+f", "app.find", show=False),
    ]

    class Leave(Message):
        """The person has had enough."""

    def __init__(
        self,
        words: Callable[[], tuple[Sequence[str], Sequence[str]]],
        entered: Callable[[str], None],
        pasted: Callable[[str], None],
    ) -> None:
        super().__init__(id="typed", compact=True, select_on_focus=False)
        self._words = words
        self._entered = entered
        self._pasted = pasted
        self._completion = Completion()
        self._lines: list[str] = []
        self._place = 0  # in the lines; behind them while a new one is typed
        self._unfinished = ""

    async def action_submit(self) -> None:
        line, hidden = self.value, self.password
        self.clear()
        if line.strip() and not hidden:
            self._lines = [*[one for one in self._lines if one != line], line][-MOST_REMEMBERED:]
        self._place, self._unfinished = len(self._lines), ""
        self._entered(line)

    def action_older(self) -> None:
        self._remember(self._place - 1)

    def action_newer(self) -> None:
        self._remember(self._place + 1)

    def action_complete(self) -> None:
        if not self.password:
            self.value, self.cursor_position = self._completion.complete(
                self.value, self.cursor_position, *self._words()
            )

    def action_clear_or_leave(self) -> None:
        if self.value or self.password:
            self.clear()
        else:
            self.post_message(self.Leave())

    def action_delete_or_leave(self) -> None:
        if self.value:
            self.action_delete_right()
        else:
            self.post_message(self.Leave())

    async def write(self, event: events.Key | events.Paste) -> None:
        """Take a letter, or what is pasted."""
        if isinstance(event, events.Key):
            await self._on_key(event)
        else:
            self._on_paste(event)

    def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        lines = event.text.splitlines()
        said = [line for line in lines if line.strip()]
        if len(said) > 1 and not self.password:
            self._pasted("\n".join(lines).strip("\n"))
        elif said:
            self.replace(said[0], *self.selection)

    def _remember(self, place: int) -> None:
        if self.password or not 0 <= place <= len(self._lines):
            return
        if self._place == len(self._lines):
            self._unfinished = self.value
        self._place = place
        self.value = self._lines[place] if place < len(self._lines) else self._unfinished
        self.cursor_position = len(self.value)
