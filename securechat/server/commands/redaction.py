"""REDACT: what was said is erased; that it was, by whom and why stays.

Source: IRCv3 draft/message-redaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.chat.person import Person, Recipient
from securechat.protocol import numerics
from securechat.protocol.capabilities import MESSAGE_REDACTION
from securechat.protocol.message import Message, quoted
from securechat.server import presence
from securechat.server.actor import actor
from securechat.server.command import Command, tells
from securechat.server.isupport import REASON_BYTES, cut
from securechat.server.playback import Target, target_named
from securechat.server.relay import echo, key_of
from securechat.server.services import READS, PoolFull
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.errors import StoreError
from securechat.store.rows import Entry, EntryRedacted

REDACTABLE = ("PRIVMSG", "NOTICE", "TAGMSG")
REMEMBERED = 1024  # redactions; many more than a worker's answer can be late by


def redact(turn: Turn, session: Session, message: Message) -> None:
    if not session.caps & MESSAGE_REDACTION:
        return turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    name, msgid, *reason = message.params
    target = target_named(turn, actor(session), name)
    if target is None:
        return _no_target(turn, session, name)
    read = partial(turn.services.history.find, key_of(actor(session), target), msgid)
    words = cut(reason[0], REASON_BYTES) if reason else ""
    return turn.wait(READS, session, read, partial(_redact, name=name, msgid=msgid, reason=words))


def _no_target(turn: Turn, session: Session, name: str) -> None:
    turn.fail(session, "REDACT", "INVALID_TARGET", quoted(name), "no messages here for you")


def _redact(
    turn: Turn, session: Session, found: Entry | Exception | None, *, name: str, msgid: str, reason: str
) -> None:
    """All is asked once more: the channel may be closed to him meanwhile, or the message redacted."""
    if isinstance(found, PoolFull | StoreError):
        return turn.fail(session, "REDACT", "TEMPORARILY_UNAVAILABLE", "too much to do; try again in a few seconds")
    if isinstance(found, Exception):
        raise found
    target = target_named(turn, actor(session), name)
    if target is None:
        return _no_target(turn, session, name)
    key = key_of(actor(session), target)  # the name may be another account's by now
    if found is None or found.target != key or found.kind not in REDACTABLE or msgid in turn.directory.redacted:
        return turn.fail(session, "REDACT", "UNKNOWN_MSGID", target.name, quoted(msgid), "no such message here")
    if not _may_redact(target, actor(session), found):
        return turn.fail(session, "REDACT", "REDACT_FORBIDDEN", target.name, msgid, "you may not redact this message")
    return _erase(turn, session, target, msgid, reason)


def _may_redact(target: Target, person: Person, found: Entry) -> bool:
    is_author = found.sender == person.id
    return access.may_redact(target, person, is_author) if isinstance(target, Channel) else is_author


def _erase(turn: Turn, session: Session, target: Target, msgid: str, reason: str) -> None:
    person = actor(session)
    key = key_of(person, target)
    words = f"{msgid} :{reason}" if reason else msgid
    if isinstance(target, Channel):
        presence.show_if_unannounced(turn, target, person)
    event = turn.event(person, f"REDACT {target.name} {words}", time=turn.stamp(key))
    turn.record(EntryRedacted(key, msgid))
    turn.keep(event, person, key, "REDACT", words)
    _remember(turn, msgid)
    turn.tell_each(_receivers(session, target), event)
    echo(turn, session, event)


def _remember(turn: Turn, msgid: str) -> None:
    """So that what a worker read before is neither redacted again nor shown."""
    redacted = turn.directory.redacted
    if len(redacted) >= REMEMBERED:
        turn.drop(turn.directory, "redacted", next(iter(redacted)))
    turn.put(turn.directory, "redacted", msgid, None)


def _receivers(session: Session, target: Target) -> Iterable[Recipient]:
    everyone = target.readers() if isinstance(target, Channel) else {**target.sessions, **actor(session).sessions}
    return (one for one in everyone if one is not session and one.caps & MESSAGE_REDACTION)


COMMANDS = {"REDACT": Command(redact, fewest_params=2, cost=tells)}
