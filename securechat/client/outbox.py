"""Messages on their way to the server: in order, a few unacknowledged at a time, each until its answer is there.

Knows neither socket nor clock: `now` is monotonic seconds and is passed in. Owned by the session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

WINDOW = 8
FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0


@dataclass(slots=True, eq=False)
class Line:
    """What the face gave under one ticket; on the wire it may be several messages."""

    ticket: int
    target: str
    text: str = field(repr=False)
    open_pieces: int = 0
    refused: bool = False

    @property
    def done(self) -> bool:
        """Whether all of it is stored."""
        return self.open_pieces == 0 and not self.refused


@dataclass(slots=True, eq=False)
class Piece:
    """One message of a line."""

    line: Line
    wire_text: str = field(repr=False)
    refused_since: float | None = None  # when the server first asked us to come back later


class Outbox:
    """What waits, what flies (sent, not answered), and what must be sent once more.

    `patience` is how long, in seconds, a message is tried again that the server could not store for the moment. Then
    nothing new leaves until all that flies is answered, and one at a time until the first acknowledgement, so that
    order is kept.
    """

    def __init__(self, window: int = WINDOW, patience: float = 0.0) -> None:
        self.window = window
        self.patience = patience
        self._waiting: deque[Piece] = deque()
        self._flying: dict[str, Piece] = {}
        self._failed: list[Piece] = []
        self._delay = FIRST_DELAY
        self._retry_at = 0.0
        self._recovering = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._flying) + len(self._failed)

    def __contains__(self, label: object) -> bool:
        return label in self._flying

    @property
    def first(self) -> Line | None:
        """The oldest line that is not wholly acknowledged."""
        pieces = [*self._failed, *self._flying.values(), *self._waiting]
        return min((piece.line for piece in pieces), key=lambda line: line.ticket, default=None)

    @property
    def deadline(self) -> float | None:
        """When to ask for `due` again although nothing came from the server."""
        return self._retry_at if self._recovering and self._waiting and not self._flying else None

    def put(self, line: Line, wire_texts: list[str]) -> None:
        line.open_pieces = len(wire_texts)
        self._waiting.extend(Piece(line, text) for text in wire_texts)

    def due(self, now: float) -> Iterator[Piece]:
        """The messages to be sent now; `sent` must follow for each before the next is taken."""
        while self._waiting and len(self._flying) < self._room(now):
            piece = self._waiting.popleft()
            if not piece.line.refused:
                yield piece

    def sent(self, piece: Piece, label: str) -> None:
        self._flying[label] = piece

    def label_to(self, same_target: str) -> str | None:
        """The label of the oldest unanswered message to a target, for servers that answer without labels."""
        return next((label for label, piece in self._flying.items() if piece.line.target == same_target), None)

    def acknowledged(self, label: str, now: float) -> Piece:
        """What this answer says is stored; its line may be done by that."""
        piece = self._flying.pop(label)
        if not self._failed:
            self._recovering, self._delay = False, FIRST_DELAY
        self._requeue(now)
        piece.line.open_pieces -= 1
        return piece

    def refused(self, label: str, now: float, *, temporary: bool = False) -> Line | None:
        """The line that is refused by this answer; None when it was already or when it will be tried again."""
        piece = self._flying.pop(label)
        if temporary and self._may_retry(piece, now):
            self._failed.append(piece)
            self._recovering = True
            self._requeue(now)
            return None
        self._requeue(now)
        first_refusal = not piece.line.refused
        piece.line.refused = True
        return piece.line if first_refusal else None

    def _room(self, now: float) -> int:
        if self._recovering and now < self._retry_at:
            return 0
        return 1 if self._recovering else self.window

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
