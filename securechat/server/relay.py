"""A message on its way from one person to others: to whom it may go, what is stored of it, and what each is sent."""

from __future__ import annotations

from itertools import chain

import msgspec

from securechat.chat import access
from securechat.chat.channel import PREFIXES, Channel
from securechat.chat.person import Person
from securechat.protocol import numerics
from securechat.protocol.capabilities import ECHO_MESSAGE, MESSAGE_TAGS
from securechat.protocol.lines import BODY_BYTES
from securechat.protocol.message import quoted
from securechat.protocol.multiline import longest_line
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import multiline, presence
from securechat.server.actor import actor
from securechat.server.event import Event, kept_alone
from securechat.server.isupport import TARGETS
from securechat.server.msgids import new_msgid
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import pair

STATUSES = {mark: role for role, mark, _ in PREFIXES}  # the marks before a channel's name, for STATUSMSG
AROUND_TEXT = len(" :\r\n")


class Draft(msgspec.Struct, frozen=True, gc=False):
    """What somebody wants to be sent."""

    command: str
    targets: str  # with commas, as written
    text: str | None  # None: tags alone; several lines as `protocol.multiline` writes them
    tags: str = ""  # client-only ones, as on the wire
    labelled: bool = False

    def __repr__(self) -> str:
        """Without what somebody said."""
        return f"Draft(command={self.command!r}, targets={self.targets!r})"


def send(turn: Turn, session: Session, draft: Draft) -> None:
    targets = dict.fromkeys(draft.targets.split(","))
    if len(targets) > TARGETS:
        return refuse(turn, session, draft, numerics.ERR_TOOMANYTARGETS, draft.command)
    for name in targets:
        send_to(turn, session, draft, name)
    return None


def send_to(turn: Turn, session: Session, draft: Draft, name: str) -> Event | None:
    """Send it to one channel or person; what was sent, or None when it was refused."""
    actor(session).last_active = turn.now
    if name.startswith(CHANNEL_PREFIX):
        return _to_channel(turn, session, draft, name)
    if is_status(name):
        return _to_status(turn, session, draft, name)
    return _to_person(turn, session, draft, name)


def is_status(name: str) -> bool:
    """Whether those with a role in a channel are meant, as by `@#ops`."""
    return name[:1] in STATUSES and name[1:].startswith(CHANNEL_PREFIX)


def refuse(turn: Turn, session: Session, draft: Draft, numeric: str, *params: str) -> None:
    """Two bots must not keep each other busy: the refusal of a NOTICE is told to those only who asked, by a label.

    Source: Modern IRC, "NOTICE message".
    """
    if draft.command != "NOTICE" or draft.labelled:
        turn.standard(session, numeric, *params)


def _open_channel(turn: Turn, session: Session, draft: Draft, name: str) -> Channel | None:
    """The channel if the sender may speak there, and is known to be; else the refusal was replied."""
    person, channel = actor(session), turn.directory.channel(name)
    if channel is None or not access.may_see(channel, person):  # a hidden one looks like none
        refuse(turn, session, draft, numerics.ERR_NOSUCHCHANNEL, quoted(name))
        return None
    if not access.may_speak(channel, person):
        refuse(turn, session, draft, numerics.ERR_CANNOTSENDTOCHAN, channel.name)
        return None
    presence.show_if_unannounced(turn, channel, person)
    return channel


def _to_channel(turn: Turn, session: Session, draft: Draft, name: str) -> Event | None:
    channel = _open_channel(turn, session, draft, name)
    if channel is None:
        return None
    event = _event(turn, session, draft, channel.name, channel.key)
    if event is not None:
        turn.tell(channel, event, skip=(session,), needs=MESSAGE_TAGS if draft.text is None else 0)
        echo(turn, session, event)
    return event


def _to_status(turn: Turn, session: Session, draft: Draft, name: str) -> Event | None:
    """To those with a role in a channel: said, but not stored, for a channel's history is for all its members."""
    mark, person, channel = name[0], actor(session), _open_channel(turn, session, draft, name[1:])
    if channel is None:
        return None
    event = _event(turn, session, draft, mark + channel.name, None)
    if event is not None:
        meant = (
            one for one in channel.members if channel.role(one) >= STATUSES[mark] and access.may_read(channel, one)
        )
        receivers = dict.fromkeys(chain.from_iterable(map(presence.sessions, (*meant, person))))
        del receivers[session]  # the sender's own has the echo
        turn.tell_each((one for one in receivers if draft.text is not None or one.caps & MESSAGE_TAGS), event)
        echo(turn, session, event)
    return event


def _to_person(turn: Turn, session: Session, draft: Draft, name: str) -> Event | None:
    person, other = actor(session), turn.directory.person(name)
    if other is None or not other.active:
        refuse(turn, session, draft, numerics.ERR_NOSUCHNICK, quoted(name))
        return None
    event = _event(turn, session, draft, other.name, pair(person.id, other.id))
    if event is None:
        return None
    own = (one for one in presence.sessions(person) if one is not session)
    receivers = {**dict.fromkeys(presence.sessions(other)), **dict.fromkeys(own)}
    turn.tell_each((one for one in receivers if draft.text is not None or one.caps & MESSAGE_TAGS), event)
    echo(turn, session, event)
    if other.away is not None and draft.command == "PRIVMSG":
        turn.reply(session, numerics.RPL_AWAY, other.name, other.away)
    return event


def _event(turn: Turn, session: Session, draft: Draft, shown: str, key: str | None) -> Event | None:
    """The event, stored unless there is no key or it is of the moment; None when a relayed line would be too long."""
    person = actor(session)
    if draft.text is None:
        return _tags_alone(turn, person, draft, shown, key)
    head = _head(person, draft, shown)
    if len(head.encode()) + AROUND_TEXT + longest_line(draft.text) > BODY_BYTES:
        refuse(turn, session, draft, numerics.ERR_INPUTTOOLONG)  # never shortened: what is stored is what is delivered
        return None
    time = turn.milliseconds if key is None else turn.stamp(key)
    msgid = new_msgid(turn.milliseconds)
    event = multiline.event(head, draft.text, time, msgid, person.name, draft.tags, bot=person.bot)
    if key is not None:
        turn.keep(event, person, key, draft.command, draft.text)
    return event


def _tags_alone(turn: Turn, person: Person, draft: Draft, shown: str, key: str | None) -> Event:
    words = f"TAGMSG {shown}"
    if key is None or not kept_alone(draft.tags):
        return turn.event(person, words, tags=draft.tags)
    event = turn.event(person, words, time=turn.stamp(key), tags=draft.tags)
    turn.keep(event, person, key, draft.command, "")
    return event


def as_sent(person: Person, draft: Draft, shown: str, time: int, msgid: str) -> Event:
    """A message that was sent already, as it was relayed then."""
    assert draft.text is not None
    return multiline.event(
        _head(person, draft, shown), draft.text, time, msgid, person.name, draft.tags, bot=person.bot
    )


def _head(person: Person, draft: Draft, shown: str) -> str:
    """What stands before the text; `shown` is the target in its own spelling."""
    return f":{person.source} {draft.command} {shown}"


def key_of(person: Person, target: Channel | Person) -> str:
    """What the store calls the history that person and target share."""
    return target.key if isinstance(target, Channel) else pair(person.id, target.id)


def echo(turn: Turn, session: Session, event: Event) -> None:
    if session.caps & ECHO_MESSAGE:
        turn.echo(session, event)
