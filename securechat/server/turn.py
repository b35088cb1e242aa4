"""One turn: what its messages change, store, reply and deliver, all of it held until the commit, all of it undoable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from securechat.auth.throttle import Throttle
from securechat.chat.channel import Audience, Channel
from securechat.chat.directory import Directory
from securechat.chat.person import Person
from securechat.config import Settings
from securechat.errors import SecurechatError
from securechat.protocol.capabilities import BATCH, LABELED_RESPONSE
from securechat.protocol.http import Response
from securechat.protocol.message import escape, write
from securechat.protocol.numerics import TEXTS
from securechat.server.event import Event, lasting
from securechat.server.job import Done, Job
from securechat.server.msgids import new_msgid
from securechat.server.reply import Batch, Line, Reply, written
from securechat.server.services import Services
from securechat.server.session import OPENING, Opening, Session, Stage
from securechat.store.errors import StoreError
from securechat.store.rows import EntryStored, Row

if TYPE_CHECKING:
    from securechat.server.items import Item

LABEL_BYTES = 64
LABELLING = LABELED_RESPONSE | BATCH  # an answer of several lines takes both
LINES_IN_A_TURN = 1024
BYTES_IN_A_TURN = 256 * 1024  # of output, each audience counted once: what one member can get at most
HELD_BYTES = 16 * 1024  # of what was held, given at once
DELIVERED_IN_A_TURN = 64 * 1024 * 1024  # of output, times the receivers

_MISSING: Any = object()


class StoreUnavailable(SecurechatError):
    """The turn's commit failed; nothing can be recorded in this run of it."""


class Owner(Protocol):
    """State of the core: an object that is told which attribute changed, to drop what it derived from it."""

    def changed(self, name: str) -> None: ...


class Output(msgspec.Struct, frozen=True, gc=False):
    """Bytes for one session, or for an audience without those in `skip`; a struct, for there are two for a message."""

    target: Session | Audience
    data: bytes
    skip: tuple[Session, ...] = ()

    def __repr__(self) -> str:
        """It may be what somebody said."""
        return f"Output({self.target!r}, {len(self.data)} bytes)"


Mark = tuple[int, int, int, int, int]  # how long the lists of a turn were: undo, rows, output, jobs, closing


