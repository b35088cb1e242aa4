"""WHO: who is in a channel, has a name, or shares a channel and fits a mask; WHOX says which fields are wanted.

Source: Modern IRC ("WHO message"), IRCv3 whox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from securechat.chat import access
from securechat.chat.channel import Channel, prefix
from securechat.chat.masks import matches
from securechat.chat.person import Person
from securechat.protocol import names, numerics
from securechat.protocol.capabilities import MULTI_PREFIX
from securechat.protocol.message import Message, quoted
from securechat.protocol.names import CHANNEL_PREFIX
from securechat.server.actor import actor
from securechat.server.command import Command
from securechat.server.isupport import BOT_MODE
from securechat.server.session import Session
from securechat.server.turn import Turn

NO_ADDRESS = "255.255.255.255"  # the standard's word for one that is not shown
TOKEN_DIGITS = 3

Show = Callable[[Turn, Session, Channel | None, Person], None]
Field = Callable[[Turn, Session, Channel | None, Person], str]


def who(turn: Turn, session: Session, message: Message) -> None:
    mask, *options = message.params or ("*",)
    show: Show = _plain
    if options and "%" in options[0]:
        letters, _, token = options[0].partition("%")[2].partition(",")
        show = partial(_chosen, letters, token)
    channel = turn.directory.channel(mask) if mask.startswith(CHANNEL_PREFIX) else None
    for person in _found(turn, session, mask, channel):
        show(turn, session, channel, person)
    turn.standard(session, numerics.RPL_ENDOFWHO, quoted(mask))


def _found(turn: Turn, session: Session, mask: str, channel: Channel | None) -> Iterable[Person]:
    """Who is present; a plain name finds everyone, a mask only who shares a channel with the asker."""
    asker = actor(session)
    if channel is not None:
        return channel.present() if access.may_look(channel, asker) else ()
    if "*" not in mask and "?" not in mask:
        person = turn.directory.person(mask)
        return [person] if person is not None and person.present else []
    if len(mask.replace("*", "")) > names.NICK_LENGTH:  # nobody; and such a mask is not worth reading
        return []
    read = (channel for channel in asker.channels if access.may_read(channel, asker))
    shared = {person for channel in read for person in channel.present()}
    return sorted((person for person in shared if matches(mask, person.name)), key=lambda person: person.name)


def _plain(turn: Turn, session: Session, channel: Channel | None, person: Person) -> None:
    words = [_FIELDS[letter](turn, session, channel, person) for letter in "cuhsnf"]
    turn.reply(session, numerics.RPL_WHOREPLY, *words, f"0 {person.realname}")


def _chosen(letters: str, token: str, turn: Turn, session: Session, channel: Channel | None, person: Person) -> None:
    """The fields come in the standard's order, whatever that of the letters."""
    words = [field(turn, session, channel, person) for letter, field in _FIELDS.items() if letter in letters]
    if "t" in letters:
        usable = token.isascii() and token.isdigit() and len(token) <= TOKEN_DIGITS
        words.insert(0, token if usable else "0")
    turn.reply(session, numerics.RPL_WHOSPCRPL, *words)


def _flags(turn: Turn, session: Session, channel: Channel | None, person: Person) -> str:
    """Here or gone, operator, bot, and the role in the channel."""
    flags = "H" if person.away is None else "G"
    if person.is_oper:
        flags += "*"
    if person.bot:
        flags += BOT_MODE
    if channel is not None:
        flags += prefix(channel.role(person), bool(session.caps & MULTI_PREFIX))
    return flags


_FIELDS: dict[str, Field] = {
    "c": lambda turn, session, channel, person: channel.name if channel is not None else "*",
    "u": lambda turn, session, channel, person: person.user,
    "i": lambda turn, session, channel, person: NO_ADDRESS,
    "h": lambda turn, session, channel, person: person.host,
    "s": lambda turn, session, channel, person: turn.server,
    "n": lambda turn, session, channel, person: person.name,
    "f": _flags,
    "d": lambda turn, session, channel, person: "0",
    "l": lambda turn, session, channel, person: str(person.idle(turn.now)),
    "a": lambda turn, session, channel, person: person.name,
    "o": lambda turn, session, channel, person: "n/a",
    "r": lambda turn, session, channel, person: person.realname,
}

COMMANDS = {"WHO": Command(who)}
