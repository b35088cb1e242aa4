"""Channels: JOIN, PART, TOPIC, NAMES, LIST, KICK, INVITE."""

from __future__ import annotations

from itertools import zip_longest

from securechat.chat import access
from securechat.chat.channel import DEFAULT_MODES, OPERATOR, Channel
from securechat.chat.person import Person
from securechat.protocol import names, numerics
from securechat.protocol.capabilities import INVITE_NOTIFY
from securechat.protocol.message import Message, quoted
from securechat.server import burst, presence
from securechat.server.actor import actor, member_channel, read_channel
from securechat.server.command import MESSAGE, QUESTION, Command, asks, tells, tells_each
from securechat.server.isupport import REASON_BYTES, TOPIC_BYTES, cut
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import ChannelRemoved, ChannelStored, MemberRemoved, MemberStored


def join(turn: Turn, session: Session, message: Message) -> None:
    if message.params[0] == "0":
        return _part_all(turn, session)
    passwords = message.params[1].split(",") if len(message.params) > 1 else []
    names_wanted = message.params[0].split(",")
    wanted = dict(zip_longest(names_wanted, passwords[: len(names_wanted)]))
    for name, password in wanted.items():
        _join_one(turn, session, name, password)
    return None


def _join_one(turn: Turn, session: Session, name: str, password: str | None) -> None:
    person = actor(session)
    channel = turn.directory.channel(name)
    if channel is not None and person in channel.members:
        return
    if not names.is_channel_name(name):
        turn.standard(session, numerics.ERR_BADCHANMASK, quoted(name))
    elif len(person.channels) + _left_empty(turn, person, channel) >= turn.settings.limits.channels_per_account:
        turn.standard(session, numerics.ERR_TOOMANYCHANNELS, name)
    elif channel is None:
        enter(turn, session, _create(turn, name), OPERATOR)
    elif refusal := access.refused_at_join(channel, person, password):
        turn.standard(session, refusal, channel.name)
    else:
        enter(turn, session, channel, 0)


def bring(turn: Turn, session: Session, name: str) -> None:
    """Make the session's account a member where the server's operator sends it: nothing but a ban is in the way."""
    person, channel = actor(session), turn.directory.channel(name)
    if channel is None:
        enter(turn, session, _create(turn, name), OPERATOR)
    elif person not in channel.members and not channel.banned(person):
        enter(turn, session, channel, 0)


def _left_empty(turn: Turn, person: Person, wanted: Channel | None) -> int:
    """How many channels with something in them the person left as the last one; they count for who makes another."""
    if wanted is not None:
        return 0
    return sum(channel.left_by is person for channel in turn.directory.channels.values())


def _create(turn: Turn, name: str) -> Channel:
    key = names.fold(name)
    stored = ChannelStored(key, name, turn.milliseconds, "", "", 0, DEFAULT_MODES, None, None)
    channel = Channel(stored, key in turn.directory.autojoin)
    turn.put(turn.directory, "channels", key, channel)
    turn.record(stored)
    return channel


def enter(turn: Turn, session: Session, channel: Channel, role: int) -> None:
    """Make the session's account a member and show it to all."""
    person = actor(session)
    turn.put(channel, "members", person, role)
    turn.set(channel, "left_by", None)
    turn.put(person, "channels", channel, None)
    turn.drop(channel, "invited", person)
    event = presence.joined(turn, channel, person, turn.stamp(channel.key))
    turn.record(MemberStored(channel.key, person.id, role))
    turn.keep(event, person, channel.key, "JOIN", "")
    turn.tell(channel, event, skip=(session,))
    turn.echo(session, event)
    if letters := channel.role_letters(person):
        presence.show_mode(turn, channel, "+" + letters, person, skip=tuple(presence.sessions(person)))
    presence.show_away(turn, channel, person)
    for other in presence.sessions(person):
        burst.enter(turn, other, channel)


def part(turn: Turn, session: Session, message: Message) -> None:
    reason = cut(message.params[1], REASON_BYTES) if len(message.params) > 1 else ""
    for name in dict.fromkeys(message.params[0].split(",")):
        channel = member_channel(turn, session, name)
        if channel is not None:
            _leave(turn, session, channel, reason)


def _part_all(turn: Turn, session: Session) -> None:
    for channel in list(actor(session).channels):
        _leave(turn, session, channel, "")


def _leave(turn: Turn, session: Session, channel: Channel, reason: str) -> None:
    person = actor(session)
    presence.show_if_unannounced(turn, channel, person)
    words = f"PART {channel.name} :{reason}" if reason else f"PART {channel.name}"
    _end_membership(turn, session, channel, person, words, f":{reason}" if reason else "")


def _end_membership(turn: Turn, session: Session, channel: Channel, member: Person, words: str, text: str) -> None:
    """Show it, keep it as an event with this `text`, and remove the member; an empty channel goes along."""
    person, goes = actor(session), _holds_nothing_but(turn, channel, member)
    event = turn.event(person, words, time=None if goes else turn.stamp(channel.key))
    if not goes:
        turn.keep(event, person, channel.key, words.partition(" ")[0], text)
    turn.tell(channel, event, skip=(session,))
    if channel.banned(member):  # who may not read the channel still sees himself leave it
        turn.tell_each((one for one in member.sessions if one is not session), event)
    turn.echo(session, event)
    turn.record(MemberRemoved(channel.key, member.id))
    presence.remove_member(turn, channel, member)
    if goes:
        _forget(turn, channel, member)
    elif not channel.members:
        turn.set(channel, "left_by", member)


def _holds_nothing_but(turn: Turn, channel: Channel, member: Person) -> bool:
    """Whether nothing came of the channel but its making by this member: its newest entry is its first."""
    untouched = turn.directory.last_times.get(channel.key) == channel.created
    return untouched and channel.is_plain and channel.members.keys() == {member}


