"""The outbox's way to the server over one link: pieces become lines, and answers find the piece that they are about.

With labels and echoes the labelled echo says stored; without them a PING behind each message stands in for the label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from securechat.client import messages, replies
from securechat.client.events import Acknowledged, Event, Refused
from securechat.client.history import Place
from securechat.client.multiline import Limits
from securechat.client.outbox import WINDOW, Line, Outbox, Piece
from securechat.protocol.message import Message
from securechat.protocol.multiline import CONCAT, KIND, is_multiline, pieces_of

RETRY = "securechat/retry"
ID_TAG = "+securechat/id"
UNSAFE = "this server does not know a message again by its id, so that it could be stored twice; send it without one"
TOO_LARGE = (
    "this server no longer takes a message of so many lines; see whether it is there, and send it again in parts"
)
ACKNOWLEDGE = "ack-"  # tokens of the PINGs

LABELS = frozenset({"labeled-response", "echo-message", "batch"})


class Sending:
    """`said` gets what is stored but will not be echoed. Nothing is sent before `begin`."""

    def __init__(
        self,
        outbox: Outbox,
        send: Callable[..., None],
        new_label: Callable[[], str],
        tell: Callable[[Event], None],
        said: Callable[[Piece], None],
    ) -> None:
        self.capabilities: frozenset[str] = frozenset()
        self.limits: Limits | None = None  # of a message of several lines
        self._open = False
        self._outbox = outbox
        self._send = send
        self._new_label = new_label
        self._tell = tell
        self._said = said
        self._now = 0.0

    def __contains__(self, label: object) -> bool:
        return label in self._outbox

    @property
    def labelled(self) -> bool:
        """Whether a labelled echo comes back for each message."""
        return self.capabilities >= LABELS

    @property
    def knows_ids(self) -> bool:
        """Whether the server stores a message once, however often it is sent under its id."""
        return RETRY in self.capabilities

    @property
    def deadline(self) -> float | None:
        return self._outbox.deadline if self._open else None

    def begin(self) -> None:
        """A server that knows ids handles named messages one by one, so one may be stored although the one before it
        could not be: order then takes sending one at a time.
        """
        self._open = True
        self._outbox.window = 1 if self.knows_ids else WINDOW

    def send_due(self, now: float) -> None:
        self._now = now
        if not self._open:
            return
        for piece in self._outbox.due(now):
            if piece.line.named and not self.knows_ids:
                self.give_up(piece.line, UNSAFE)
                continue
            if is_multiline(piece.wire_text) and not (self.limits and self.limits.hold(piece.wire_text)):
                self.give_up(piece.line, TOO_LARGE)  # anything else under its id would be another message
                continue
            label = self._new_label()
            self._outbox.sent(piece, label)
            tags = {"label": label} if self.labelled else {}
            if self.knows_ids:
                tags[ID_TAG] = piece.id
            self._say(piece, label, tags)
            if not self.labelled:
                self._send("PING", ACKNOWLEDGE + label)

    def _say(self, piece: Piece, reference: str, tags: Mapping[str, str]) -> None:
        target, words = piece.line.target, piece.wire_text
        if not is_multiline(words):
            return self._send("PRIVMSG", target, words, tags=tags)
        self._send("BATCH", f"+{reference}", KIND, target, tags=tags)
        for one in pieces_of(words):
            inside = {"batch": reference, CONCAT: ""} if one.concat else {"batch": reference}
            self._send("PRIVMSG", target, one.text, tags=inside)
        return self._send("BATCH", f"-{reference}")

    def answered(self, label: str, answers: Sequence[Message]) -> None:
        """An answer to a message of ours: its echo says stored, an error says why not."""
        error = next((message for message in answers if replies.is_error(message)), None)
        if error is not None:
            return self._refused(label, error)
        places = (messages.place_of(message) for message in answers if message.command == "PRIVMSG")
        place = next(places, None)
        piece = self._outbox.acknowledged(label, self._now, place)
        if "echo-message" not in self.capabilities:
            self._said(piece)
        return self.stored(piece, place)

    def ponged(self, token: str) -> None:
        label = token.removeprefix(ACKNOWLEDGE)
        if label != token and label in self._outbox:
            self.answered(label, ())

    def refused_unlabelled(self, error: Message) -> bool:
        """Whether this error is about a message of ours, as far as a server without labels lets us know."""
        label = next((label for about in error.params[1:] if (label := self._outbox.label_to(about))), None)
        if label is not None:
            self._refused(label, error)
        return label is not None

    def stored(self, piece: Piece, place: Place | None) -> None:
        if piece.line.done:
            time, msgid = (place.time, place.msgid) if place is not None else (None, None)
            self._tell(Acknowledged(piece.line.ticket, time, msgid))

    def give_up(self, line: Line, reason: str) -> None:
        self._outbox.give_up(line)
        self._tell(Refused(line.ticket, line.target, line.text, reason))

    def _refused(self, label: str, error: Message) -> None:
        piece, temporary = self._outbox.flying(label), replies.is_temporary(error)
        first_time = piece.refused_since is None
        line = self._outbox.refused(label, self._now, temporary=temporary)
        if line is not None:
            self._tell(Refused(line.ticket, line.target, line.text, replies.reason(error), temporary))
        elif first_time and not piece.line.refused:
            self._tell(piece.line.queued)
