"""What there is to show and what was done to it; knows no Textual. Owned by the thread of the face.

Events go in by `heard`, what is typed by `entered`; widgets read the buffers.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from securechat.client.channels import ROLE_MARKS
from securechat.client.client import Client
from securechat.client.events import (
    Earlier,
    Entered,
    Event,
    Found,
    Joined,
    Kicked,
    LinkLost,
    Missed,
    Parted,
    Queued,
    Refused,
    Renamed,
    Said,
    Since,
    Typing,
)
from securechat.client.profile import Visit
from securechat.client.typing import HOLDS
from securechat.protocol.names import fold
from securechat.protocol.text import printable
from securechat.ui.chat import Chat
from securechat.ui.full import buffer as buffers
from securechat.ui.full.buffer import Buffer, Entry, Look
from securechat.ui.full.opened import Opened
from securechat.ui.full.places import Places
from securechat.ui.render import found, told, with_text

MOST_TYPING = 20  # in one buffer
MOST_UNSTORED = 50  # shown; the status line has the count


def now() -> datetime:
    return datetime.now().astimezone()


class Model:
    """`looking`: whether the person has the screen before him, as far as the terminal says."""

    def __init__(
        self, client: Client, visit: Visit, target: str, *, join: bool, clock: Callable[[], datetime] = now
    ) -> None:
        self.chat = Chat(client, visit, target, join=join)
        self.nick = client.account
        self.looking = True
        self.rings = 0  # how often somebody meant us; the bell is for what was added since
        self._visit = visit
        self._clock = clock
        self._mention = _mention(self.nick)
        self.opened = Opened()
        self.current = self.opened.get(target)
        self._places = Places(self.opened, self.chat)

    @property
    def queued(self) -> int:
        """How many lines wait here for the link."""
        return sum(line.queued for line in self.chat.unstored.values())

    @property
    def names(self) -> list[str]:
        """People that could be meant: those in the current channel first."""
        known = [one.name for one in self.opened.people]
        return list(dict.fromkeys([*(nick.lstrip(ROLE_MARKS) for nick in self.current.members.values()), *known]))

    @property
    def unstored(self) -> list[Entry]:
        """The newest of what was said in the current buffer and is not stored yet."""
        here, moment = fold(self.current.name), self._clock()
        lines = [line for line in self.chat.unstored.values() if fold(line.target) == here]
        return [buffers.unstored(line, self.nick, moment) for line in lines[-MOST_UNSTORED:]]

    def typing(self, buffer: Buffer) -> list[str]:
        """Who is typing there."""
        moment = time.monotonic()
        return [shown for shown, until in buffer.typing.values() if until > moment]

    # What the person does.

    def entered(self, typed: str) -> None:
        before = self.current
        before.forget_unread_line()
        known = len(self.chat.unstored)
        told = self.chat.entered(typed)
        self._follow_target()
        self.note(self.current, *told)
        for line in list(self.chat.unstored.values())[known:]:
            if fold(line.target) != fold(before.name):
                self.note(before, *with_text(f"to {printable(line.target)}: ", line.text))

    def pasted(self, text: str) -> None:
        """Several lines that are said as they are."""
        self.current.forget_unread_line()
        self.chat.say_all(text)

    def switch(self, name: str) -> None:
        """Look at another buffer; one is made for a person that was not talked with."""
        if fold(name) == fold(self.current.name):
            return
        self.current.forget_unread_line()
        self.current = self.opened.get(name)
        self.chat.target = self.current.name
        self._look()

    def go(self, steps: int) -> None:
        """To the next in the list, or to the one before."""
        order = list(self.opened)
        self.switch(order[(order.index(self.current) + steps) % len(order)].name)

    def look(self, *, looking: bool) -> None:
        """The terminal gets the person's attention, or loses it."""
        self.looking = looking
        if looking:
            self._look()

    def ask_earlier(self, *, again: bool = False) -> None:
        """Read a page of what was said before in the current buffer, even if that was tried in vain."""
        buffer = self.current
        possible = self.chat.linked and not buffer.asking and not buffer.beginning and not buffer.full
        if possible and (again or not buffer.asked_in_vain):
            buffer.asking = True
            self.chat.post(lambda session: session.read_earlier(buffer.name, buffer.oldest))

    # What happens.

    def heard(self, events: Sequence[Event]) -> None:
        for event in events:
            self._hear(event)
        self.opened.bound(self.current)
        self._visit.save()

    def note(self, buffer: Buffer, *lines: str, time: datetime | None = None) -> None:
        """Lines that nobody said, for the person to read."""
        for line in lines:
            moment = time.astimezone() if time else self._clock()
            buffer.add(Entry(moment, "", line.removeprefix("-!- "), Look.NOTE))

    def _hear(self, event: Event) -> None:
        if isinstance(event, Said):  # nearly all are, and they lead nowhere else
            return self._said(event)
        match event:
            case Missed():
                self._missed(event)
            case Earlier():
                self._earlier(event)
            case Typing():
                self._typing(event)
            case Found():
                self.note(self.current, *found(event))
            case Refused():
                self.note(self.opened.get(event.target), *told(event))
            case Queued() | Parted(own=True) | Kicked(own=True):
                pass  # shown by its tick; told where the person looks then
            case _:
                self._happened(event)
        self.note(self.current, *self.chat.follow(event))
        if isinstance(event, Entered):
            self._enter(event)
        elif isinstance(event, Parted | Kicked) and event.own:
            self._leave(event)
        self._follow_target()

    def _happened(self, event: Event) -> None:
        if isinstance(event, Joined) and event.own:
            self.opened.get(event.channel).members_known = False
        elif isinstance(event, Renamed):
            self._rename(event)
        elif isinstance(event, LinkLost):
            self._lose_link()
        where = self._places.of(event)
        for buffer in [self.current] if where is None else where:
            self.note(buffer, *told(event), time=getattr(event, "time", None))

    def _said(self, event: Said) -> None:
        buffer = self.opened.get(event.target)
        mention = self._means_us(event)
        entry = buffers.said(event, event.time or self._clock(), mention=mention)
        buffer.typing.pop(fold(event.sender), None)
        if event.own or (self.looking and buffer is self.current):
            buffer.add(entry)
        else:
            buffer.add_unread(entry, mention=mention)
        self.rings += mention and not (self.looking and buffer is self.current and event.direct)
        self._see(buffer)

    def _missed(self, event: Missed) -> None:
        buffer = self.opened.get(event.target)
        if not event.lines:
            self.note(buffer, *told(event))
        for line in event.lines:
            mention = self._means_us(line)
            entry = buffers.said(line, self._clock(), mention=mention)
            if line.own or event.since is Since.NOTHING:
                buffer.add(entry)
            else:
                buffer.add_unread(entry, mention=mention)
        if event.cut:
            self.note(buffer, "more was said after that than is shown here")
        if buffer is self.current and self.looking:
            buffer.read()
            self._see(buffer)
        elif event.lines and (first := event.lines[0].time) is not None:
            self._visit.saw(event.target, first - timedelta(milliseconds=1), None)  # they are new next time, too

    def _earlier(self, event: Earlier) -> None:
        buffer = self.opened.find(event.target)
        if buffer is None or not buffer.asking:
            return
        buffer.asking = False
        buffer.asked_in_vain = bool(event.problem)
        if event.problem:
            self.note(buffer, f"what was said before cannot be read now: {printable(event.problem)}")
        else:
            buffer.beginning = event.beginning
            moment = self._clock()
            buffer.prepend([buffers.said(line, moment, mention=self._means_us(line)) for line in event.lines])
            self._see(buffer)

    def _typing(self, event: Typing) -> None:
        buffer = self.opened.find(event.target)
        if buffer is None:
            return
        if not event.active:
            buffer.typing.pop(fold(event.nick), None)
        elif len(buffer.typing) < MOST_TYPING or fold(event.nick) in buffer.typing:
            buffer.typing[fold(event.nick)] = (printable(event.nick), time.monotonic() + HOLDS)

    def _enter(self, event: Entered) -> None:
        self._rename_us(event.nick)
        self._visit.was_here(event.time or datetime.now(UTC))
        for name in event.channels:
            self.opened.get(name).members_known = False
        for buffer in self.opened.channels:
            if fold(buffer.name) not in self.chat.channels and fold(buffer.name) != fold(self.chat.target):
                self._drop(buffer)
        self._places.visit(self.current)

    def _leave(self, event: Parted | Kicked) -> None:
        if buffer := self.opened.find(event.channel):
            self._drop(buffer)
        self.note(self.current, *told(event))

    def _lose_link(self) -> None:
        self._places.forget()
        for buffer in self.opened:
            buffer.asking = False

    def _rename(self, event: Renamed) -> None:
        if event.own:
            self._rename_us(event.after)
        self.opened.rename(event.before, event.after)

    def _rename_us(self, nick: str) -> None:
        self.nick = nick
        self._mention = _mention(nick)

    def _means_us(self, event: Said) -> bool:
        return not event.own and (event.direct or self._mention.search(event.text) is not None)

    # Where the person is.

    def _drop(self, buffer: Buffer) -> None:
        """Do without this buffer; something else is looked at, if there is anything."""
        if buffer is self.current:
            others = [one.name for one in self.opened if one is not buffer]
            if not others:
                return
            self.switch(self.chat.target if self.chat.target in others else others[0])
        self.opened.close(buffer)

    def _follow_target(self) -> None:
        """A command or an event may have led somewhere else."""
        if fold(self.chat.target) != fold(self.current.name):
            self.switch(self.chat.target)

    def _look(self) -> None:
        self.current.read()
        self._see(self.current)
        self._places.visit(self.current)

    def _see(self, buffer: Buffer) -> None:
        """What the person has before him counts as seen at his next visit."""
        if buffer is self.current and self.looking and buffer.latest is not None:
            self._visit.saw(buffer.name, buffer.latest.time, buffer.latest.msgid)


def _mention(nick: str) -> re.Pattern[str]:
    """What stands for us in a text."""
    return re.compile(rf"(?<![\w-]){re.escape(nick)}(?![\w-])", re.IGNORECASE)
