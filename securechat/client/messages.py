"""PRIVMSG and NOTICE as `Said`, and which of them were told already."""

from __future__ import annotations

from datetime import datetime

from securechat.client.channels import nick_of
from securechat.client.events import Kind, Said
from securechat.client.history import Place, message_time
from securechat.protocol.message import Message
from securechat.protocol.names import CHANNEL_PREFIX, fold

ACTION_START, ACTION_END = "\x01ACTION ", "\x01"
REMEMBERED_MSGIDS = 20_000


def sendable(text: str) -> str:
    """Without what no message can hold; only LF is left, which stands between messages."""
    return text.translate({0: None, 0x0D: None}).encode(errors="replace").decode()


def place_of(message: Message) -> Place | None:
    """Where it stands in its target's history."""
    time = message_time(message)
    return Place(time, message.tags.get("msgid")) if time else None


def read(message: Message, own_nick: str) -> Said | None:
    """None when it is no message for people."""
    if message.command not in ("PRIVMSG", "NOTICE") or len(message.params) < 2 or not message.source:
        return None
    sender, words = nick_of(message), message.params[1]
    kind = Kind.NOTICE if message.command == "NOTICE" else Kind.MESSAGE
    if words.startswith(ACTION_START):
        kind, words = Kind.ACTION, words.removeprefix(ACTION_START).removesuffix(ACTION_END)
    elif words.startswith("\x01"):
        return None  # other CTCP: questions about the client, which gives no answers
    own = fold(sender) == fold(own_nick)
    target = message.params[0].lstrip("@+")  # `@#ops` is for the operators of #ops
    direct = not target.startswith(CHANNEL_PREFIX)
    if direct and not own:
        target = sender
    return Said(target, sender, words, kind, message_time(message), message.tags.get("msgid"), own, direct)


class Known:
    """Which messages were told, live or as history, by their msgids; the oldest are forgotten.

    Where a message of several lines comes line by line, only the first has the msgid; the others follow it at the same
    time and share its fate.
    """

    def __init__(self) -> None:
        self._msgids: dict[str, None] = {}
        self._head: tuple[str, str, datetime | None] = ("", "", None)
        self._head_was_new = True

    def is_new(self, said: Said) -> bool:
        """Whether it was not told before; from now on it was. What cannot be told apart always is."""
        head = (said.target, said.sender, said.time)
        if said.msgid is None:
            return said.time is None or head != self._head or self._head_was_new
        self._head, self._head_was_new = head, said.msgid not in self._msgids
        self._msgids[said.msgid] = None
        if len(self._msgids) > REMEMBERED_MSGIDS:
            del self._msgids[next(iter(self._msgids))]
        return self._head_was_new
