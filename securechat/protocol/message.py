"""One IRC message as a value: parsing a decoded line, and writing lines and tags."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from securechat.errors import SecurechatError

NO_TAGS: Mapping[str, str] = MappingProxyType({})

QUOTED_BYTES = 64

_ESCAPES = {";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n"}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)
_BACKSLASH = "\udc00"  # stands for one that is meant, which no UTF-8 does


class ProtocolError(SecurechatError):
    """A line that is no message; the text never quotes the line, which may hold a secret."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A struct, since there is one for every line: it is made in a fifth of a named tuple's time."""

    command: str
    params: tuple[str, ...] = ()
    source: str | None = None
    tags: Mapping[str, str] = NO_TAGS

    def __repr__(self) -> str:
        """The parameters may hold a password."""
        return f"Message(command={self.command!r}, source={self.source!r})"

    @property
    def label(self) -> str | None:
        return self.tags.get("label")


def parse(line: str) -> Message:
    """Read one line into a Message.

    `line` has no CRLF. The command comes back upper-case; a missing tag value reads as the empty string, and of equal
    tag keys the last one counts. Raises ProtocolError when there is no command.
    Source: Modern IRC, section "Message Format"; IRCv3 message-tags.
    """
    tags = NO_TAGS
    if line.startswith("@"):
        written, _, line = line[1:].partition(" ")
        tags = parse_tags(written)
    head, colon, trailing = line.lstrip(" ").partition(" :")
    words = head.split(" ")  # only U+0020 separates
    if "" in words:
        words = [word for word in words if word]
    source = words.pop(0)[1:] if words and words[0].startswith(":") else None
    if not words:
        raise ProtocolError("no command in line")
    command, *params = words
    return Message(command.upper(), (*params, trailing) if colon else (*params,), source, tags)


def parse_tags(written: str) -> dict[str, str]:
    """The tags between `@` and the space."""
    tags = {}
    for item in filter(None, written.split(";")):
        key, _, value = item.partition("=")
        if key:
            tags[key] = unescape(value) if "\\" in value else value
    return tags


def unescape(value: str) -> str:
    """A tag value as meant; an unknown escape loses its backslash, a lone one at the end is dropped."""
    value = value.replace(r"\\", _BACKSLASH).replace(r"\:", ";").replace(r"\s", " ")
    value = value.replace(r"\r", "\r").replace(r"\n", "\n")
    return value.replace("\\", "").replace(_BACKSLASH, "\\")


def escape(value: str) -> str:
    return value.translate(_ESCAPE_TABLE)


def write_tags(tags: Mapping[str, str]) -> str:
    """`@key=value;key ` with the closing space, or nothing when there are no tags."""
    if not tags:
        return ""
    return "@" + ";".join(f"{key}={escape(value)}" if value else key for key, value in tags.items()) + " "


def write(command: str, *params: str, source: str | None = None) -> str:
    """A line without tags and CRLF. Only the last of `params` may be empty, hold a space or start with a colon."""
    words = [f":{source}", command] if source is not None else [command]
    if params:
        *middle, last = params
        words += middle
        words.append(f":{last}" if not last or last.startswith(":") or " " in last else last)
    return " ".join(words)


def quoted(word: str) -> str:
    """A peer's word as it may stand in the middle of a reply."""
    fits = word and not word.startswith(":") and " " not in word
    return word.encode()[:QUOTED_BYTES].decode(errors="ignore") if fits else "*"


def encode(command: str, *params: str, source: str | None = None, tags: Mapping[str, str] = NO_TAGS) -> bytes:
    """A whole line as it goes on the wire."""
    return f"{write_tags(tags)}{write(command, *params, source=source)}\r\n".encode()
