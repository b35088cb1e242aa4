"""A message of several lines as one text: LF between lines, and CR where a line went on although it was cut.

Neither can be in a line of IRC. Source: IRCv3 draft/multiline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"

_CUT = re.compile("([\r\n])")


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What one line says; `concat`: it goes on where the line before ended."""

    text: str
    concat: bool = False

    def __repr__(self) -> str:
        """Without what somebody said, as in all that may come into a log."""
        return f"Piece(concat={self.concat})"


def is_multiline(text: str) -> bool:
    return "\n" in text or "\r" in text


def text_of(pieces: Sequence[Piece]) -> str:
    first, *others = pieces
    return first.text + "".join(("\r" if piece.concat else "\n") + piece.text for piece in others)


def size_of(pieces: Sequence[Piece]) -> int:
    """In bytes, as `max-bytes` counts: a line feed counts, the place of a cut does not."""
    return sum(len(piece.text.encode()) + (not piece.concat) for piece in pieces) - 1


def pieces_of(text: str) -> Iterator[Piece]:
    """The lines of such a text."""
    first, *others = _CUT.split(text)
    yield Piece(first)
    for mark, line in zip(others[::2], others[1::2], strict=True):
        yield Piece(line, concat=mark == "\r")


def longest_line(text: str) -> int:
    """In bytes."""
    return max(len(piece.text.encode()) for piece in pieces_of(text)) if is_multiline(text) else len(text.encode())
