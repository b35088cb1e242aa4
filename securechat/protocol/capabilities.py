"""The capabilities of this server: a bit for each, and how CAP lists them.

Source: IRCv3 capability-negotiation 302 and the specification of each capability.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

SASL = 1 << 0
MESSAGE_TAGS = 1 << 1
SERVER_TIME = 1 << 2
ACCOUNT_TAG = 1 << 3
ECHO_MESSAGE = 1 << 4
BATCH = 1 << 5
LABELED_RESPONSE = 1 << 6
MULTI_PREFIX = 1 << 7
EXTENDED_JOIN = 1 << 8
CAP_NOTIFY = 1 << 9
STANDARD_REPLIES = 1 << 10
CHATHISTORY = 1 << 11
MULTILINE = 1 << 13
RETRY = 1 << 14
VERSION_302 = 1 << 12  # not a capability: what CAP LS 302 says of a client, for good
EVENT_PLAYBACK = 1 << 16
MESSAGE_REDACTION = 1 << 17
READ_MARKER = 1 << 18
ACCOUNT_NOTIFY = 1 << 20
AWAY_NOTIFY = 1 << 21
EXTENDED_MONITOR = 1 << 22
INVITE_NOTIFY = 1 << 23
NO_IMPLICIT_NAMES = 1 << 24
SETNAME = 1 << 25
SEARCH = 1 << 28
TOKENS = 1 << 29

MULTILINE_BYTES = 8192  # of one message
MULTILINE_LINES = 100
LIST_BYTES = 400  # of names in one CAP line, so that with the server's name the line stays below 512


@dataclass(frozen=True, slots=True)
class Capability:
    name: str
    bit: int
    value: str = ""  # the same for all clients; shown to those that know CAP 302

    @property
    def draft(self) -> bool:
        return self.name.startswith("draft/")


CAPABILITIES: Mapping[str, Capability] = {
    capability.name: capability
    for capability in (
        Capability("account-notify", ACCOUNT_NOTIFY),
        Capability("account-tag", ACCOUNT_TAG),
        Capability("away-notify", AWAY_NOTIFY),
        Capability("batch", BATCH),
        Capability("cap-notify", CAP_NOTIFY),
        Capability("draft/chathistory", CHATHISTORY),
        Capability("draft/event-playback", EVENT_PLAYBACK),
        Capability("draft/message-redaction", MESSAGE_REDACTION),
        Capability("draft/multiline", MULTILINE, f"max-bytes={MULTILINE_BYTES},max-lines={MULTILINE_LINES}"),
        Capability("draft/read-marker", READ_MARKER),
        Capability("echo-message", ECHO_MESSAGE),
        Capability("extended-join", EXTENDED_JOIN),
        Capability("extended-monitor", EXTENDED_MONITOR),
        Capability("invite-notify", INVITE_NOTIFY),
        Capability("labeled-response", LABELED_RESPONSE),
        Capability("message-tags", MESSAGE_TAGS),
        Capability("multi-prefix", MULTI_PREFIX),
        Capability("no-implicit-names", NO_IMPLICIT_NAMES),
        Capability("sasl", SASL),
        Capability("securechat/retry", RETRY),
        Capability("securechat/tokens", TOKENS),
        Capability("server-time", SERVER_TIME),
        Capability("setname", SETNAME),
        Capability("soju.im/search", SEARCH),
        Capability("standard-replies", STANDARD_REPLIES),
    )
}


@lru_cache(maxsize=8)
def listed(version: int, mechanisms: str) -> tuple[str, ...]:
    """What CAP LS names: with version 302 everything and its values, else one line that old clients can take.

    `mechanisms` is the value of `sasl`, which is not the same for every client.
    """
    if version >= 302:
        values = {name: capability.value for name, capability in CAPABILITIES.items()} | {"sasl": mechanisms}
        return tuple(f"{name}={value}" if value else name for name, value in values.items())
    return tuple(c.name for c in CAPABILITIES.values() if not c.draft)


def names(caps: int) -> tuple[str, ...]:
    return tuple(c.name for c in CAPABILITIES.values() if c.bit & caps)


@lru_cache(maxsize=8)
def in_lines(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words joined into as few parameters as fit in CAP lines; one empty parameter when there are none."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + 1 + len(word) > LIST_BYTES:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return tuple(lines)


def requested(words: str, caps: int) -> int | None:
    """`caps` after the CAP REQ `words` (`-name` takes one away), or None when the whole request is refused.

    That is for an unknown name, and for `-cap-notify` from who knows CAP 302: it comes with that and stays.
    """
    for word in words.split():
        capability = CAPABILITIES.get(word.removeprefix("-"))
        if capability is None or (word == "-cap-notify" and caps & VERSION_302):
            return None
        caps = caps & ~capability.bit if word.startswith("-") else caps | capability.bit
    return caps
