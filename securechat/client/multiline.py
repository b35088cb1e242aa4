"""A message of several lines, as it is read: one Message of all that came in its batch.

Source: IRCv3 draft/multiline.
"""

from __future__ import annotations

from collections.abc import Sequence

from securechat.protocol.message import Message
from securechat.protocol.multiline import CONCAT, Piece, text_of
from securechat.protocol.names import fold

MOST_LINES = 200  # of one message; what is above these is left out, and `…` says so
MOST_CHARACTERS = 16 * 1024  # twice as many as our server takes
LEFT_OUT = "\n…"


def folded(opening: Message, lines: Sequence[Message]) -> Message | None:
    """The message whose batch had this opening and these lines; None when they are none.

    Source and tags are those of the opening. The text has LF between lines; where a line was cut nothing is seen of it.
    """
    target = opening.params[2] if len(opening.params) > 2 else ""
    if not lines or not all(_belongs(line, lines[0].command, target) for line in lines):
        return None
    text = _text(lines)
    if not text.strip("\n"):
        return None
    first = lines[0]
    return Message(first.command, (first.params[0], text), opening.source or first.source, opening.tags)


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
    text = text_of(pieces).replace("\r", "")
    kept = "\n".join(text[:MOST_CHARACTERS].split("\n")[:MOST_LINES])
    return kept if kept == text else kept + LEFT_OUT
