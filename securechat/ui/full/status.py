"""The one line of status: who and where we are, over what, and what waits."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widgets import Static

from securechat.protocol.text import printable

MOST_NAMED = 3


def status(nick: str, place: str, address: str, tls: str, queued: int) -> str:
    link = tls.replace("TLSv", "TLS ") if tls else "no connection, trying again"
    words = [printable(nick), printable(place), f"{address} {link}"]
    return " · ".join([*words, f"{queued} queued"] if queued else words)


def typing(names: Sequence[str]) -> str:
    """Who is typing, in words."""
    if not names:
        return ""
    if len(names) > MOST_NAMED:
        return f"{len(names)} people are typing"
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} typing"


class Line(Static):
    """One row of text; what is at its right end is cut last. Never asks for a new layout of the screen."""

    _shown = ""

    def show(self, left: str, right: str = "") -> None:
        room = max(0, self.size.width - 2 - (cell_len(right) + 1 if right else 0))
        cut = left if cell_len(left) <= room else set_cell_size(left, max(0, room - 1)) + "…"
        shown = f"{set_cell_size(cut, room)} {right}" if right else cut
        if shown != self._shown:
            self._shown = shown
            self.update(Content(shown), layout=False)
