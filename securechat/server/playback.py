"""Stored entries on their way back to a client: their lines, and the batch around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.chat.person import Person
from securechat.protocol.capabilities import BATCH
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import multiline
from securechat.server.actor import actor
from securechat.server.reply import Batch, Reply
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import Entry

Target = Channel | Person


def target_named(turn: Turn, person: Person, name: str) -> Target | None:
    """Whom or what a reader means; None for what is not there, and for what is none of the reader's business."""
    if not name.startswith(CHANNEL_PREFIX):
        return turn.directory.person(name)
    channel = turn.directory.channel(name)
    return channel if channel is not None and access.may_read(channel, person) else None


def target_stored(turn: Turn, person: Person, key: str) -> Target | None:
    """The target of an entry; None for people who are no more, and for what the reader may not read any more."""
    if key.startswith(CHANNEL_PREFIX):
        channel = turn.directory.channels[key]
        return channel if access.may_read(channel, person) else None
    low, high = map(int, key.split(":"))
    other = turn.directory.people[low if high == person.id else high]
    return None if other.account.deleted else other


def lines(turn: Turn, session: Session, target: Target, entry: Entry) -> Sequence[Reply]:
    """A stored entry as it was said, in the place where this reader sees it, in as many lines as it takes."""
    person = actor(session)
    sender = turn.directory.people[entry.sender]
    where = target.name if isinstance(target, Channel) or sender is person else person.name
    head = f":{sender.source} {entry.kind} {where}"
    event = multiline.event(head, entry.text, entry.time, entry.msgid, sender.name, entry.tags)
    return event.replies(session.variant)


def send(turn: Turn, session: Session, kind: str, lines: Sequence[Reply]) -> None:
    """The lines in a batch of this kind, or one by one for who knows no batches."""
    if session.caps & BATCH:
        return turn.send(session, Batch(kind, lines))
    for one in lines:
        turn.send(session, one)
    return None


def milliseconds(word: str) -> int:
    """A time as clients write it. Raises ValueError or OverflowError. Source: IRCv3 server-time."""
    moment = datetime.fromisoformat(word)
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000 + 0.5)
