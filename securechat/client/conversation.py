"""What one account has with one server, whichever link carries it: it outlives links. Owned by the client's thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from securechat.client.events import Missed, Said
from securechat.client.history import Places, Seen
from securechat.client.messages import ACTION_END, ACTION_START, Known, sendable
from securechat.client.multiline import Limits, packed
from securechat.client.outbox import Line, Outbox
from securechat.protocol import lines, text

LONGEST_SOURCE = 110  # bytes of nick!user@host while the server has not yet shown ours
SHORTEST_PIECE = 32


def now() -> datetime:
    return datetime.now(UTC)


class Conversation:
    """`seen` says where the account stands at the start, `outbox` holds what it has to say.

    `entered`: a link has come so far that lines are told as they are said. `source_bytes`: how long the source is that
    others see before our messages. `limits` are those of a message of several lines, as the server had them last.
    """

    def __init__(self, seen: Seen, outbox: Outbox, clock: Callable[[], datetime] = now) -> None:
        self.outbox = outbox
        self.known = Known()
        self.entered = False
        self.source_bytes = LONGEST_SOURCE
        self.limits: Limits | None = None
        self._clock = clock
        self._places = Places(seen.places)
        self._visited = seen.visited
        self._lost_at: datetime | None = None

    @property
    def seen(self) -> Seen:
        """What the next link has to begin behind."""
        return Seen(self._visited, self._places.copy())

    def told(self, event: Said | Missed) -> None:
        for said in event.lines if isinstance(event, Missed) else (event,):
            self._places.saw(said.target, said.time, said.msgid)

    def line(self, ticket: int, target: str, words: str, *, action: bool = False, key: str | None = None) -> Line:
        """A line for the outbox, in as few messages as the server's limits allow. Where it takes no messages of several
        lines, and in an action, each line of the text is one, and more where it is too long.

        `key` names it, so that it is stored once however often it is given; so it is cut the same each time.
        """
        words = sendable(words)
        marks = len(ACTION_START + ACTION_END) if action else 0
        source = self.source_bytes if key is None else max(self.source_bytes, LONGEST_SOURCE)
        overhead = source + len(f": PRIVMSG {target} :\r\n".encode()) + marks
        line = Line(ticket, target, words, self._clock(), action, self._places.get(target), named=key is not None)
        budget = max(SHORTEST_PIECE, lines.BODY_BYTES - overhead)
        several = list(packed(words, budget, self.limits)) if self.limits is not None and not action else []
        line.cut(several or _one_by_one(words, budget), key)
        return line

    def forget_old_lines(self) -> list[Line]:
        """Give up what nobody can send again without doubling it; gives the lines."""
        return [self.outbox.give_up(line) for line in self.outbox.too_old(self._clock())]

    def lost(self, silent: timedelta) -> None:
        """The link is gone, and the server was last heard so long ago."""
        self.outbox.link_lost()
        self._lost_at = self._lost_at or self._clock() - silent

    def came(self, time: datetime | None) -> float | None:
        """Lines are told from now on; for how many seconds there was no link, if there was one before.

        `time` is when we came by the server's clock, if it said.
        """
        clock = self._clock()
        away = max(0.0, (clock - self._lost_at).total_seconds()) if self.entered and self._lost_at else None
        self.entered, self._lost_at = True, None
        self._visited = time or clock
        return away


def _one_by_one(words: str, budget: int) -> list[str]:
    said = [one for one in words.split("\n") if one] or [""]  # the server's to refuse
    return [piece for one in said for piece in text.split(one, budget)]