def _forget(turn: Turn, channel: Channel, member: Person) -> None:
    turn.drop(turn.directory, "channels", channel.key)
    turn.drop(turn.directory, "last_times", channel.key)
    turn.drop(member, "read_markers", channel.key)
    turn.record(ChannelRemoved(channel.key, member.id))


def topic(turn: Turn, session: Session, message: Message) -> None:
    name, *wanted = message.params
    channel = read_channel(turn, session, name)
    if channel is None:
        return None
    if not wanted:
        return burst.topic(turn, session, channel) if channel.topic else _no_topic(turn, session, channel)
    if not access.may_set_topic(channel, actor(session)):
        return turn.standard(session, numerics.ERR_CHANOPRIVSNEEDED, channel.name)
    if len(wanted[0].encode()) > TOPIC_BYTES:
        return turn.standard(session, numerics.ERR_INPUTTOOLONG)
    return _set_topic(turn, session, channel, wanted[0])


def _no_topic(turn: Turn, session: Session, channel: Channel) -> None:
    turn.standard(session, numerics.RPL_NOTOPIC, channel.name)


def _set_topic(turn: Turn, session: Session, channel: Channel, text: str) -> None:
    person = actor(session)
    turn.set(channel, "topic", text)
    turn.set(channel, "topic_by", person.name)
    turn.set(channel, "topic_time", turn.milliseconds)
    turn.record(channel.stored())
    event = turn.event(person, f"TOPIC {channel.name} :{text}", time=turn.stamp(channel.key))
    turn.keep(event, person, channel.key, "TOPIC", f":{text}")
    turn.tell(channel, event, skip=(session,))
    turn.echo(session, event)


def names_(turn: Turn, session: Session, message: Message) -> None:
    """Without a channel there is nothing to list; a hidden channel looks like an empty one."""
    name = message.params[0].split(",")[0] if message.params else "*"
    channel = turn.directory.channel(name)
    if channel is None or not access.may_look(channel, actor(session)):
        turn.standard(session, numerics.RPL_ENDOFNAMES, quoted(name))
    else:
        burst.names(turn, session, channel)


def list_(turn: Turn, session: Session, message: Message) -> None:
    wanted = {names.fold(name) for name in message.params[0].split(",")} if message.params else None
    turn.standard(session, numerics.RPL_LISTSTART, "Channel")
    for key, channel in turn.directory.channels.items():
        if channel.members and (wanted is None or key in wanted) and access.may_look(channel, actor(session)):
            count = sum(1 for _ in channel.present())
            turn.reply(session, numerics.RPL_LIST, channel.name, str(count), channel.topic)
    turn.standard(session, numerics.RPL_LISTEND)


def kick(turn: Turn, session: Session, message: Message) -> None:
    person, target = actor(session), turn.directory.person(message.params[1])
    channel = member_channel(turn, session, message.params[0])
    if channel is None:
        return None
    if not channel.is_operator(person):
        return turn.standard(session, numerics.ERR_CHANOPRIVSNEEDED, channel.name)
    if target is None or target not in channel.members:
        return turn.standard(session, numerics.ERR_USERNOTINCHANNEL, quoted(message.params[1]), channel.name)
    presence.show_if_unannounced(turn, channel, target)
    reason = cut(message.params[2], REASON_BYTES) if len(message.params) > 2 else person.name
    words = f"KICK {channel.name} {target.name} :{reason}"
    return _end_membership(turn, session, channel, target, words, f"{target.name} :{reason}")


def invite(turn: Turn, session: Session, message: Message) -> None:
    person, target = actor(session), turn.directory.person(message.params[0])
    channel = read_channel(turn, session, message.params[1])
    if channel is None:
        return None
    if target is None or not target.active:
        return turn.standard(session, numerics.ERR_NOSUCHNICK, quoted(message.params[0]))
    if target in channel.members:
        return turn.standard(session, numerics.ERR_USERONCHANNEL, target.name, channel.name)
    if not access.may_invite(channel, person):
        return turn.standard(session, numerics.ERR_CHANOPRIVSNEEDED, channel.name)
    return _invite(turn, session, channel, target)


def _invite(turn: Turn, session: Session, channel: Channel, target: Person) -> None:
    person = actor(session)
    turn.put(channel, "invited", target, None)
    turn.reply(session, numerics.RPL_INVITING, target.name, channel.name)
    event = turn.event(person, f"INVITE {target.name} {channel.name}")
    turn.tell_each(target.sessions, event)
    turn.tell_each((one for one in channel.readers() if one.caps & INVITE_NOTIFY and one is not session), event)


def _cost_of_join(session: Session, message: Message) -> float:
    """Only channels that the account is not in yet: many clients name all of theirs at every start."""
    inside = {channel.key for channel in session.person.channels} if session.person is not None else set()
    wanted = message.params[0].split(",") if message.params else []
    told = len(inside) if wanted == ["0"] else sum(names.fold(name) not in inside for name in wanted)
    return QUESTION + MESSAGE * told


def _cost_of_topic(session: Session, message: Message) -> float:
    return tells(session, message) if len(message.params) > 1 else asks(session, message)


COMMANDS = {
    "JOIN": Command(join, fewest_params=1, cost=_cost_of_join),
    "PART": Command(part, fewest_params=1, cost=tells_each),
    "TOPIC": Command(topic, fewest_params=1, cost=_cost_of_topic),
    "NAMES": Command(names_),
    "LIST": Command(list_),
    "KICK": Command(kick, fewest_params=2, cost=tells),
    "INVITE": Command(invite, fewest_params=2, cost=tells),
}
