"""One thing that happened, as each kind of client is told of it: encoded once for each variant of capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from securechat.protocol.capabilities import ACCOUNT_TAG, EXTENDED_JOIN, MESSAGE_TAGS, SERVER_TIME
from securechat.protocol.message import escape
from securechat.server.reply import Line, Reply

RETRY_ID = "+securechat/id"  # a sender's name for its message; see `retry`

# Of client-only tags: what is worth keeping although nothing was said, and what is true for a moment only.
KEPT_ALONE = frozenset({"+draft/react", "+draft/unreact", "+draft/persist"})
MOMENTARY = frozenset({"+typing", "+draft/typing"})


def timestamp(milliseconds: int) -> str:
    """Source: IRCv3 server-time."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")  # strftime takes thrice as long


class Event:
    """A relayed line with the tags that it may carry.

    `body` is the line without tags and CRLF; `extended` stands in its place for clients with extended-join.
    """

    __slots__ = ("_encoded", "account", "body", "bot", "extended", "msgid", "relayed_tags", "time")

    def __init__(
        self,
        body: str,
        time: int,
        msgid: str,
        account: str,
        relayed_tags: str = "",
        extended: str | None = None,
        bot: bool = False,
    ) -> None:
        self.body = body
        self.time = time
        self.msgid = msgid  # empty where nobody may refer to it
        self.account = account  # empty where the server speaks
        self.relayed_tags = relayed_tags  # the sender's client-only tags, as on the wire
        self.extended = extended
        self.bot = bot  # a bot's doing. Source: IRCv3 bot mode
        self._encoded: dict[int, bytes] = {}

    def tags(self, caps: int) -> str:
        """The tags without `@`, empty when the capabilities allow none."""
        return self._tags(caps, self.msgid)

    def further_tags(self, caps: int) -> str:
        """Of a line behind the first one, where it takes several: a msgid names one line."""
        return self._tags(caps, "")

    def _tags(self, caps: int, msgid: str) -> str:
        words = []
        if caps & SERVER_TIME:
            words.append(f"time={timestamp(self.time)}")
        if caps & ACCOUNT_TAG and self.account:
            words.append(f"account={self.account}")
        if caps & MESSAGE_TAGS and msgid:
            words.append(f"msgid={msgid}")
        if caps & MESSAGE_TAGS and self.relayed_tags:
            words.append(self.relayed_tags)
        if caps & MESSAGE_TAGS and self.bot:
            words.append("bot")
        return ";".join(words)

    def text(self, caps: int) -> str:
        return self.extended if self.extended is not None and caps & EXTENDED_JOIN else self.body

    def replies(self, caps: int) -> tuple[Reply, ...]:
        """What one session is told of it."""
        return (Line(self.tags(caps), self.text(caps)),)

    def encode(self, variant: int) -> bytes:
        """The bytes for everyone of this variant; the same object at every call."""
        data = self._encoded.get(variant)
        if data is None:
            data = self._encoded[variant] = self._write(variant).encode()
        return data

    def _write(self, variant: int) -> str:
        tags = self.tags(variant)
        text = self.text(variant)
        return f"@{tags} {text}\r\n" if tags else f"{text}\r\n"


def client_only(tags: Mapping[str, str]) -> str:
    """The client-only tags of a message (`+name`), as they are relayed."""
    if not tags:
        return ""
    relayed = ((key, value) for key, value in tags.items() if key.startswith("+") and key != RETRY_ID)
    return ";".join(f"{key}={escape(value)}" if value else key for key, value in relayed)


def kept_alone(tags: str) -> bool:
    """Whether a message of tags alone is stored: a reaction, or what asks for it."""
    return any(_key(tag) in KEPT_ALONE for tag in tags.split(";"))


def lasting(tags: str) -> str:
    """The tags that are stored with a message."""
    if "typing" not in tags:
        return tags
    return ";".join(tag for tag in tags.split(";") if _key(tag) not in MOMENTARY)


def _key(tag: str) -> str:
    return tag.partition("=")[0]
