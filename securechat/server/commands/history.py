"""CHATHISTORY: what was said, for those who may read it now.

Source: IRCv3 draft/chathistory.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.protocol.capabilities import BATCH
from securechat.protocol.message import Message, quoted
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import entries
from securechat.server.actor import actor
from securechat.server.command import Command
from securechat.server.entries import Target
from securechat.server.event import timestamp
from securechat.server.isupport import HISTORY_ENTRIES
from securechat.server.services import READS, PoolFull, Selection
from securechat.server.session import Session
from securechat.server.turn import Batch, Line, Turn
from securechat.store.history import UnknownMessage
from securechat.store.rows import Entry, pair

REFERENCES = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}


class Refused(Exception):
    """The request cannot be answered: code, then the words of the FAIL."""


def chathistory(turn: Turn, session: Session, message: Message) -> None:
    subcommand = message.params[0].upper()
    try:
        if subcommand == "TARGETS":
            _ask_targets(turn, session, message.params[1:])
        elif subcommand in REFERENCES:
            _ask(turn, session, subcommand, message.params[1:])
        else:
            raise Refused("INVALID_PARAMS", quoted(subcommand), "unknown subcommand")
    except Refused as refused:
        turn.fail(session, "CHATHISTORY", *refused.args)


def _ask(turn: Turn, session: Session, subcommand: str, words: Sequence[str]) -> None:
    count = REFERENCES[subcommand]
    _check_count(subcommand, words, count + 2)
    target = _target(turn, session, subcommand, words[0])
    references = tuple(_reference(subcommand, words[0], word) for word in words[1 : count + 1])
    selection = Selection(subcommand, _key(session, target), references, _limit(subcommand, words[count + 1]))
    read = partial(turn.services.history.select, selection)
    turn.wait(READS, session, read, partial(_show, name=words[0], subcommand=subcommand))


def _ask_targets(turn: Turn, session: Session, words: Sequence[str]) -> None:
    _check_count("TARGETS", words, 3)
    bounds = [_reference("TARGETS", "*", word) for word in words[:2]]
    times = [bound for bound in bounds if isinstance(bound, int)]
    if len(times) < 2:
        raise Refused("INVALID_MSGREFTYPE", "TARGETS", "*", "expected timestamp=…")
    after, before = times
    person = actor(session)
    channels = [channel.key for channel in person.channels if access.may_read(channel, person)]
    limit = _limit("TARGETS", words[2])
    read = partial(turn.services.history.targets, person.id, channels, after, before, limit)
    turn.wait(READS, session, read, _show_targets)


def _check_count(subcommand: str, words: Sequence[str], count: int) -> None:
    if len(words) != count:
        raise Refused("INVALID_PARAMS", subcommand, f"expected {count} parameters after {subcommand}")


def _target(turn: Turn, session: Session, subcommand: str, name: str) -> Target:
    """Whom or what the history is of; whether it exists is nobody's business who may not read it."""
    person = actor(session)
    target: Target | None
    if name.startswith(CHANNEL_PREFIX):
        target = turn.directory.channel(name)
        if target is not None and not access.may_read(target, person):
            target = None
    else:
        target = turn.directory.person(name)
    if target is None:
        raise Refused("INVALID_TARGET", subcommand, quoted(name), "no history here for you")
    return target


def _key(session: Session, target: Target) -> str:
    return target.key if isinstance(target, Channel) else pair(actor(session).id, target.id)


def _reference(subcommand: str, target: str, word: str) -> int | str | None:
    """A time in milliseconds, a msgid, or None for `*`, which only LATEST knows."""
    kind, _, value = word.partition("=")
    if word == "*" and subcommand == "LATEST":
        return None
    if kind == "msgid" and value:
        return value
    if kind != "timestamp":
        raise Refused("INVALID_MSGREFTYPE", subcommand, quoted(target), quoted(word), "expected msgid=… or timestamp=…")
    try:
        moment = datetime.fromisoformat(value)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000 + 0.5)
    except (ValueError, OverflowError):
        raise Refused("INVALID_PARAMS", subcommand, quoted(word), "not a timestamp") from None


def _limit(subcommand: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < len(word) < 10 and int(word)):
        raise Refused("INVALID_PARAMS", subcommand, quoted(word), "not a number above 0")
    return min(int(word), HISTORY_ENTRIES)


def _show(turn: Turn, session: Session, result: Sequence[Entry] | Exception, *, name: str, subcommand: str) -> None:
    """Whether the reader may read is asked once more: he may have been thrown out meanwhile."""
    try:
        target = _target(turn, session, subcommand, name)
        if isinstance(result, UnknownMessage):
            raise Refused("INVALID_PARAMS", subcommand, "no such msgid here")
        if isinstance(result, PoolFull):
            raise Refused("MESSAGE_ERROR", subcommand, quoted(name), "too much to do; try again in a few seconds")
    except Refused as refused:
        return turn.fail(session, "CHATHISTORY", *refused.args)
    if isinstance(result, Exception):
        raise result
    return _send(turn, session, f"chathistory {target.name}", [_line(turn, session, target, one) for one in result])


def _line(turn: Turn, session: Session, target: Target, entry: Entry) -> Line:
    event = entries.event(turn, actor(session), target, entry)
    return Line(event.tags(session.caps), event.body)


def _show_targets(turn: Turn, session: Session, result: Sequence[tuple[str, int]] | Exception) -> None:
    if isinstance(result, PoolFull):
        return turn.fail(session, "CHATHISTORY", "MESSAGE_ERROR", "TARGETS", "too much to do; try again soon")
    if isinstance(result, Exception):
        raise result
    found = ((entries.target(turn, actor(session), key), time) for key, time in result)
    named = [(target.name, timestamp(time)) for target, time in found if target is not None]
    lines = [Line("", f":{turn.server} CHATHISTORY TARGETS {name} {time}") for name, time in named]
    return _send(turn, session, "draft/chathistory-targets", lines)


def _send(turn: Turn, session: Session, kind: str, lines: Sequence[Line]) -> None:
    if session.caps & BATCH:
        return turn.send(session, Batch(kind, lines))
    for line in lines:
        turn.send(session, line)
    return None


COMMANDS = {"CHATHISTORY": Command(chathistory, fewest_params=1)}
