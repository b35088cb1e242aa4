"""Who is in a channel and what it is about: kept by what happens, asked for without a word when a channel is first
looked at. Says in which buffers an event is to be read.
"""

from __future__ import annotations

from securechat.client.events import Event, Joined, Kicked, Left, Names, Parted, Renamed, Roles, Topic
from securechat.protocol.names import fold
from securechat.protocol.text import printable
from securechat.ui.chat import Chat
from securechat.ui.full.buffer import Buffer
from securechat.ui.full.opened import Opened


class Places:
    """Of the buffers that are open."""

    def __init__(self, opened: Opened, chat: Chat) -> None:
        self._opened = opened
        self._chat = chat
        self._asked: set[tuple[type[Event], str]] = set()  # by ourselves, and not yet answered

    def visit(self, buffer: Buffer) -> None:
        """Somebody looks at it."""
        if not buffer.is_channel or buffer.members_known or not self._chat.linked:
            return
        if fold(buffer.name) in self._chat.channels:
            buffer.members_known = True
            name = buffer.name
            self._asked |= {(Names, fold(name)), (Topic, fold(name))}
            self._chat.post(lambda session: session.ask_names(name))
            self._chat.post(lambda session: session.ask_topic(name))

    def forget(self) -> None:
        """No answer comes any more."""
        self._asked.clear()

    def of(self, event: Event) -> list[Buffer] | None:
        """The buffers that an event belongs into; None when it is about none. Keeps up with who is where."""
        match event:
            case Joined():
                return self._changed(event.channel, event.nick, inside=True)
            case Parted() | Kicked():
                return self._changed(event.channel, event.nick, inside=False)
            case Left():
                return [one for name in event.channels for one in self._changed(name, event.nick, inside=False)]
            case Renamed():
                return [one for one in self._opened if one.rename_member(event.before, event.after)] or None
            case Roles():
                return self._marked(event)
            case Names() if buffer := self._opened.find(event.channel):
                buffer.list_members(event.nicks)
                return self._told(event, buffer)
            case Topic() if buffer := self._opened.find(event.channel):
                buffer.topic = printable(event.text)
                return [buffer] if event.by else self._told(event, buffer)
        return None

    def _marked(self, event: Roles) -> list[Buffer]:
        buffer = self._opened.find(event.channel)
        if buffer is not None:
            buffer.mark_members(event.nicks)
        return []

    def _told(self, event: Names | Topic, buffer: Buffer) -> list[Buffer]:
        """Nowhere when the person did not ask for it."""
        asked = (type(event), fold(buffer.name))
        if asked in self._asked:
            self._asked.discard(asked)
            return []
        return [buffer]

    def _changed(self, channel: str, nick: str, *, inside: bool) -> list[Buffer]:
        buffer = self._opened.find(channel)
        if buffer is None:
            return []
        if inside:
            buffer.members.setdefault(fold(nick), printable(nick))
        else:
            buffer.members.pop(fold(nick), None)
        return [buffer]
