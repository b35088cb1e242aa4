"""Stored entries on their way back to a client: their lines, and the batch around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.chat.person import Person
from securechat.protocol.capabilities import BATCH, EVENT_PLAYBACK, MESSAGE_REDACTION, MESSAGE_TAGS
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import multiline
from securechat.server.actor import actor
from securechat.server.event import Event
from securechat.server.reply import Batch, Reply
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.history import MESSAGES
from securechat.store.rows import Entry

Target = Channel | Person

EVENTS = ("JOIN", "PART", "KICK", "TOPIC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


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


def kinds(session: Session) -> tuple[str, ...]:
    """Of the entries that its client knows what to do with in a history. Source: IRCv3 draft/chathistory."""
    found: tuple[str, ...] = MESSAGES
    if session.caps & EVENT_PLAYBACK:
        found += EVENTS
    if session.caps & EVENT_PLAYBACK and session.caps & MESSAGE_TAGS:
        found += ("TAGMSG",)
    if session.caps & MESSAGE_REDACTION:
        found += ("REDACT",)
    return found


def lines(turn: Turn, session: Session, target: Target, entry: Entry) -> Sequence[Reply]:
    """A stored entry as it was said, in the place where this reader sees it, in as many lines as it takes.

    Sender and target have their names of today.
    """
    sender = turn.directory.people[entry.sender]
    return _event(sender, head(turn, session, target, entry), entry).replies(session.variant)


def head(turn: Turn, session: Session, target: Target, entry: Entry) -> str:
    """What stands before the text: `:source COMMAND target`."""
    person, sender = actor(session), turn.directory.people[entry.sender]
    where = target.name if isinstance(target, Channel) or sender is person else person.name
    return f":{sender.source} {entry.kind} {where}"


def _event(sender: Person, head: str, entry: Entry) -> Event:
    if entry.kind in MESSAGES:
        return multiline.event(head, entry.text, entry.time, entry.msgid, sender.name, entry.tags)
    extended = f"{head} {sender.name} :{sender.realname or sender.name}" if entry.kind == "JOIN" else None
    body = f"{head} {entry.text}" if entry.text else head
    return Event(body, entry.time, entry.msgid, sender.name, entry.tags, extended)


def send(turn: Turn, session: Session, kind: str, lines: Sequence[Reply]) -> None:
    """The lines in a batch of this kind, or one by one for who knows no batches."""
    if session.caps & BATCH:
        return turn.send(session, Batch(kind, lines))
    for one in lines:
        turn.send(session, one)
    return None


def milliseconds(word: str) -> int:
    """A time as clients write it. Raises ValueError. Source: IRCv3 server-time."""
    moment = datetime.fromisoformat(word)
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH) // MILLISECOND
