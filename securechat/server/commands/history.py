"""CHATHISTORY: what was said, for those who may read it now.

Source: IRCv3 draft/chathistory.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from securechat.chat import access
from securechat.protocol.message import Message, quoted
from securechat.server import playback
from securechat.server.actor import actor
from securechat.server.command import Command
from securechat.server.event import timestamp
from securechat.server.isupport import HISTORY_ENTRIES
from securechat.server.playback import Target
from securechat.server.relay import key_of
from securechat.server.reply import Line
from securechat.server.services import READS, PoolFull, Selection
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.errors import StoreError
from securechat.store.history import UnknownMessage
from securechat.store.rows import Entry

REFERENCES = {"LATEST": 1, "BEFORE": 1, "AFTER": 1, "AROUND": 1, "BETWEEN": 2}
TOO_MUCH = "too much to do; try again in a few seconds"


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
    name, limit = words[0], _limit(subcommand, words[count + 1])
    key = key_of(actor(session), _target(turn, session, subcommand, name))
    references = tuple(_reference(subcommand, name, word) for word in words[1 : count + 1])
    _read(turn, session, name, Selection(subcommand, key, references, limit, playback.kinds(session)))


def _read(turn: Turn, session: Session, name: str, selection: Selection) -> None:
    read = partial(turn.services.history.select, selection)
    turn.wait(READS, session, read, partial(_show, name=name, selection=selection))


def _ask_targets(turn: Turn, session: Session, words: Sequence[str]) -> None:
    _check_count("TARGETS", words, 3)
    bounds = [_reference("TARGETS", "*", word) for word in words[:2]]
    times = [bound for bound in bounds if isinstance(bound, int)]
    if len(times) < 2:
        raise Refused("INVALID_MSGREFTYPE", "TARGETS", "*", "expected timestamp=…")
    after, before = times
    person = actor(session)
    channels = [channel.key for channel in person.channels if access.may_read(channel, person)]
    limit, kinds = _limit("TARGETS", words[2]), playback.kinds(session)
    read = partial(turn.services.history.targets, person.id, channels, after, before, limit, kinds)
    turn.wait(READS, session, read, _show_targets)


def _check_count(subcommand: str, words: Sequence[str], count: int) -> None:
    if len(words) != count:
        raise Refused("INVALID_PARAMS", subcommand, f"expected {count} parameters after {subcommand}")


def _target(turn: Turn, session: Session, subcommand: str, name: str) -> Target:
    """Whom or what the history is of; whether it exists is nobody's business who may not read it."""
    target = playback.target_named(turn, actor(session), name)
    if target is None:
        raise Refused("INVALID_TARGET", subcommand, quoted(name), "no history here for you")
    return target


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
        return playback.milliseconds(value)
    except ValueError:
        raise Refused("INVALID_PARAMS", subcommand, quoted(word), "not a timestamp") from None


def _limit(subcommand: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < len(word) < 10 and int(word)):
        raise Refused("INVALID_PARAMS", subcommand, quoted(word), "not a number above 0")
    return min(int(word), HISTORY_ENTRIES)


def _show(
    turn: Turn, session: Session, result: Sequence[Entry] | Exception, *, name: str, selection: Selection
) -> None:
    """What may have changed meanwhile is asked once more: whether he may read, and what was redacted."""
    try:
        target = _target(turn, session, selection.subcommand, name)
        if isinstance(result, UnknownMessage):
            raise Refused("MESSAGE_ERROR", selection.subcommand, quoted(name), "no such msgid here")
        if isinstance(result, PoolFull | StoreError):
            raise Refused("MESSAGE_ERROR", selection.subcommand, quoted(name), TOO_MUCH)
    except Refused as refused:
        return turn.fail(session, "CHATHISTORY", *refused.args)
    if isinstance(result, Exception):
        raise result
    if any(entry.msgid in turn.directory.redacted for entry in result):
        return _read(turn, session, name, selection)
    lines = [line for entry in result for line in playback.lines(turn, session, target, entry)]
    return playback.send(turn, session, f"chathistory {name}", lines)  # as he calls it: some clients look for just that


def _show_targets(turn: Turn, session: Session, result: Sequence[tuple[str, int]] | Exception) -> None:
    if isinstance(result, PoolFull | StoreError):
        return turn.fail(session, "CHATHISTORY", "MESSAGE_ERROR", "TARGETS", "*", TOO_MUCH)
    if isinstance(result, Exception):
        raise result
    named = ((playback.target_stored(turn, actor(session), key), time) for key, time in result)
    lines = [
        Line("", f":{turn.server} CHATHISTORY TARGETS {target.name} {timestamp(time)}")
        for target, time in named
        if target is not None
    ]
    return playback.send(turn, session, "draft/chathistory-targets", lines)


COMMANDS = {"CHATHISTORY": Command(chathistory, fewest_params=1)}
