"""Who is who: WHOIS, WHOWAS, AWAY, SETNAME, USERHOST, ISON; WHO has its own module."""

from __future__ import annotations

from collections.abc import Iterable

from securechat.chat import access
from securechat.chat.channel import prefix
from securechat.chat.person import Person
from securechat.protocol import names, numerics
from securechat.protocol.capabilities import SETNAME
from securechat.protocol.message import Message, quoted
from securechat.server import presence
from securechat.server.actor import actor
from securechat.server.command import Command, tells
from securechat.server.event import timestamp
from securechat.server.isupport import REALNAME_BYTES, REASON_BYTES, cut
from securechat.server.session import Session
from securechat.server.turn import Turn

NAMES_ASKED = 5  # of one USERHOST
FOUND_BYTES = 400  # of names in one 302 or 303
CHANNELS_BYTES = 350  # of one 319


def whois(turn: Turn, session: Session, message: Message) -> None:
    """With two parameters the first is a server's name, which changes nothing here. 318 repeats what was asked."""
    asked = message.params[-1] if message.params else ""
    name = asked.split(",")[0]
    if not name:
        return turn.standard(session, numerics.ERR_NONICKNAMEGIVEN)
    person = turn.directory.person(name)
    if person is None or not person.present:
        turn.standard(session, numerics.ERR_NOSUCHNICK, quoted(name))
    else:
        _describe(turn, session, person)
    return turn.standard(session, numerics.RPL_ENDOFWHOIS, quoted(asked))


def _describe(turn: Turn, session: Session, person: Person) -> None:
    name = person.name
    turn.reply(session, numerics.RPL_WHOISUSER, name, person.user, person.host, "*", person.realname)
    for words in _channel_lines(actor(session), person):
        turn.reply(session, numerics.RPL_WHOISCHANNELS, name, words)
    turn.reply(session, numerics.RPL_WHOISSERVER, name, turn.server, turn.settings.server.network)
    if person.is_oper:
        turn.standard(session, numerics.RPL_WHOISOPERATOR, name)
    if person.bot:
        turn.standard(session, numerics.RPL_WHOISBOT, name)
    if person.away is not None:
        turn.reply(session, numerics.RPL_AWAY, name, person.away)
    turn.standard(session, numerics.RPL_WHOISIDLE, name, str(person.idle(turn.now)), str(int(person.signed_on)))
    turn.standard(session, numerics.RPL_WHOISACCOUNT, name, name)
    turn.standard(session, numerics.RPL_WHOISSECURE, name)


def _channel_lines(asker: Person, person: Person) -> Iterable[str]:
    """The channels of a person that the asker may know of, as many to a line as fit."""
    line = ""
    for channel in person.channels:
        if access.may_look(channel, asker):
            word = prefix(channel.role(person), multi_prefix=True) + channel.name
            if len(line.encode()) + len(word.encode()) > CHANNELS_BYTES:
                yield line
                line = ""
            line = f"{line} {word}" if line else word
    if line:
        yield line


def whowas(turn: Turn, session: Session, message: Message) -> None:
    """The last few stays of a person, the newest first; with a count above 0 no more than that."""
    if not message.params or not message.params[0]:
        return turn.standard(session, numerics.ERR_NONICKNAMEGIVEN)
    name, *counts = message.params
    person = turn.directory.person(name)
    if person is None or not person.departures:
        turn.standard(session, numerics.ERR_WASNOSUCHNICK, quoted(name))
    else:
        _describe_stays(turn, session, person, _count(counts))
    return turn.standard(session, numerics.RPL_ENDOFWHOWAS, quoted(name))


def _describe_stays(turn: Turn, session: Session, person: Person, count: int | None) -> None:
    for departure in person.departures[:count]:
        words = [person.name, departure.user, person.host, "*", departure.realname]
        turn.reply(session, numerics.RPL_WHOWASUSER, *words)
        left = timestamp(int(departure.time * 1000))
        turn.reply(session, numerics.RPL_WHOISSERVER, person.name, turn.server, f"left {left}")


def _count(words: list[str]) -> int | None:
    digits = words[0] if words else ""
    return int(digits) or None if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def away(turn: Turn, session: Session, message: Message) -> None:
    text = cut(message.params[0], REASON_BYTES) if message.params and message.params[0] else None
    turn.set(session, "away", text)
    presence.settle_away(turn, actor(session), text)
    turn.standard(session, numerics.RPL_UNAWAY if text is None else numerics.RPL_NOWAWAY)


def setname(turn: Turn, session: Session, message: Message) -> None:
    """Silent for those without the capability. Source: IRCv3 setname."""
    person, realname = actor(session), message.params[0]
    if not realname or len(realname.encode()) > REALNAME_BYTES:
        return turn.fail(session, "SETNAME", "INVALID_REALNAME", f"a real name has 1 to {REALNAME_BYTES} bytes")
    turn.set(person, "realname", realname)
    event = turn.event(person, f"SETNAME :{realname}")
    presence.tell_onlookers(turn, person, event, SETNAME, skip=(session,))
    return turn.echo(session, event) if session.caps & SETNAME else None


def userhost(turn: Turn, session: Session, message: Message) -> None:
    found = (turn.directory.person(name) for name in message.params[:NAMES_ASKED])
    words = [_userhost_word(person) for person in found if person is not None and person.present]
    turn.reply(session, numerics.RPL_USERHOST, _fitting(words))


def _userhost_word(person: Person) -> str:
    star = "*" if person.is_oper else ""
    return f"{person.name}{star}={'+' if person.away is None else '-'}{names.fold(person.name)}@{person.host}"


def ison(turn: Turn, session: Session, message: Message) -> None:
    asked = dict.fromkeys(" ".join(message.params).split(" "))
    found = (turn.directory.person(name) for name in asked)
    words = dict.fromkeys(person.name for person in found if person is not None and person.present)
    turn.reply(session, numerics.RPL_ISON, _fitting(words))


def _fitting(words: Iterable[str]) -> str:
    """As many of the words as one reply has room for."""
    line = ""
    for word in words:
        if len(line) + 1 + len(word) <= FOUND_BYTES:
            line = f"{line} {word}" if line else word
    return line


COMMANDS = {
    "WHOIS": Command(whois),
    "WHOWAS": Command(whowas),
    "AWAY": Command(away, cost=tells),
    "SETNAME": Command(setname, fewest_params=1, cost=tells),
    "USERHOST": Command(userhost, fewest_params=1),
    "ISON": Command(ison, fewest_params=1),
}
