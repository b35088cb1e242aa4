"""A message of several lines as one text: LF between lines, and CR where a line went on although it was cut.

Neither can be in a line of IRC. Source: IRCv3 draft/multiline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

KIND = "draft/multiline"
CONCAT = "draft/multiline-concat"


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


def extent_of(text: str) -> tuple[int, int]:
    """How many lines such a text has, and its size as above."""
    cuts = text.count("\r")
    return text.count("\n") + cuts + 1, len(text.encode()) - cuts


def pieces_of(text: str) -> Iterator[Piece]:
    """The lines of such a text."""
    for line in text.replace("\r", "\n\r").split("\n"):
        yield Piece(line[1:], concat=True) if line.startswith("\r") else Piece(line)


def longest_line(text: str) -> int:
    """In bytes."""
    written = text.encode()
    return max(map(len, written.replace(b"\r", b"\n").split(b"\n"))) if is_multiline(text) else len(written)
