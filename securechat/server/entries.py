"""Stored entries as a reader sees them: where they stand, and whether he may read them now."""

from __future__ import annotations

from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.chat.person import Person
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server.event import Event
from securechat.server.turn import Turn
from securechat.store.rows import Entry

Target = Channel | Person


def target(turn: Turn, reader: Person, key: str) -> Target | None:
    """What a target's key means to the reader; None for people who are no more, and for what he may not read."""
    if key.startswith(CHANNEL_PREFIX):
        channel = turn.directory.channels.get(key)
        return channel if channel is not None and access.may_read(channel, reader) else None
    low, high = map(int, key.split(":"))
    other = turn.directory.people[low if high == reader.id else high]
    return None if other.account.deleted else other


def event(turn: Turn, reader: Person, where: Target, entry: Entry) -> Event:
    """A stored entry as it was said, in the place where this reader sees it."""
    sender = turn.directory.people[entry.sender]
    name = where.name if isinstance(where, Channel) or sender is reader else reader.name
    body = f":{sender.source} {entry.kind} {name} :{entry.text}"
    return Event(body, entry.time, entry.msgid, sender.name, entry.tags)
