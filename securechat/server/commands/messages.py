"""What people say: PRIVMSG, NOTICE, TAGMSG, to channels and to one another."""

from __future__ import annotations

from securechat.chat import access
from securechat.chat.channel import PREFIXES, Channel
from securechat.protocol import numerics
from securechat.protocol.capabilities import ECHO_MESSAGE, MESSAGE_TAGS
from securechat.protocol.lines import BODY_BYTES
from securechat.protocol.message import Message, quoted
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import presence
from securechat.server.actor import actor
from securechat.server.command import Command
from securechat.server.event import Event, client_only
from securechat.server.isupport import TARGETS
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import pair

STATUSES = {mark: role for role, mark, _ in PREFIXES}  # the marks before a channel's name, for STATUSMSG


def say(turn: Turn, session: Session, message: Message) -> None:
    """PRIVMSG and NOTICE differ in what clients make of them, and in that a NOTICE is not answered by itself."""
    if not message.params or not message.params[0]:
        return _refuse(turn, session, message, numerics.ERR_NORECIPIENT)
    if len(message.params) < 2 or not message.params[1]:
        return _refuse(turn, session, message, numerics.ERR_NOTEXTTOSEND)
    return _to_each(turn, session, message, message.params[1])


def _refuse(turn: Turn, session: Session, message: Message, numeric: str, *params: str) -> None:
    """Two bots must not keep each other busy: the refusal of a NOTICE is told to those only who asked, by a label.

    Source: Modern IRC, "NOTICE message".
    """
    if message.command != "NOTICE" or message.label is not None:
        turn.standard(session, numeric, *params)


def tagmsg(turn: Turn, session: Session, message: Message) -> None:
    """Tags alone; nothing of it is stored, and clients without message-tags never see it."""
    if not session.caps & MESSAGE_TAGS:
        return turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    if not message.params or not message.params[0]:
        return turn.standard(session, numerics.ERR_NORECIPIENT)
    return _to_each(turn, session, message, None)


def _to_each(turn: Turn, session: Session, message: Message, text: str | None) -> None:
    targets = dict.fromkeys(message.params[0].split(","))
    if len(targets) > TARGETS:
        return _refuse(turn, session, message, numerics.ERR_TOOMANYTARGETS, message.command)
    actor(session).last_active = turn.now
    for name in targets:
        if name.startswith(CHANNEL_PREFIX):
            _to_channel(turn, session, message, name, text)
        elif name[:1] in STATUSES and name[1:].startswith(CHANNEL_PREFIX):
            _to_status(turn, session, message, name, text)
        else:
            _to_person(turn, session, message, name, text)
    return None


def _open_channel(turn: Turn, session: Session, message: Message, name: str) -> Channel | None:
    """The channel if the sender may speak there, and is known to be; else the refusal was replied."""
    person, channel = actor(session), turn.directory.channel(name)
    if channel is None or not access.may_see(channel, person):  # a hidden one looks like none
        _refuse(turn, session, message, numerics.ERR_NOSUCHCHANNEL, quoted(name))
        return None
    if not access.may_speak(channel, person):
        _refuse(turn, session, message, numerics.ERR_CANNOTSENDTOCHAN, channel.name)
        return None
    presence.show_if_unannounced(turn, channel, person)
    return channel


def _to_channel(turn: Turn, session: Session, message: Message, name: str, text: str | None) -> None:
    channel = _open_channel(turn, session, message, name)
    if channel is None:
        return
    event = _event(turn, session, message, channel.key, channel.name, text)
    if event is not None:
        turn.tell(channel, event, skip=(session,), needs=MESSAGE_TAGS if text is None else 0)
        _echo(turn, session, event)


def _to_status(turn: Turn, session: Session, message: Message, name: str, text: str | None) -> None:
    """To those with a role in a channel: said, but not stored, for a channel's history is for all its members."""
    mark, person, channel = name[0], actor(session), _open_channel(turn, session, message, name[1:])
    if channel is None:
        return
    event = _event(turn, session, message, None, mark + channel.name, text)
    if event is not None:
        meant = (
            one for one in channel.members if channel.role(one) >= STATUSES[mark] and access.may_read(channel, one)
        )
        receivers = {session: None for one in (*meant, person) for session in presence.sessions(one)}
        del receivers[session]
        turn.tell_each((one for one in receivers if text is not None or one.caps & MESSAGE_TAGS), event)
        _echo(turn, session, event)


def _to_person(turn: Turn, session: Session, message: Message, name: str, text: str | None) -> None:
    person, other = actor(session), turn.directory.person(name)
    if other is None or not other.active:
        return _refuse(turn, session, message, numerics.ERR_NOSUCHNICK, quoted(name))
    event = _event(turn, session, message, pair(person.id, other.id), other.name, text)
    if event is None:
        return
    own = (one for one in presence.sessions(person) if one is not session)
    receivers = {**dict.fromkeys(presence.sessions(other)), **dict.fromkeys(own)}
    turn.tell_each((one for one in receivers if text is not None or one.caps & MESSAGE_TAGS), event)
    _echo(turn, session, event)
    if other.away is not None and message.command == "PRIVMSG":
        turn.reply(session, numerics.RPL_AWAY, other.name, other.away)


def _event(
    turn: Turn, session: Session, message: Message, target: str | None, shown_target: str, text: str | None
) -> Event | None:
    """The event, stored unless there is no target or no text; None when its relayed line would be too long."""
    person, tags = actor(session), client_only(message.tags)
    if text is None:
        return turn.event(person, f"TAGMSG {shown_target}", tags=tags)
    words = f"{message.command} {shown_target} :{text}"
    relayed = f":{person.source} {words}"
    if len(relayed.encode()) + 2 > BODY_BYTES:  # refused, never shortened: what is stored is what is delivered
        _refuse(turn, session, message, numerics.ERR_INPUTTOOLONG)
        return None
    if target is None:
        return turn.event(person, words, tags=tags)
    event = turn.event(person, words, time=turn.stamp(target), tags=tags)
    turn.keep(event, person, target, message.command, text)
    return event


def _echo(turn: Turn, session: Session, event: Event) -> None:
    if session.caps & ECHO_MESSAGE:
        turn.echo(session, event)


COMMANDS = {"PRIVMSG": Command(say), "NOTICE": Command(say), "TAGMSG": Command(tagmsg)}
