"""The channels that the session is in: who is there in which role, what the topic is. Lines in, events out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations, repeat
from operator import add

from securechat.client.events import Event, Joined, Kicked, Left, Names, Parted, Renamed, Roles, Topic
from securechat.client.modes import Modes
from securechat.protocol import numerics
from securechat.protocol.message import Message, ProtocolError
from securechat.protocol.names import fold

MOST_CHANNELS = 1000
MOST_NICKS = 100_000  # over all channels
MOST_LISTED = 512  # in one line, twice as many as its 512 bytes have room for. Source: Modern IRC, "Message Format"
ROLE_MARKS = "~&@%+"
_IN_ORDER = {frozenset(few): "".join(few) for count in range(6) for few in combinations(ROLE_MARKS, count)}


@dataclass(slots=True)
class Channel:
    name: str
    topic: str = field(default="", repr=False)
    nicks: dict[str, str] = field(default_factory=dict)  # folded to shown
    marks: dict[str, str] = field(default_factory=dict)  # folded to those of all his roles, the highest first; or none
    listed: list[str] = field(default_factory=list)  # lines of NAMES that are not yet ended

    def mark(self, nick: str, marks: str) -> str:
        """Note the roles of somebody who is present; gives the nick with the mark of the highest."""
        folded = fold(nick)
        self.marks[folded] = in_order = _in_order(marks)
        return in_order[:1] + self.nicks[folded]

    def list_all(self, words: str) -> None:
        """Note who is present in which roles. Few calls for all of them, since there may be hundreds in one line."""
        listed = words.split(maxsplit=MOST_LISTED)[:MOST_LISTED]
        shown = list(map(str.lstrip, listed, repeat(ROLE_MARKS)))
        marks = list(map(str.removesuffix, listed, shown))
        folded = fold(" ".join(shown)).split(" ")
        in_order = {some: _in_order(some) for some in set(marks)}
        highest = {some: ordered[:1] for some, ordered in in_order.items()}
        self.nicks.update(zip(folded, shown, strict=False))
        self.marks.update(zip(folded, map(in_order.__getitem__, marks), strict=False))
        self.listed += map(add, map(highest.__getitem__, marks), shown)


class Channels:
    """What the server told about the channels of one session; bounded, whatever it tells."""

    def __init__(self) -> None:
        self.own_nick = ""
        self._channels: dict[str, Channel] = {}
        self._count = 0
        self._modes = Modes()
        self._asked_names: set[str] = set()
        self._handlers: Mapping[str, Callable[[Message, datetime | None], Event | None]] = {
            "JOIN": self._join,
            "PART": self._part,
            "KICK": self._kick,
            "QUIT": self._quit,
            "NICK": self._nick,
            "MODE": self._mode,
            "TOPIC": self._topic,
            numerics.RPL_ISUPPORT: self._isupport,
            numerics.RPL_NOTOPIC: self._no_topic,
            numerics.RPL_TOPIC: self._topic_is,
            numerics.RPL_NAMREPLY: self._names,
            numerics.RPL_ENDOFNAMES: self._names_end,
        }

    def __contains__(self, name: str) -> bool:
        return fold(name) in self._channels

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self._channels.values())

    def is_own(self, nick: str) -> bool:
        return fold(nick) == fold(self.own_nick)

    def ask_names(self, channel: str) -> None:
        """The next list of names of this channel is to be told."""
        self._asked_names.add(fold(channel))

    def receive(self, message: Message, time: datetime | None) -> Event | None:
        handler = self._handlers.get(message.command)
        return handler(message, time) if handler and (message.params or message.command == "QUIT") else None

    def _join(self, message: Message, time: datetime | None) -> Event | None:
        nick, name = nick_of(message), message.params[0]
        own = self.is_own(nick)
        if own:
            if len(self._channels) >= MOST_CHANNELS:
                raise ProtocolError(f"the server puts us into more than {MOST_CHANNELS} channels")
            self._remove_channel(name)
            self._channels[fold(name)] = Channel(name)
        channel = self._channels.get(fold(name))
        if channel is None:
            return None
        self._add(channel, nick)
        return Joined(channel.name, nick, own, time)

    def _part(self, message: Message, time: datetime | None) -> Event | None:
        nick = nick_of(message)
        channel = self._gone(message.params[0], nick)
        return Parted(channel.name, nick, _param(message, 1), self.is_own(nick), time) if channel else None

    def _kick(self, message: Message, time: datetime | None) -> Event | None:
        name, nick, reason = (_param(message, index) for index in range(3))
        channel = self._gone(name, nick)
        return Kicked(channel.name, nick, nick_of(message), reason, self.is_own(nick), time) if channel else None

    def _quit(self, message: Message, time: datetime | None) -> Event | None:
        nick = nick_of(message)
        folded = fold(nick)  # once: there may be many channels, and a long nick
        shared = [channel for channel in self._channels.values() if folded in channel.nicks]
        for channel in shared:
            self._drop(channel, nick)
        return Left(nick, tuple(channel.name for channel in shared), _param(message, 0), time) if shared else None

    def _nick(self, message: Message, time: datetime | None) -> Event | None:
        before, after = nick_of(message), message.params[0]
        own = self.is_own(before)
        if own:
            self.own_nick = after
        known = False
        for channel in self._channels.values():
            marks = channel.marks.get(fold(before), "")
            if self._drop(channel, before):
                self._add(channel, after)
                channel.mark(after, marks)
                known = True
        return Renamed(before, after, own, time) if known or own else None

    def _isupport(self, message: Message, time: datetime | None) -> Event | None:
        self._modes.learn(message.params[1:-1])
        return None

    def _mode(self, message: Message, time: datetime | None) -> Event | None:
        channel = self._channels.get(fold(message.params[0]))
        if channel is None:
            return None
        changed: dict[str, str] = {}
        for mark, nick, given in self._modes.roles(message.params[1:]):
            if fold(nick) in channel.nicks:
                others = channel.marks.get(fold(nick), "").replace(mark, "")
                changed[fold(nick)] = channel.mark(nick, others + mark if given else others)
        return Roles(channel.name, tuple(changed.values()), nick_of(message), time) if changed else None

    def _topic(self, message: Message, time: datetime | None) -> Event | None:
        event = self._set_topic(message.params[0], _param(message, 1))
        return replace(event, by=nick_of(message), time=time) if event else None

    def _no_topic(self, message: Message, time: datetime | None) -> Event | None:
        return self._set_topic(message.params[1], "") if len(message.params) > 1 else None

    def _topic_is(self, message: Message, time: datetime | None) -> Event | None:
        return self._set_topic(message.params[1], message.params[2]) if len(message.params) > 2 else None

    def _set_topic(self, name: str, text: str) -> Topic | None:
        channel = self._channels.get(fold(name))
        if channel is None:
            return None
        channel.topic = text
        return Topic(channel.name, text)

    def _names(self, message: Message, time: datetime | None) -> Event | None:
        channel = self._channels.get(fold(message.params[2])) if len(message.params) > 3 else None
        if channel is None:
            return None
        known = len(channel.nicks)
        channel.list_all(message.params[3])
        self._count_more(len(channel.nicks) - known)
        if len(channel.listed) > MOST_NICKS:
            raise ProtocolError(f"the server lists more than {MOST_NICKS} people in a channel")
        return None

    def _names_end(self, message: Message, time: datetime | None) -> Event | None:
        name = _param(message, 1)
        channel = self._channels.get(fold(name))
        listed: list[str] = []
        if channel is not None:
            listed, channel.listed = channel.listed, []
        if fold(name) not in self._asked_names:
            return None
        self._asked_names.discard(fold(name))
        return Names(name, tuple(sorted(listed, key=_by_role_and_name)))

    def _gone(self, name: str, nick: str) -> Channel | None:
        channel = self._channels.get(fold(name))
        if channel is not None:
            self._drop(channel, nick)
            if self.is_own(nick):
                self._remove_channel(name)
        return channel

    def _remove_channel(self, name: str) -> None:
        channel = self._channels.pop(fold(name), None)
        if channel is not None:
            self._count -= len(channel.nicks)

    def _add(self, channel: Channel, nick: str) -> None:
        known = len(channel.nicks)
        channel.nicks[fold(nick)] = nick
        self._count_more(len(channel.nicks) - known)

    def _count_more(self, count: int) -> None:
        self._count += count
        if self._count > MOST_NICKS:
            raise ProtocolError(f"the server names more than {MOST_NICKS} people")

    def _drop(self, channel: Channel, nick: str) -> bool:
        if channel.nicks.pop(fold(nick), None) is None:
            return False
        channel.marks.pop(fold(nick), None)
        self._count -= 1
        return True


def _in_order(marks: str) -> str:
    """Those of roles among them, each once, the highest first."""
    return _IN_ORDER[frozenset(marks).intersection(ROLE_MARKS)] if marks else ""


def nick_of(message: Message) -> str:
    """Who sent it: the part of the source before `!`; empty when the server named nobody."""
    return (message.source or "").partition("!")[0]


def _param(message: Message, index: int) -> str:
    """Empty when the server left it away."""
    return message.params[index] if len(message.params) > index else ""


def _by_role_and_name(listed: str) -> tuple[int, str]:
    mark = ROLE_MARKS.find(listed[0])
    return (mark if mark >= 0 else len(ROLE_MARKS), fold(listed.lstrip(ROLE_MARKS)))
