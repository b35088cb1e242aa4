"""From a message to its handler: the table of commands, and what is refused before any handler runs."""

from __future__ import annotations

from collections.abc import Mapping

from securechat.protocol.capabilities import MULTILINE
from securechat.protocol.lines import Fault, Unreadable
from securechat.protocol.message import Message, quoted
from securechat.protocol.numerics import (
    ERR_ALREADYREGISTERED,
    ERR_INPUTTOOLONG,
    ERR_NEEDMOREPARAMS,
    ERR_NOTREGISTERED,
    ERR_UNKNOWNCOMMAND,
)
from securechat.server import presence
from securechat.server.command import QUESTION, TRIFLE, Command
from securechat.server.commands import (
    channels,
    help,
    history,
    information,
    messages,
    modes,
    monitor,
    multiline,
    opers,
    passwd,
    people,
    read_marker,
    redaction,
    registration,
    search,
    tokens,
    who,
)
from securechat.server.session import Session, Stage
from securechat.server.turn import Turn

COMMANDS: Mapping[str, Command] = {
    **registration.COMMANDS,
    **channels.COMMANDS,
    **modes.COMMANDS,
    **messages.COMMANDS,
    **multiline.COMMANDS,
    **history.COMMANDS,
    **redaction.COMMANDS,
    **read_marker.COMMANDS,
    **search.COMMANDS,
    **people.COMMANDS,
    **who.COMMANDS,
    **monitor.COMMANDS,
    **information.COMMANDS,
    **help.COMMANDS,
    **opers.COMMANDS,
    **passwd.COMMANDS,
    **tokens.COMMANDS,
}

# A browser made to speak to this port must not get a single word through. Source: cross-protocol attacks on IRC.
HTTP_VERBS = frozenset({"GET", "POST", "HEAD", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})


def dispatch(turn: Turn, session: Session, message: Message | Unreadable) -> None:
    if session.registration is not None and not _within_registration(turn, session, message):
        return
    if isinstance(message, Unreadable):
        return unreadable(turn, session, message)
    command = COMMANDS.get(message.command)
    if command is None or command.stage not in (None, session.stage):
        _out_of_place(turn, session, message, command)
    elif len(message.params) < command.fewest_params:
        turn.standard(session, ERR_NEEDMOREPARAMS, message.command)
    elif _is_part(session, message):
        multiline.take(turn, session, message)
    else:
        command.handler(turn, session, message)


def _out_of_place(turn: Turn, session: Session, message: Message, command: Command | None) -> None:
    if session.stage is Stage.REGISTERING:
        turn.standard(session, ERR_NOTREGISTERED)
    elif command is None:
        turn.standard(session, ERR_UNKNOWNCOMMAND, quoted(message.command))
    else:
        turn.standard(session, ERR_ALREADYREGISTERED)


def cost(session: Session, message: Message | Unreadable | None) -> float:
    """What a line costs the account that says it; None is an empty one."""
    if message is None:
        return TRIFLE
    command = COMMANDS.get(message.command) if isinstance(message, Message) else None
    if isinstance(message, Unreadable) or command is None or _is_part(session, message):
        return QUESTION
    return command.cost(session, message)


def _is_part(session: Session, message: Message) -> bool:
    """Whether it is a line of a message of several."""
    return "batch" in message.tags and bool(session.caps & MULTILINE)


def _within_registration(turn: Turn, session: Session, message: Message | Unreadable) -> bool:
    registration = session.registration
    assert registration is not None
    turn.set(registration, "commands", registration.commands + 1)
    if registration.commands > turn.settings.limits.registration_commands:
        presence.end(turn, session, "too many commands before login")
    elif isinstance(message, Message) and _is_http(message):
        presence.end(turn, session, "this is a chat server; it speaks IRC, not HTTP")
    return session.stage is not Stage.CLOSED


def _is_http(message: Message) -> bool:
    return message.command in HTTP_VERBS and bool(message.params) and message.params[-1].startswith("HTTP/")


def unreadable(turn: Turn, session: Session, line: Unreadable) -> None:
    """Tell the sender why a line was dropped; a line without a command is dropped like an empty one."""
    match line.fault:
        case Fault.TOO_LONG:
            turn.standard(session, ERR_INPUTTOOLONG)
        case Fault.NOT_UTF8:
            turn.fail(session, "*", "INVALID_UTF8", "the line is not UTF-8 and was dropped")
        case Fault.CONTROL:
            turn.fail(session, "*", "INVALID_LINE", "the line holds a CR or NUL and was dropped")
        case Fault.NO_COMMAND:
            turn.fail(session, "*", "INVALID_LINE", "the line holds no command and was dropped")
