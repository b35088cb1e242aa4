"""A message of several lines: how a text becomes as few of them as can be, and one Message of all that came in a batch.

Source: IRCv3 draft/multiline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from securechat.protocol import text
from securechat.protocol.lines import BODY_BYTES
from securechat.protocol.message import Message
from securechat.protocol.multiline import CONCAT, Piece, extent_of, text_of
from securechat.protocol.names import fold

MOST_LINES = 200  # of one message; what is above these is left out, and `…` says so
MOST_CHARACTERS = 16 * 1024  # twice as many as our server takes
LEFT_OUT = "\n…"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one message may hold: `bytes` as `max-bytes` counts them, `lines` as they are on the wire."""

    bytes: int
    lines: int

    def hold(self, words: str) -> bool:
        lines, size = extent_of(words)
        return lines <= self.lines and size <= self.bytes


def read_limits(value: str) -> Limits | None:
    """What a server says behind the capability's name; None when there is no sending several lines by that.

    More than we would read ourselves is not believed.
    """
    said = dict(word.partition("=")[::2] for word in value.split(","))
    most_bytes, most_lines = _number(said.get("max-bytes", "")), _number(said.get("max-lines", str(MOST_LINES)))
    if most_bytes < BODY_BYTES or most_lines < 2:
        return None
    return Limits(min(most_bytes, MOST_CHARACTERS), min(most_lines, MOST_LINES))


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0


def packed(words: str, budget: int, limits: Limits) -> Iterator[str]:
    """A text as the texts of messages, each of as many lines as it may have; a line of the wire has `budget` bytes.

    Lines that are blank stay, but for those at the beginning and at the end of a message.
    """
    block: list[Piece] = []
    size = -1  # the first line has no line feed before it
    for piece in _cut(words, budget):
        added = len(piece.text.encode()) + (not piece.concat)
        if block and (len(block) == limits.lines or size + added > limits.bytes):
            yield _said(block)
            block, size = [], -1
        if not block:
            piece, added = Piece(piece.text), len(piece.text.encode()) + 1
        if block or piece.text:
            block.append(piece)
            size += added
    if block:
        yield _said(block)


def _cut(words: str, budget: int) -> Iterator[Piece]:
    for line in words.split("\n"):
        first, *more = text.split(line, budget) if line.strip() else ("",)
        yield Piece(first)
        yield from (Piece(one, concat=True) for one in more)


def _said(block: list[Piece]) -> str:
    """Its last line is one that is not blank."""
    return text_of(block).rstrip("\n")


def folded(opening: Message, lines: Sequence[Message]) -> Message | None:
    """The message whose batch had this opening and these lines; None when they are none.

    Source and tags are those of the opening. The text has LF between lines; where a line was cut nothing is seen of it.
    """
    target = opening.params[2] if len(opening.params) > 2 else ""
    if not lines or not all(_belongs(line, lines[0].command, target) for line in lines):
        return None
    words = _text(lines)
    if not words.strip("\n"):
        return None
    first = lines[0]
    return Message(first.command, (first.params[0], words), opening.source or first.source, opening.tags)


def _belongs(line: Message, command: str, target: str) -> bool:
    if line.command not in ("PRIVMSG", "NOTICE") or line.command != command or len(line.params) < 2:
        return False
    return fold(line.params[0]) == fold(target)


def _text(lines: Sequence[Message]) -> str:
    pieces: list[Piece] = []
    size = 0
    for line in lines:
        pieces.append(Piece(line.params[1], CONCAT in line.tags))
        size += len(line.params[1])
        if size > MOST_CHARACTERS:  # nobody will see more
            break
    words = text_of(pieces).replace("\r", "")
    kept = "\n".join(words[:MOST_CHARACTERS].split("\n")[:MOST_LINES])
    return kept if kept == words else kept + LEFT_OUT