class Turn:
    """Handlers change the core through `set`, `put` and `drop`, which note their own inverse."""

    def __init__(
        self,
        directory: Directory,
        throttle: Throttle,
        settings: Settings,
        services: Services,
        now: float,
        started: float,
        failing: StoreError | None = None,
    ) -> None:
        self.directory = directory
        self.throttle = throttle
        self.settings = settings
        self.services = services
        self.server = settings.server.name
        self.now = now  # seconds since the epoch
        self.milliseconds = int(now * 1000)
        self.started = started  # when the server did
        self.failing = failing  # why the commit of these items failed; this run tells their senders
        self.items: list[Item] = []
        self.rows: list[Row] = []
        self.output: list[Output] = []
        self.jobs: list[Job] = []
        self.closing: list[tuple[Session, str]] = []
        self.admitted: dict[Session, int] = {}  # are to be told what they missed; how many entries stood before them
        self.opened: list[Session] = []  # have been told all that went before, once this turn is delivered
        self.overfull: list[Session] = []  # more is held for them than an outbox may hold
        self.unfinished: list[Session] = []  # what they said and was held goes on in the next turn
        self._over = False
        self._begun = 0
        self._undo: list[tuple[Owner, str, Any, Any]] = []
        self._bytes = 0
        self._delivered = 0
        self._batches = 0
        self._actor: Session | None = None
        self._label: str | None = None
        self._replies: list[Reply] = []

    def has_room(self) -> bool:
        """A turn ends with one who was told what was missed: what is stored behind it, that one misses."""
        return (
            not self._over
            and len(self.items) < LINES_IN_A_TURN
            and self._begun < LINES_IN_A_TURN
            and self._bytes < BYTES_IN_A_TURN
            and self._delivered < DELIVERED_IN_A_TURN
        )

    # State

    def set(self, owner: Owner, name: str, value: object) -> None:
        """Set an attribute of `owner`."""
        self._undo.append((owner, name, _MISSING, getattr(owner, name)))
        setattr(owner, name, value)
        owner.changed(name)

    def put(self, owner: Owner, name: str, key: object, value: object) -> None:
        """Set `key` in the dict `name` of `owner`."""
        table = getattr(owner, name)
        self._undo.append((owner, name, key, table.get(key, _MISSING)))
        table[key] = value
        owner.changed(name)

    def drop(self, owner: Owner, name: str, key: object) -> None:
        """Take `key` out of the dict `name` of `owner`; nothing happens if it is not there."""
        table = getattr(owner, name)
        if key in table:
            owner.changed(name)
            self._undo.append((owner, name, key, table.pop(key)))
            owner.changed(name)

    def mark(self) -> Mark:
        return len(self._undo), len(self.rows), len(self.output), len(self.jobs), len(self.closing)

    def back_to(self, mark: Mark) -> None:
        """Undo what happened since the mark: state (but for the order within a table), rows, output, jobs."""
        undo, rows, output, jobs, closing = mark
        while len(self._undo) > undo:
            owner, name, key, old = self._undo.pop()
            if key is _MISSING:
                setattr(owner, name, old)
            elif old is _MISSING:
                getattr(owner, name).pop(key, None)  # it may have failed before it was put
            else:
                getattr(owner, name)[key] = old
            owner.changed(name)
        del self.rows[rows:]
        del self.output[output:]
        del self.jobs[jobs:]
        del self.closing[closing:]

    def undo(self) -> None:
        self.back_to((0, 0, 0, 0, 0))

    # What is kept

    def record(self, *rows: Row) -> None:
        """Store rows with this turn's commit. Raises StoreUnavailable where that is known to fail."""
        if self.failing:
            raise StoreUnavailable(str(self.failing))
        self.rows += rows

    @property
    def entries(self) -> int:
        """How many are stored so far."""
        return sum(type(row) is EntryStored for row in self.rows)

    def note(self, row: Row) -> None:
        """Store a row if that can be done, for what is not worth failing for; never does the sender notice."""
        if not self.failing:
            self.rows.append(row)

    def stamp(self, target: str) -> int:
        """The time of a new entry of `target`: now, but later than every earlier one, whatever the clock does."""
        time = max(self.milliseconds, self.directory.last_times.get(target, 0) + 1)
        self.put(self.directory, "last_times", target, time)
        return time

    def event(
        self, person: Person, body: str, *, time: int | None = None, tags: str = "", extended: str | None = None
    ) -> Event:
        """Something that `person` did now; `body` is the line behind its source."""
        source = f":{person.source} "
        return Event(
            source + body,
            self.milliseconds if time is None else time,
            new_msgid(self.milliseconds),
            person.name,
            tags,
            None if extended is None else source + extended,
            person.bot,
        )

    def keep(self, event: Event, person: Person, target: str, kind: str, text: str) -> None:
        """Store an event as an entry of `target`'s history."""
        self.record(EntryStored(target, event.msgid, event.time, kind, person.id, text, lasting(event.relayed_tags)))

    # What leaves after the commit

    def tell(self, channel: Channel, event: Event, skip: tuple[Session, ...] = (), needs: int = 0) -> None:
        """Everyone in the channel who may read it and has the capabilities `needs`, without `skip`."""
        for variant, audience in channel.audiences().items():
            if variant & needs != needs:
                continue
            if variant & OPENING:
                self.tell_each((session for session in audience if session not in skip), event)
            else:
                self._emit(Output(audience, event.encode(variant), skip), len(audience))

    def tell_each(self, sessions: Iterable[Any], event: Event) -> None:
        for session in sessions:
            data = event.encode(session.variant)
            if session.opening is None:
                self._emit(Output(session, data), 1)
            else:
                self._hold(session, session.opening, data)

    def _hold(self, session: Session, opening: Opening, data: bytes) -> None:
        self.put(opening, "held", len(opening.held), data)
        self.set(opening, "size", opening.size + len(data))
        if opening.size > self.settings.limits.outbox:
            self.overfull.append(session)

    def give_held(self, session: Session, opening: Opening) -> None:
        """Send a piece of what was held; once nothing is left the opening is over."""
        pieces: list[bytes] = []
        size = 0
        while opening.given + len(pieces) < len(opening.held) and size < HELD_BYTES:
            pieces.append(opening.held[opening.given + len(pieces)])
            size += len(pieces[-1])
        self.set(opening, "given", opening.given + len(pieces))
        self.set(opening, "size", opening.size - size)
        if pieces:
            self._emit(Output(session, b"".join(pieces)), 1)
        if opening.given == len(opening.held):
            self.set(session, "opening", None)
            self.opened.append(session)

    def _emit(self, output: Output, receivers: int) -> None:
        self.output.append(output)
        self._bytes += len(output.data)
        self._delivered += len(output.data) * receivers

    # Replies to the one whose message is being handled

    def begin(self, session: Session | None, label: str | None) -> None:
        self._begun += 1
        self._actor = session
        self._label = None
        self._replies = []
        if session is not None and label is not None and len(label.encode()) <= LABEL_BYTES:
            self._label = label if session.caps & LABELLING == LABELLING else None

    def finish(self) -> None:
        """Send what the message's sender is answered; a label is always answered, with ACK if there is nothing."""
        session, label, replies = self._actor, self._label, self._replies
        self._actor = self._label = None
        if session is None or label is None:
            return
        tag = f"label={escape(label)}"
        if len(replies) > 1:
            self._write(session, Batch("labeled-response", replies), tag)
        else:
            self._write(session, replies[0] if replies else Line("", f":{self.server} ACK"), tag)

    def wait(
        self,
        pool: str,
        session: Session,
        work: Callable[[], object],
        done: Done,
        *,
        first: bool = False,
        settle: Callable[[Turn, Any], None] | None = None,
    ) -> None:
        """Let a worker do `work` once the turn stands; what the session says meanwhile waits, so does its label."""
        self.jobs.append(Job(pool, session, work, done, self._label, first, settle))
        self.set(session, "busy", True)
        self._label = None

    def hold_label(self) -> str | None:
        """The label of this message, which `answer_label` answers later."""
        label, self._label = self._label, None
        return label

    def answer_label(self, session: Session, label: str | None) -> None:
        """What follows answers a message that came before."""
        if session is self._actor and label is not None:
            self._label = label

    def reply(self, session: Session, numeric: str, *params: str) -> None:
        self._say(session, write(numeric, session.nick, *params, source=self.server))

    def reply_each(self, session: Session, lasts: Sequence[str], numeric: str, *params: str) -> None:
        """A reply for each of `lasts`, its last parameter; in one piece, unless a label makes a batch of them."""
        head = f"{write(numeric, session.nick, *params, source=self.server)} :"
        if session is self._actor and self._label is not None:
            self._replies += [Line("", head + last) for last in lasts]
        elif lasts:
            self._say(session, head + f"\r\n{head}".join(lasts))

    def standard(self, session: Session, numeric: str, *params: str) -> None:
        """A numeric whose last parameter is always the same text."""
        self.reply(session, numeric, *params, TEXTS[numeric])

    def fail(self, session: Session, command: str, code: str, *words: str) -> None:
        """A FAIL; the last of `words` is the text. Source: IRCv3 standard replies."""
        *context, text = words
        self._say(session, " ".join([f":{self.server} FAIL", command, code, *context, f":{text}"]))

    def line(self, session: Session, command: str, *params: str) -> None:
        """Any other line of the server's."""
        self._say(session, write(command, *params, source=self.server))

    def _say(self, session: Session, text: str) -> None:
        """A line without tags, unless it is to carry a label; a welcome has twenty of them."""
        if session is self._actor and self._label is not None:
            self._replies.append(Line("", text))
        else:
            self._put_out(session, f"{text}\r\n".encode())

    def echo(self, session: Session, event: Event) -> None:
        """Its own doing, in the bytes that others of its capabilities get, unless it is to carry a label."""
        if session is self._actor and self._label is not None:
            self._replies += event.replies(session.variant)
        else:
            self._put_out(session, event.encode(session.variant))

    def send(self, session: Session, reply: Reply) -> None:
        if session is self._actor and self._label is not None:
            self._replies.append(reply)
        else:
            self._write(session, reply)

    def _write(self, session: Session, reply: Reply, tag: str = "") -> None:
        """In one piece, a page of history too."""
        self._put_out(session, written(reply, tag, self.server, self._new_reference).encode())

    def _put_out(self, session: Session, data: bytes) -> None:
        if session.opening is None or session is self._actor:
            self._emit(Output(session, data), 1)
        else:
            self._hold(session, session.opening, data)

    def _new_reference(self) -> str:
        self._batches += 1
        return str(self._batches)

    def close(self, session: Session, reason: str) -> None:
        """Say ERROR and hang up once all before it is sent. Who must leave channels goes through `presence.end`."""
        self.finish_if_actor(session)
        self.shut(session)
        self._say(session, f"ERROR :{reason}")
        self.closing.append((session, reason))
        self._over = self._over or session.device is not None

    def respond(self, session: Session, response: Response) -> None:
        """Answer an HTTP request; the connection closes behind it."""
        assert session.request is not None
        self.shut(session)
        data = response.encode(formatdate(self.now, usegmt=True), head_only=session.request.method == "HEAD")
        self._emit(Output(session, data), 1)
        self.closing.append((session, f"answered {response.status.value}"))

    def shut(self, session: Session) -> None:
        """Nothing is handled for it any more, nor told to it that was held."""
        self.set(session, "stage", Stage.CLOSED)
        if session.opening is not None:
            self.set(session, "opening", None)

    def finish_if_actor(self, session: Session) -> None:
        """The labelled replies so far go out before what follows: an ERROR, or a line that is no reply."""
        if session is self._actor:
            self.finish()
