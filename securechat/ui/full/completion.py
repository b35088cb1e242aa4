"""What Tab makes of the word before the cursor: a command, a channel, a name; again and again the next that fits."""

from __future__ import annotations

from collections.abc import Sequence

from securechat.protocol.names import CHANNEL_PREFIX, fold
from securechat.ui.commands import COMMANDS


class Completion:
    """Goes on where it was as long as the line is as it left it."""

    def __init__(self) -> None:
        self._left: tuple[str, int] | None = None
        self._start = 0
        self._behind = ""
        self._fitting: list[str] = []
        self._next = 0

    def complete(self, line: str, cursor: int, channels: Sequence[str], names: Sequence[str]) -> tuple[str, int]:
        """The line and the cursor as they are to be."""
        if (line, cursor) != self._left:
            self._begin(line, cursor, channels, names)
        if not self._fitting:
            return line, cursor
        word = self._fitting[self._next % len(self._fitting)]
        self._next += 1
        cursor = self._start + len(word)
        self._left = line[: self._start] + word + self._behind, cursor
        return self._left

    def _begin(self, line: str, cursor: int, channels: Sequence[str], names: Sequence[str]) -> None:
        self._start = line.rfind(" ", 0, cursor) + 1
        self._behind = line[cursor:].lstrip(" ")
        self._next = 0
        word = line[self._start : cursor]
        if word.startswith("/") and self._start == 0:
            candidates, end = [f"/{name}" for name in COMMANDS], " "
        elif word.startswith(CHANNEL_PREFIX):
            candidates, end = list(channels), " "
        else:
            candidates, end = list(names) if word else [], ": " if self._start == 0 else " "
        self._fitting = [f"{one}{end}" for one in candidates if fold(one).startswith(fold(word))]
