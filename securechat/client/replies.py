"""The server's own words for the person: numerics, standard replies and notices as events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from securechat.client.channels import nick_of
from securechat.client.events import Event, Person, Told
from securechat.protocol import numerics
from securechat.protocol.message import Message

TEMPORARY = ("TEMPORARILY_UNAVAILABLE", "MESSAGE_ERROR", "TRY_LATER", "TIMEOUT")  # the last: of a slow batch

LONGEST_WAIT = 3600  # seconds; whatever a server says


def read(message: Message) -> Event | None:
    """What this line tells the person, if anything."""
    if is_error(message):
        return _error(message)
    handler = _HANDLERS.get(message.command)
    return handler(message) if handler and message.params else None


def is_error(message: Message) -> bool:
    return message.command == "FAIL" or (message.command[:1] in ("4", "5") and len(message.command) == 3)


def is_answer(message: Message) -> bool:
    """Whether it is a yes or a no to one command, rather than something that everybody may read."""
    return message.command == "NOTE" or is_error(message)


def is_temporary(message: Message) -> bool:
    """Whether the same command may succeed in a moment."""
    return message.command == "FAIL" and any(code in TEMPORARY for code in message.params[1:2])


def seconds(message: Message) -> int:
    """How long the server asks us to wait before the next try; 0 when it does not say."""
    said = message.params[2] if is_temporary(message) and len(message.params) > 3 else ""
    return min(int(said), LONGEST_WAIT) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def reason(message: Message) -> str:
    """The text of an error or a standard reply."""
    return message.params[-1] if message.params else message.command


def _error(message: Message) -> Event:
    """Numerics are `nick about… :text`, standard replies `command code context… :text`."""
    words = message.params[2:] if message.command == "FAIL" else message.params[1:]
    return Told(reason(message), about=words[0] if len(words) > 1 else "", failed=True)


def _line(message: Message) -> Event:
    return Told(message.params[-1])


def _away(message: Message) -> Event | None:
    return Told(f"is away: {message.params[2]}", about=message.params[1]) if len(message.params) > 2 else None


def _invite(message: Message) -> Event | None:
    return Told(f"{nick_of(message)} invites you: /join {message.params[1]}") if len(message.params) > 1 else None


def _person(message: Message) -> Event | None:
    if len(message.params) != 8:
        return None
    _, channel, _, _, _, nick, flags, name = message.params
    return Person(nick, channel, flags.startswith("G"), name.partition(" ")[2])


_HANDLERS: Mapping[str, Callable[[Message], Event | None]] = {
    "NOTICE": _line,
    "WARN": _line,
    "NOTE": _line,
    "INVITE": _invite,
    numerics.RPL_MOTD: _line,
    numerics.RPL_AWAY: _away,
    numerics.RPL_WHOREPLY: _person,
}
