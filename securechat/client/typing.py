"""Who is typing. Source: IRCv3 client-tags/typing."""

from __future__ import annotations

from collections.abc import Mapping

from securechat.client.channels import nick_of
from securechat.client.events import Typing
from securechat.protocol.message import Message
from securechat.protocol.names import CHANNEL_PREFIX, fold

TAG = "+typing"
NEEDED = frozenset({"message-tags", "labeled-response"})
EVERY = 3.0  # seconds: not more often is it said, and as long as somebody types as often
HOLDS = 6.0  # seconds for which it is true when nothing more comes


def tags(*, active: bool) -> Mapping[str, str]:
    return {TAG: "active" if active else "done"}


def read(message: Message, own_nick: str) -> Typing | None:
    """None when it is about ourselves, or about something else."""
    nick = nick_of(message)
    if TAG not in message.tags or not message.params or not nick or fold(nick) == fold(own_nick):
        return None
    target = message.params[0]
    return Typing(target if target.startswith(CHANNEL_PREFIX) else nick, nick, message.tags[TAG] == "active")
