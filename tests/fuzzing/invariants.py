"""What holds for every line that leaves the server, whatever came in."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from securechat.protocol import capabilities
from securechat.protocol.lines import BODY_BYTES, TAG_BYTES
from securechat.protocol.message import Message, parse
from securechat.protocol.names import fold, is_account_name
from tests.fuzzing.grammar import PASSWORD

TAGS = {
    "time": capabilities.SERVER_TIME,
    "account": capabilities.ACCOUNT_TAG,
    "msgid": capabilities.MESSAGE_TAGS,
    "label": capabilities.LABELED_RESPONSE,
    "batch": capabilities.BATCH,
    "bot": capabilities.MESSAGE_TAGS,
}
TO_WATCHERS = {"730", "731"}  # may be addressed to all who watch at once
BEFORE_ADMISSION = {
    *("CAP", "AUTHENTICATE", "NOTICE", "PONG", "ERROR", "FAIL", "ACK", "BATCH"),
    *("400", "410", "417", "431", "432", "451", "461", "462", "900", "903", "904", "905", "906", "907", "908"),
}
_SOURCE = re.compile(r"([A-Za-z0-9_-]+)!([a-z0-9_-]+)@u\d+\.securechat")


class Broken(Exception):
    """An invariant does not hold; the text says which, and for what."""


@lru_cache(maxsize=4096)
def read(line: bytes) -> Message:
    """One line with its CRLF, if its form is right; most lines go to several peers."""
    text = line[:-2]
    if not line.endswith(b"\r\n"):
        raise Broken(f"a line without CRLF: {line!r}")
    if any(byte in text for byte in (b"\r", b"\n", b"\0")):
        raise Broken(f"a CR, LF or NUL inside: {line!r}")
    tags, body = text.split(b" ", 1) if text.startswith(b"@") else (b"", text)
    if len(body) + 2 > BODY_BYTES:
        raise Broken(f"a body of {len(body) + 2} bytes: {line!r}")
    if len(tags) + 1 > TAG_BYTES:
        raise Broken(f"tags of {len(tags)} bytes: {line!r}")
    if PASSWORD.encode() in text:
        raise Broken("a password was shown")
    try:
        message = parse(text.decode())
    except UnicodeDecodeError as error:
        raise Broken(f"not UTF-8: {line!r}") from error
    if message.source != "localhost" and message.command != "ERROR":
        _check_source(message, line)
    return message


def _check_source(message: Message, line: bytes) -> None:
    found = _SOURCE.fullmatch(message.source or "")
    if message.source is None and message.command in ("AUTHENTICATE", "PING"):
        return
    if found is None or found[2] != fold(found[1]):
        raise Broken(f"a source that nobody has: {line!r}")


class Reader:
    """One peer's view of what it is sent, in its order: its capabilities, its admission, its labels."""

    def __init__(self) -> None:
        self.caps = 0
        self.name: str | None = None  # of the account, once admitted
        self.ended = False
        self.labels: Counter[str] = Counter()  # sent and not yet answered
        self.msgids: list[str] = []

    def take(self, data: bytes) -> None:
        for line in _lines(data):
            self._take(read(line), line)

    def _take(self, message: Message, line: bytes) -> None:
        if self.ended:
            raise Broken(f"a line after ERROR: {line!r}")
        self._check_tags(message, line)
        if message.command == "001":
            self.name = message.params[0]
        elif self.name is None and message.command not in BEFORE_ADMISSION:
            raise Broken(f"before admission: {line!r}")
        if message.command.isdigit() and not (message.command in TO_WATCHERS and message.params[0] == "*"):
            self._check_addressee(message.params[0], line)
        if message.command == "CAP" and message.params[1] == "ACK":
            self.caps = capabilities.requested(message.params[2], self.caps) or 0
        elif message.command == "ERROR":
            self.ended = True

    def _check_tags(self, message: Message, line: bytes) -> None:
        for key, value in message.tags.items():
            needed = TAGS.get(key, capabilities.MESSAGE_TAGS if key.startswith("+") else None)
            if needed is None or not self.caps & needed:
                raise Broken(f"tag {key!r} was not asked for: {line!r}")
            if key == "label":
                self._answered(value, line)
            elif key == "msgid" and len(self.msgids) < 100:
                self.msgids.append(value)

    def _answered(self, label: str, line: bytes) -> None:
        if not self.labels[label]:
            raise Broken(f"an answer to a label that was not sent, or was answered: {line!r}")
        self.labels[label] -= 1

    def _check_addressee(self, nick: str, line: bytes) -> None:
        right = fold(nick) == fold(self.name) if self.name is not None else nick == "*" or is_account_name(nick)
        if not right:
            raise Broken(f"a numeric addressed to {nick!r}: {line!r}")


def _lines(data: bytes) -> list[bytes]:
    """At LF only, as the wire is read."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
