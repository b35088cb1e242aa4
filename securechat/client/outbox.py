"""Messages on their way to the server: in order, a few unacknowledged at a time, each until its answer is there.

It outlives links: what was sent and not answered when one is lost is in doubt, and goes first on the next. Knows no
socket and no clock: `now` is monotonic seconds and is passed in. Owned by the client's thread.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from securechat.client.events import Queued
from securechat.client.history import Place
from securechat.client.messages import ACTION_END, ACTION_START
from securechat.errors import SecurechatError

WINDOW = 8
PATIENCE = 60.0  # with a server that cannot store for the moment
FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
ID_BYTES = 16
MOST_BYTES = 16 * 1024 * 1024  # of text that waits or flies
IDS_HOLD = timedelta(days=7) - timedelta(hours=1)  # the server knows an id for 7 days; the clocks may differ


def new_id() -> str:
    """Names one message, for good and everywhere."""
    return secrets.token_urlsafe(ID_BYTES)


def id_of(key: str, number: int) -> str:
    """Names the message of that number under a key, the same each time. Any key does, and none is known by its ids."""
    return hashlib.sha256(f"{number} {key}".encode(errors="surrogateescape")).hexdigest()[: 2 * ID_BYTES]


@dataclass(slots=True, eq=False)
class Piece:
    """One message of a line. `id` and `wire_text` stay the same however often it is sent; the text may have several
    lines, and CR where one is cut for the wire (`protocol.multiline`).

    `in_doubt`: it was sent, and the link was lost before the answer.
    """

    line: Line
    id: str
    wire_text: str = field(repr=False)
    in_doubt: bool = False
    refused_since: float | None = None  # when the server first asked us to come back later


@dataclass(slots=True, eq=False)
class Line:
    """What the face gave under one ticket; on the wire it may be several messages. `pieces` are the open ones.

    `behind` is the newest entry that its target had when it was typed. `named`: its ids come from a key that was given,
    and it must not be sent to a server that does not know them again.
    """

    ticket: int
    target: str
    text: str = field(repr=False)
    typed: datetime
    action: bool = False
    behind: Place | None = None
    pieces: list[Piece] = field(default_factory=list)
    refused: bool = False
    named: bool = False

    def cut(self, texts: Iterable[str], key: str | None = None) -> None:
        """Make the messages of it; under a `key` they have the same ids each time."""
        start, end = (ACTION_START, ACTION_END) if self.action else ("", "")
        self.pieces = [
            Piece(self, new_id() if key is None else id_of(key, number), f"{start}{text}{end}")
            for number, text in enumerate(texts)
        ]

    @property
    def done(self) -> bool:
        """Whether all of it is stored."""
        return not self.pieces and not self.refused

    @property
    def queued(self) -> Queued:
        return Queued(self.ticket, self.target, self.text, self.action)


class NotKept(SecurechatError):
    """Lines could not be written where they are to be kept; the outbox has them nevertheless."""


class Keeping(Protocol):
    """Where lines are kept that have to survive the client. What is done to it lasts from the next `save` on."""

    def lines(self) -> list[Line]: ...

    def places(self) -> dict[str, Place]: ...

    def put(self, line: Line) -> None: ...

    def drop(self, pieces: Sequence[Piece]) -> None: ...

    def reached(self, target: str, place: Place) -> None:
        """All of this target that is still kept comes behind this place."""

    def save(self) -> None: ...

    def close(self) -> None: ...


class InMemory:
    """Keeps nothing: the lines end with the client, and whoever gave them is told."""

    def lines(self) -> list[Line]:
        return []

    def places(self) -> dict[str, Place]:
        return {}

    def put(self, line: Line) -> None:
        pass

    def drop(self, pieces: Sequence[Piece]) -> None:
        pass

    def reached(self, target: str, place: Place) -> None:
        pass

    def save(self) -> None:
        pass

    def close(self) -> None:
        pass


class Outbox:
    """What waits, what flies (sent, not answered), and what must be sent once more.

    `patience` is how long, in seconds, a message is tried again that the server could not store for the moment. Then
    nothing new leaves until all that flies is answered, and one at a time until the first acknowledgement, so that
    order is kept.
    """

    def __init__(self, window: int = WINDOW, patience: float = PATIENCE, keeping: Keeping | None = None) -> None:
        self.window = window
        self.patience = patience
        self._keeping: Keeping = keeping or InMemory()
        self._lines: dict[int, Line] = {}  # those that are neither stored nor refused, oldest first
        self._reached = self._keeping.places()  # the newest own entry of each target
        self._bytes = 0
        self._waiting: deque[Piece] = deque()
        self._flying: dict[str, Piece] = {}
        self._failed: list[Piece] = []
        self._delay = FIRST_DELAY
        self._retry_at = 0.0
        self.recovering = False  # from a server that could not store
        for line in self._keeping.lines():
            self._take(line)

    def __contains__(self, label: object) -> bool:
        return label in self._flying

    @property
    def lines(self) -> list[Line]:
        """Those that are not wholly acknowledged, oldest first."""
        return list(self._lines.values())

    @property
    def doubts(self) -> list[Piece]:
        return [piece for piece in self._waiting if piece.in_doubt and not piece.line.refused]

    @property
    def deadline(self) -> float | None:
        """When to ask for `due` again although nothing came from the server."""
        return self._retry_at if self.recovering and self._waiting and not self._flying else None

    def put(self, line: Line) -> bool:
        """Take a line that was cut into its messages; False when too much waits already."""
        if self._lines and self._bytes > MOST_BYTES:
            return False
        self._keeping.put(line)
        self._take(line)
        return True

    def due(self, now: float) -> Iterator[Piece]:
        """The messages to be sent now; `sent` must follow for each before the next is taken."""
        while self._waiting and len(self._flying) < self._room(now):
            piece = self._waiting.popleft()
            if not piece.line.refused:
                yield piece

    def sent(self, piece: Piece, label: str) -> None:
        piece.in_doubt = False
        self._flying[label] = piece

    def label_to(self, same_target: str) -> str | None:
        """The label of the oldest unanswered message to a target, for servers that answer without labels."""
        return next((label for label, piece in self._flying.items() if piece.line.target == same_target), None)

    def acknowledged(self, label: str, now: float, place: Place | None = None) -> Piece:
        """What this answer says is stored, at `place` if it says so; its line may be done by that."""
        piece = self._flying.pop(label)
        if place is not None:
            self.reached(piece.line.target, place)
        if not self._failed:
            self.recovering, self._delay = False, FIRST_DELAY
        self._requeue(now)
        self._drop(piece.line, [piece])
        return piece

    def flying(self, label: str) -> Piece:
        return self._flying[label]

    def refused(self, label: str, now: float, *, temporary: bool = False) -> Line | None:
        """The line that is refused by this answer; None when it was already or when it will be tried again."""
        piece = self._flying.pop(label)
        if temporary and self._may_retry(piece, now):
            self._failed.append(piece)
            self.recovering = True
            self._requeue(now)
            return None
        self._requeue(now)
        return None if piece.line.refused else self.give_up(piece.line)

    def give_up(self, line: Line) -> Line:
        """Nothing more of this line is sent."""
        line.refused = True
        self._drop(line, list(line.pieces))
        return line

    def link_lost(self) -> None:
        """All that is not answered is to be sent again, before the rest and in the old order."""
        for piece in self._flying.values():
            piece.in_doubt = True
        self._flying.clear()
        self._failed.clear()
        self._waiting = deque(piece for line in self.lines for piece in line.pieces)
        self.recovering, self._delay = False, FIRST_DELAY

    def found_stored(self, piece: Piece, place: Place | None) -> None:
        """A piece in doubt turned out to be stored."""
        self._waiting.remove(piece)
        if place is not None:
            self.reached(piece.line.target, place)
        self._drop(piece.line, [piece])

    def too_old(self, now: datetime) -> list[Line]:
        """The lines that wait for so long that the server may no longer know what became of them."""
        return [line for line in self.lines if now - line.typed > IDS_HOLD]

    def reached(self, target: str, place: Place) -> None:
        """Everything of ours to this target that is still open comes behind this place."""
        self._reached[target] = place
        self._keeping.reached(target, place)

    def behind(self, line: Line) -> Place | None:
        """The newest entry of its target that is known to come before the line."""
        places = [place for place in (line.behind, self._reached.get(line.target)) if place is not None]
        return max(places, key=lambda place: place.time, default=None)

    def save(self) -> None:
        """To be called before anything of what was put is sent. Raises NotKept."""
        self._keeping.save()

    def close(self) -> None:
        """Raises NotKept."""
        self._keeping.close()

    def _take(self, line: Line) -> None:
        self._lines[line.ticket] = line
        self._bytes += len(line.text.encode())
        self._waiting.extend(line.pieces)

    def _drop(self, line: Line, pieces: list[Piece]) -> None:
        self._keeping.drop([piece for piece in line.pieces if piece in pieces])
        line.pieces = [piece for piece in line.pieces if piece not in pieces]
        if not line.pieces and self._lines.pop(line.ticket, None) is not None:
            self._bytes -= len(line.text.encode())

    def _room(self, now: float) -> int:
        if self.recovering and now < self._retry_at:
            return 0
        return 1 if self.recovering else self.window

    def _may_retry(self, piece: Piece, now: float) -> bool:
        if piece.refused_since is None:
            piece.refused_since = now
        return not piece.line.refused and now - piece.refused_since < self.patience

    def _requeue(self, now: float) -> None:
        """Put what must be sent again before all the rest, once everything that flew is answered."""
        if self._flying or not self._failed:
            return
        self._waiting.extendleft(reversed(self._failed))
        self._failed.clear()
        self._retry_at = now + self._delay
        self._delay = min(self._delay * 2, LONGEST_DELAY)
