"""From bytes to messages: cutting at LF, the size limits, and what is refused before anyone reads it.

Source of the sizes: Modern IRC ("Message Format"), IRCv3 message-tags ("Size limit").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from securechat.protocol.message import Message, ProtocolError, parse, parse_tags

BODY_BYTES = 512  # with CRLF, without tags
CLIENT_TAG_BYTES = 4094  # between @ and the space
TAG_BYTES = 8191  # of a server, with @ and the space
UNENDED_BYTES = 16 * 1024


class Fault(Enum):
    """Why a line is no message."""

    TOO_LONG = "too long"
    NOT_UTF8 = "not UTF-8"
    CONTROL = "CR or NUL inside"
    NO_COMMAND = "no command"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that was dropped; its sender is told why, with the label if that much could be read."""

    fault: Fault
    label: str | None = None


class Unended(ProtocolError):
    """So many bytes came without a line's end that the peer must go."""


class LineBuffer:
    """The bytes of one peer that are not yet a whole line. Owned by the connection."""

    __slots__ = ("_rest", "limit")

    def __init__(self, limit: int = UNENDED_BYTES) -> None:
        self.limit = limit
        self._rest = b""

    def feed(self, data: bytes, most: int = -1) -> list[bytes]:
        """The lines that `data` completes, without LF; a CR before it is still there. Raises Unended.

        With more than `most` of them the rest is kept for the next call, as bytes: a line takes ten times as much.
        """
        lines = (self._rest + data).split(b"\n", most)
        self._rest = lines.pop()
        if len(self._rest) - (self._rest.rfind(b"\n") + 1) > self.limit:
            self._rest = b""  # so that a peer that goes on until it is closed is not kept in memory
            raise Unended(f"no end of line within {self.limit} bytes")
        return lines

    @property
    def has_line(self) -> bool:
        """Whether a whole line was kept."""
        return b"\n" in self._rest


def read_line(line: bytes) -> Message | Unreadable | None:
    """One line that a client sent, as a Message; None when it is empty, which IRC ignores silently."""
    line = line.removesuffix(b"\r")
    if not line:
        return None
    body = line
    if line.startswith(b"@"):
        tags, _, body = line[1:].partition(b" ")
        if len(tags) > CLIENT_TAG_BYTES:
            return Unreadable(Fault.TOO_LONG, _label(line))
    if len(body) + 2 > BODY_BYTES:
        return Unreadable(Fault.TOO_LONG, _label(line))
    return _decode(line)


def read_server_line(line: bytes) -> Message | Unreadable | None:
    """One line that a server sent: the same, with the larger allowance for tags."""
    line = line.removesuffix(b"\r")
    if not line:
        return None
    if len(line) + 2 > TAG_BYTES + BODY_BYTES:
        return Unreadable(Fault.TOO_LONG)
    return _decode(line)


def _decode(line: bytes) -> Message | Unreadable:
    if b"\r" in line or b"\0" in line:
        return Unreadable(Fault.CONTROL, _label(line))
    try:
        return parse(line.decode())
    except UnicodeDecodeError:
        return Unreadable(Fault.NOT_UTF8, _label(line))
    except ProtocolError:
        return Unreadable(Fault.NO_COMMAND, _label(line))


def _label(line: bytes) -> str | None:
    """The label of a line that is otherwise refused."""
    if not line.startswith(b"@"):
        return None
    tags = line[1:].partition(b" ")[0]
    if b"\r" in tags or b"\0" in tags:
        return None
    try:
        return parse_tags(tags.decode()).get("label")
    except UnicodeDecodeError:
        return None
