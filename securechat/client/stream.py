"""The messages of one link, each told once: first what was missed, then what is said."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from securechat.client import messages
from securechat.client.conversation import Conversation
from securechat.client.events import Entered, Event, LinkBack, Missed, Said, Since
from securechat.client.history import Playback
from securechat.protocol.message import ProtocolError
from securechat.protocol.names import CHANNEL_PREFIX

MOST_WAITING_LINES = 10_000  # said by others while we catch up


class Stream:
    """Holds everything back until `flow`: a link that is lost before has told nothing, so the next begins anew."""

    def __init__(self, conversation: Conversation, tell: Callable[[Event], None]) -> None:
        self.flowing = False
        self._conversation = conversation
        self._tell = tell
        self._missed: list[Missed] = []
        self._waiting: deque[Said] = deque()

    def said(self, said: Said) -> None:
        if self.flowing:
            return self._tell_new(said)
        if len(self._waiting) >= MOST_WAITING_LINES:
            raise ProtocolError("more is being said than the history can be read")
        return self._waiting.append(said)

    def missed(self, playback: Playback, own_nick: str) -> None:
        told = (messages.read(message, own_nick) for message in playback.messages)
        direct = not playback.target.startswith(CHANNEL_PREFIX)
        lines = tuple(said for said in told if said is not None)
        self._missed.append(Missed(playback.target, lines, direct, self._since, playback.cut))

    def flow(self, entered: Entered) -> None:
        """Tell what was held back; from here on lines are told as they are said."""
        self.flowing = True
        missed = list(self._unknown())
        if (away := self._conversation.came(entered.time)) is not None:
            self._tell(LinkBack(away, sum(not said.own for one in missed for said in one.lines)))
        for one in missed:
            self._conversation.told(one)
            self._tell(one)
        self._tell(entered)
        for said in self._waiting:
            self._tell_new(said)
        self._missed.clear()
        self._waiting.clear()

    @property
    def _since(self) -> Since:
        if self._conversation.entered:
            return Since.LOSS
        return Since.NOTHING if self._conversation.seen.visited is None else Since.VISIT

    def _unknown(self) -> Iterator[Missed]:
        known = self._conversation.known
        for one in self._missed:
            lines = tuple(said for said in one.lines if known.is_new(said))
            if lines or one.cut:
                yield Missed(one.target, lines, one.direct, one.since, one.cut)

    def _tell_new(self, said: Said) -> None:
        if self._conversation.known.is_new(said):
            self._conversation.told(said)
            self._tell(said)
