"""Who is who: WHO, WHOIS, AWAY, USERHOST, ISON."""

from __future__ import annotations

from collections.abc import Iterable

from securechat.chat import access
from securechat.chat.channel import Channel, prefix
from securechat.chat.masks import matches
from securechat.chat.person import Person
from securechat.protocol import names, numerics
from securechat.protocol.capabilities import MULTI_PREFIX
from securechat.protocol.message import Message, quoted
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server import presence
from securechat.server.actor import actor
from securechat.server.command import Command
from securechat.server.isupport import REASON_BYTES, cut
from securechat.server.session import Session
from securechat.server.turn import Turn

NAMES_ASKED = 5  # of one USERHOST
FOUND_BYTES = 400  # of names in one 302 or 303
CHANNELS_BYTES = 350  # of one 319


def who(turn: Turn, session: Session, message: Message) -> None:
    mask = message.params[0] if message.params else "*"
    if mask.startswith(CHANNEL_PREFIX):
        channel = turn.directory.channel(mask)
        if channel is not None and access.may_see(channel, actor(session)):
            for person in channel.present():
                _who_line(turn, session, channel, person)
    else:
        for person in _known(turn, session, mask):
            _who_line(turn, session, None, person)
    turn.standard(session, numerics.RPL_ENDOFWHO, quoted(mask))


def _known(turn: Turn, session: Session, mask: str) -> Iterable[Person]:
    """Who is present and matches; a plain name finds everyone, a mask only who shares a channel with the asker."""
    if "*" not in mask and "?" not in mask:
        person = turn.directory.person(mask)
        return [person] if person is not None and person.present else []
    if len(mask.replace("*", "")) > names.NICK_LENGTH:  # nobody; and such a mask is not worth reading
        return []
    shared = {person for channel in actor(session).channels for person in channel.present()}
    return sorted((person for person in shared if matches(mask, person.name)), key=lambda person: person.name)


def _who_line(turn: Turn, session: Session, channel: Channel | None, person: Person) -> None:
    flags = "H" if person.away is None else "G"
    if person.account.admin:
        flags += "*"
    if channel is not None:
        flags += prefix(channel.role(person), bool(session.caps & MULTI_PREFIX))
    where = channel.name if channel is not None else "*"
    words = [where, person.user, person.host, turn.server, person.name, flags, f"0 {person.realname}"]
    turn.reply(session, numerics.RPL_WHOREPLY, *words)


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
    if person.account.admin:
        turn.standard(session, numerics.RPL_WHOISOPERATOR, name)
    if person.away is not None:
        turn.reply(session, numerics.RPL_AWAY, name, person.away)
    idle, signed_on = str(int(max(0, turn.now - person.last_active))), str(int(person.signed_on))
    turn.standard(session, numerics.RPL_WHOISIDLE, name, idle, signed_on)
    turn.standard(session, numerics.RPL_WHOISACCOUNT, name, name)
    turn.standard(session, numerics.RPL_WHOISSECURE, name)


def _channel_lines(asker: Person, person: Person) -> Iterable[str]:
    """The channels of a person that the asker may know of, as many to a line as fit."""
    line = ""
    for channel in person.channels:
        if access.may_see(channel, asker):
            word = prefix(channel.role(person), multi_prefix=True) + channel.name
            if len(line.encode()) + len(word.encode()) > CHANNELS_BYTES:
                yield line
                line = ""
            line = f"{line} {word}" if line else word
    if line:
        yield line


def away(turn: Turn, session: Session, message: Message) -> None:
    text = cut(message.params[0], REASON_BYTES) if message.params and message.params[0] else None
    turn.set(session, "away", text)
    presence.settle_away(turn, actor(session), text)
    turn.standard(session, numerics.RPL_UNAWAY if text is None else numerics.RPL_NOWAWAY)


def userhost(turn: Turn, session: Session, message: Message) -> None:
    found = (turn.directory.person(name) for name in message.params[:NAMES_ASKED])
    words = [_userhost_word(person) for person in found if person is not None and person.present]
    turn.reply(session, numerics.RPL_USERHOST, _fitting(words))


def _userhost_word(person: Person) -> str:
    star = "*" if person.account.admin else ""
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
    "WHO": Command(who),
    "WHOIS": Command(whois),
    "AWAY": Command(away),
    "USERHOST": Command(userhost, fewest_params=1),
    "ISON": Command(ison, fewest_params=1),
}
