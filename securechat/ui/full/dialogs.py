"""Questions over the messages: several pasted lines, and where to go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from securechat.protocol.names import CHANNEL_PREFIX, fold, is_account_name, is_channel_name
from securechat.protocol.text import printable

PREVIEWED = 5  # lines
PREVIEWED_CELLS = 50


class PasteDialog(ModalScreen[bool]):
    """Whether to say several lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss(True)", show=False),
        Binding("escape,ctrl+c", "dismiss(False)", show=False),
    ]

    def __init__(self, text: str, target: str) -> None:
        super().__init__()
        self._lines = text.split("\n")
        self._target = printable(target)

    def compose(self) -> ComposeResult:
        shown = [printable(line) for line in self._lines[:PREVIEWED]]
        if len(self._lines) > PREVIEWED:
            shown.append(f"… and {len(self._lines) - PREVIEWED} more")
        cut = [line if len(line) <= PREVIEWED_CELLS else set_cell_size(line, PREVIEWED_CELLS) + "…" for line in shown]
        with Vertical(classes="dialog"):
            yield Static(Content(f"Send these {len(self._lines)} lines to {self._target}?"), classes="question")
            yield Static(Content("\n".join(cut)))
            yield Static(Content("Enter: send as one block   Esc: cancel"), classes="keys")


class Switcher(ModalScreen[str | None]):
    """Where to go: a few letters of a name are enough. Gives a command, or the name of what is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,ctrl+k", "dismiss(None)", show=False),
        Binding("down", "step(1)", show=False, priority=True),
        Binding("up", "step(-1)", show=False, priority=True),
    ]

    def __init__(self, open_names: Sequence[str], others: Sequence[str]) -> None:
        """`others` are people that nobody talks with yet."""
        super().__init__()
        self._names = list(dict.fromkeys([*open_names, *others]))
        self._fitting: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Input(placeholder="channel or person", compact=True)
            yield OptionList(compact=True, markup=False)

    def on_mount(self) -> None:
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._list(event.value.strip())

    def on_input_submitted(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        self.dismiss(self._fitting[highlighted] if highlighted is not None else None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._fitting[event.option_index])

    def action_step(self, steps: int) -> None:
        options = self.query_one(OptionList)
        if self._fitting:
            options.highlighted = ((options.highlighted or 0) + steps) % len(self._fitting)

    def _list(self, typed: str) -> None:
        self._fitting = fitting(typed, self._names)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(Content(printable(name))) for name in self._fitting])
        options.highlighted = 0 if self._fitting else None


def fitting(typed: str, names: Sequence[str]) -> list[str]:
    """The names with these letters in this order, those that begin with them first; and what was typed if it is one."""
    ranked = sorted(
        (not fold(name).lstrip(CHANNEL_PREFIX).startswith(fold(typed).lstrip(CHANNEL_PREFIX)), place, name)
        for place, name in enumerate(names)
        if _has_letters(fold(name), fold(typed))
    )
    found = [name for _, _, name in ranked]
    if (is_account_name(typed) or is_channel_name(typed)) and fold(typed) not in map(fold, names):
        found.append(typed)
    return found


def _has_letters(name: str, letters: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)
