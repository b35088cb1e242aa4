"""Messages that their senders named, so that a repeat after a lost link is known, and answered like the first time.

A name is looked up in the store before its message is handled. What was sent while that read was under way only the
core knows: it keeps the newest named messages of each account.
"""

from __future__ import annotations

import hashlib
from functools import partial

from securechat.chat.person import Person
from securechat.protocol.capabilities import RETRY
from securechat.protocol.message import Message, quoted
from securechat.protocol.names import CHANNEL_PREFIX, fold
from securechat.server import relay
from securechat.server.actor import actor
from securechat.server.event import RETRY_ID
from securechat.server.relay import Draft
from securechat.server.services import READS, PoolFull
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import NamedMessage, pair

NAME_CHARACTERS = 64
KEPT = 64  # of an account, in the core; each of its sessions, which are fewer, has one look-up under way
DIGEST_BYTES = 16


def name_of(session: Session, message: Message) -> str | None:
    return message.tags.get(RETRY_ID) if session.caps & RETRY else None


def send_once(turn: Turn, session: Session, draft: Draft, name: str) -> None:
    """Send a named message, unless it has been sent before. What its sender says next waits for the look-up."""
    if not 0 < len(name) <= NAME_CHARACTERS:
        text = f"a message is named by 1 to {NAME_CHARACTERS} characters"
        return turn.fail(session, draft.command, "INVALID_PARAMS", quoted(name), text)
    if "," in draft.targets:
        return turn.fail(session, draft.command, "INVALID_PARAMS", quoted(name), "a named message has one target")
    find = partial(turn.services.history.named, actor(session).id, name)
    return turn.wait(READS, session, find, partial(_found, draft=draft, name=name))


def _found(turn: Turn, session: Session, result: NamedMessage | Exception | None, *, draft: Draft, name: str) -> None:
    if isinstance(result, PoolFull):
        return turn.fail(session, draft.command, "TEMPORARILY_UNAVAILABLE", "too much to do; try again in a moment")
    if isinstance(result, Exception):
        raise result
    first = actor(session).named.get(name) or result
    if first is None:
        return _send(turn, session, draft, name)
    return _answer_again(turn, session, draft, first)


def _send(turn: Turn, session: Session, draft: Draft, name: str) -> None:
    event = relay.send_to(turn, session, draft, draft.targets)
    if event is not None:
        person = actor(session)
        row = NamedMessage(person.id, name, _key(turn, person, draft), _digest(draft), event.msgid, event.time)
        turn.record(row)
        _keep(turn, person, row)


def _keep(turn: Turn, person: Person, row: NamedMessage) -> None:
    if len(person.named) >= KEPT:
        turn.drop(person, "named", next(iter(person.named)))
    turn.put(person, "named", row.name, row)


def _answer_again(turn: Turn, session: Session, draft: Draft, first: NamedMessage) -> None:
    """To this session alone, and whatever has become of the target since: the message is stored."""
    person = actor(session)
    if _key(turn, person, draft) != first.target or _digest(draft) != first.digest:
        text = "another message was sent under this name"
        return turn.fail(session, draft.command, "ID_REUSED", quoted(first.name), text)
    shown = _shown(turn, draft.targets)
    if shown is not None:
        relay.echo(turn, session, relay.as_sent(person, draft, shown, first.time, first.msgid))
    return None


def _shown(turn: Turn, name: str) -> str | None:
    """The target in its own spelling, if there is such a channel or person."""
    mark = name[0] if relay.is_status(name) else ""
    plain = name.removeprefix(mark)
    target = turn.directory.channel(plain) if plain.startswith(CHANNEL_PREFIX) else turn.directory.person(plain)
    return mark + target.name if target is not None else None


def _key(turn: Turn, person: Person, draft: Draft) -> str:
    """By which two targets are the same; empty for a person that there is not."""
    if draft.targets.startswith(CHANNEL_PREFIX) or relay.is_status(draft.targets):
        return fold(draft.targets)
    other = turn.directory.person(draft.targets)
    return pair(person.id, other.id) if other is not None else ""


def _digest(draft: Draft) -> bytes:
    return hashlib.sha256(f"{draft.command} {draft.text}".encode()).digest()[:DIGEST_BYTES]
