"""MARKREAD: up to when an account has read a conversation, known to all its sessions and to nobody else.

Source: IRCv3 draft/read-marker.
"""

from __future__ import annotations

from securechat.protocol import names, numerics
from securechat.protocol.capabilities import READ_MARKER
from securechat.protocol.message import Message, quoted
from securechat.server import burst, presence
from securechat.server.actor import actor
from securechat.server.command import Command
from securechat.server.playback import milliseconds, target_named
from securechat.server.relay import key_of
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import ReadMarkerStored


def markread(turn: Turn, session: Session, message: Message) -> None:
    if not session.caps & READ_MARKER:
        return turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    if not message.params:
        return turn.fail(session, "MARKREAD", "NEED_MORE_PARAMS", "missing parameters")
    name, *when = message.params
    return _move(turn, session, name, when[0]) if when else _show(turn, session, name)


def _show(turn: Turn, session: Session, name: str) -> None:
    """One's own marker is no secret, and of what there is none, `*` tells nothing."""
    if not (names.is_channel_name(name) or names.is_account_name(name)):
        return _no_target(turn, session, name)
    person, other = actor(session), turn.directory.person(name)
    key = names.fold(name) if other is None else key_of(person, other)
    return burst.read_marker(turn, session, name, key)


def _move(turn: Turn, session: Session, name: str, written: str) -> None:
    """It only ever rises, and not above now or the newest entry, whose time may be ahead of the clock."""
    person, target = actor(session), target_named(turn, actor(session), name)
    if target is None:
        return _no_target(turn, session, name)
    kind, _, value = written.partition("=")
    try:
        wanted = milliseconds(value if kind == "timestamp" else "")
    except ValueError:
        return turn.fail(session, "MARKREAD", "INVALID_PARAMS", quoted(written), "expected timestamp=…")
    key = key_of(person, target)
    newest = max(turn.milliseconds, turn.directory.last_times.get(key, 0))
    time = max(0, min(wanted, newest))
    if time > person.read_markers.get(key, -1):
        turn.put(person, "read_markers", key, time)
        turn.record(ReadMarkerStored(person.id, key, time))
        for other in presence.sessions(person):
            if other is not session and other.caps & READ_MARKER:
                burst.read_marker(turn, other, target.name, key)
    return burst.read_marker(turn, session, target.name, key)


def _no_target(turn: Turn, session: Session, name: str) -> None:
    turn.fail(session, "MARKREAD", "INVALID_TARGET", quoted(name), "nothing to read here for you")


COMMANDS = {"MARKREAD": Command(markread)}
