"""A message of several lines: one text in the store, one event, and its lines for clients that take them one by one.

The text holds LF between lines, and CR where a line went on although it was cut: neither can be in a line of IRC.
Source: IRCv3 draft/multiline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from securechat.protocol.capabilities import MULTILINE
from securechat.server.event import Event
from securechat.server.reply import Batch, Line, Reply, written

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"

_CUT = re.compile("([\r\n])")


class Piece(NamedTuple):
    """What one line says; `concat`: it goes on where the line before ended."""

    text: str
    concat: bool = False

    def __repr__(self) -> str:
        """Without what somebody said, as in all that may come into a log."""
        return f"Piece(concat={self.concat})"


def text_of(pieces: Sequence[Piece]) -> str:
    """As it is stored."""
    first, *others = pieces
    return first.text + "".join(("\r" if piece.concat else "\n") + piece.text for piece in others)


def size_of(pieces: Sequence[Piece]) -> int:
    """In bytes, as `max-bytes` counts: a line feed counts, the place of a cut does not."""
    return sum(len(piece.text.encode()) + (not piece.concat) for piece in pieces) - 1


def pieces_of(text: str) -> Iterator[Piece]:
    """The lines of a stored text."""
    first, *others = _CUT.split(text)
    yield Piece(first)
    for mark, line in zip(others[::2], others[1::2], strict=True):
        yield Piece(line, concat=mark == "\r")


def longest_line(text: str) -> int:
    """In bytes."""
    return max(len(piece.text.encode()) for piece in pieces_of(text)) if _is_multiline(text) else len(text.encode())


def event(head: str, text: str, time: int, msgid: str, account: str, tags: str, *, bot: bool = False) -> Event:
    """A message of one line or of several; `head` is `:source COMMAND target`."""
    if _is_multiline(text):
        return MultilineEvent(head, text, time, msgid, account, tags, bot)
    return Event(f"{head} :{text}", time, msgid, account, tags, bot=bot)


def _is_multiline(text: str) -> bool:
    return "\n" in text or "\r" in text


class MultilineEvent(Event):
    """A relayed message of several lines. Its tags stand at the batch, or at the first line where there is none."""

    __slots__ = ("_head", "_pieces")

    def __init__(self, head: str, text: str, time: int, msgid: str, account: str, tags: str, bot: bool) -> None:
        super().__init__("", time, msgid, account, tags, bot=bot)
        self._head = head
        self._pieces = tuple(pieces_of(text))

    def replies(self, caps: int) -> tuple[Reply, ...]:
        """One batch where that is known, else the lines that are not blank."""
        if caps & MULTILINE:
            return (self._batch(caps),)
        said = [piece.text for piece in self._pieces if piece.text]
        tags = (self.tags(caps), *[self.further_tags(caps)] * (len(said) - 1))
        return tuple(Line(tag, f"{self._head} :{text}") for tag, text in zip(tags, said, strict=True))

    def _batch(self, caps: int) -> Batch:
        source, _, target = self._head.split(" ")
        lines = [Line(CONCAT if piece.concat else "", f"{self._head} :{piece.text}") for piece in self._pieces]
        return Batch(f"{KIND} {target}", lines, source.removeprefix(":"), self.tags(caps))

    def _write(self, variant: int) -> str:
        return "".join(written(reply, "", "", self._reference) for reply in self.replies(variant))

    def _reference(self) -> str:
        """The batch is closed where it is opened, so its name is free again at once."""
        return self.msgid.replace("_", "-")
