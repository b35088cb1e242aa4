"""The loop: the one thread that owns every socket and runs the core, a turn at a time.

While a turn's commit is in flight the loop goes on accepting, shaking hands, reading and writing, but starts no new
turn. So what is acknowledged or delivered is durable, and there is one order of everything.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from securechat.auth.verifier import Rehashed, Verified
from securechat.config import Settings
from securechat.log import Tally
from securechat.protocol.lines import Unended, read_line
from securechat.server.arrivals import Arrivals
from securechat.server.certificates import Contexts
from securechat.server.connection import HTTP_REFUSAL, CertificateRefused, Connection, ConnectionLost, Phase
from securechat.server.core import Core
from securechat.server.delivery import deliver
from securechat.server.gathering import Gathering
from securechat.server.items import Answer, Ending, Gone, Item, Overdue, Resume, Said, Tick
from securechat.server.listener import Listener
from securechat.server.session import Session, Stage
from securechat.server.storage import Broken, Committed, Report, Storage, ThreadEnded
from securechat.server.turn import Turn
from securechat.server.workers import Pool
from securechat.store.errors import StoreError
from securechat.store.rows import AccountChanged

EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET  # registered once: modify() is dear
EVENTS_IN_A_PASS = 64  # or a thousand handshakes at once would keep all others for half a second
MOST_WAITING = 16384  # lines that wait for a turn; above it nobody is read
MOST_QUEUED = 32  # lines of one connection among them; above it that one is not read
CHOKED = 64 * 1024  # bytes in an outbox from which its session is not heard until it has read them
LAGGING = 512 * 1024  # bytes in an outbox from which a reader that drains it is waited for
DRAINING = 256 * 1024  # bytes a second that make it worth waiting
DRAIN_WINDOW = 0.1  # seconds over which that is judged
EMPTY = (b"", b"\r")  # lines that IRC ignores
PACE = 0.005  # seconds between two looks at lagging readers
OURS = 0.5  # seconds of one commit from which the delay is ours and no peer's deadline runs
CLOSING_TIME = 5.0  # seconds for the last lines to leave and the peer to close
ENDING_TIME = 3.5  # seconds for all of it when the server ends; the process has 5, a commit may wait for 3
LAST_TIME = 2.0  # seconds of them for one connection
TICK = 1.0
LOOK = 0.2  # seconds between two looks of an idle server for what administrators changed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stop:
    """Posted to end the loop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Posted to shake hands with another certificate from now on."""

    contexts: Contexts


Posted = Report | Answer | Stop | Reload


class Loop:
    """Everything in it is owned by the thread that calls `run`; others call `post` only."""

    def __init__(
        self, core: Core, settings: Settings, listeners: Sequence[Listener], contexts: Contexts, tally: Tally
    ) -> None:
        self._core = core
        self._limits = settings.limits
        self._tally = tally
        self._inbox: deque[Posted] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._arrivals = Arrivals(settings.limits, listeners, contexts, tally, self._epoll)
        self._connections: dict[int, Connection] = {}
        self._readable: dict[Connection, None] = {}  # may hold more than was read
        self._parked: set[Connection] = set()  # readable too, but their session waits, or has much waiting
        self._lagging: set[Connection] = set()
        self._waiting: deque[Item] = deque()
        self._gathering = Gathering()
        self._turn: Turn | None = None  # whose commit is in flight
        self._turn_began = 0.0
        self._stalled = 0.0  # seconds in which peers waited for us
        self._now = time.monotonic()
        self._next_tick = self._now + TICK
        self._next_look = self._now
        self._proved: list[
            Answer
        ] = []  # passwords proved against a newer store than the core may know: wait for a look
        self._looking: list[Answer] = []  # those of them that came before the look under way
        self._looked = False  # since the last turn
        self._ends_at: float | None = None
        self._storage: Storage | None = None
        self._pools: Mapping[str, Pool] = {}

    def post(self, posted: Posted) -> None:
        """Hand something to the loop; from any thread."""
        self._inbox.append(posted)
        os.eventfd_write(self._wake, 1)

    def run(self, storage: Storage, pools: Mapping[str, Pool]) -> None:
        """Serve until a Stop is posted. Whatever it raises is a bug, or a store that cannot go on."""
        self._storage, self._pools = storage, pools
        self._epoll.register(self._wake, select.EPOLLIN)
        while self._ends_at is None or (self._now < self._ends_at and self._has_work()):
            self._pass()
        self._close()

    def _has_work(self) -> bool:
        return bool(self._connections or self._waiting) or self._turn is not None

    def _pass(self) -> None:
        for fd, events in self._poll():
            if fd == self._wake:
                os.eventfd_read(self._wake)
                self._take_inbox()
            elif fd in self._arrivals:
                self._accept(fd)
            elif (connection := self._connections.get(fd)) is not None:
                self._happened(connection, events)
        self._read()
        if self._turn is None:
            self._next_turn()
        if self._now >= self._next_tick:
            self._tick()

    def _poll(self) -> list[tuple[int, int]]:
        if self._readable and len(self._waiting) < MOST_WAITING:
            timeout = 0.0
        elif (self._waiting or self._proved) and self._turn is None:
            timeout = PACE if self._lagging else max(0.0, self._gathering.until - self._now)
        else:
            timeout = max(0.0, self._next_event() - self._now)
        events = self._epoll.poll(timeout, EVENTS_IN_A_PASS)
        self._now = time.monotonic()
        return events

    def _next_event(self) -> float:
        looking = self._next_look if self._turn is None else self._next_tick
        return min(self._next_tick, looking, self._next_tick if self._ends_at is None else self._ends_at)

    def _take_inbox(self) -> None:
        while self._inbox:
            match self._inbox.popleft():
                case Committed(error, changes, newest):
                    self._committed(error, changes, newest)
                case Broken(thread, failure):
                    raise ThreadEnded(f"the thread {thread} ended ({type(failure).__name__}); see the log") from failure
                case Stop(reason):
                    self._stop(reason)
                case Reload(contexts):
                    self._arrivals.contexts = contexts
                case Answer(result=Verified() | Rehashed()) as answer:
                    self._proved.append(answer)
                case Answer() as answer:
                    self._waiting.append(answer)

    # Arriving

    def _accept(self, fd: int) -> None:
        deadline = self._patient_now() + self._limits.registration_timeout
        for connection in self._arrivals.accept(fd, self._now, deadline):
            self._connections[connection.sock.fileno()] = connection
            self._epoll.register(connection.sock, EVENTS)

    def _happened(self, connection: Connection, events: int) -> None:
        try:
            if connection.phase is Phase.HANDSHAKE and not connection.handshake():
                return
            if connection.phase is Phase.LINGERING:
                connection.drain()
                return
            if connection.outbox is not None:
                connection.heard, connection.pinged = self._now, False  # taking what we send is a sign of life, too
                if connection.flush():
                    self._flushed(connection)
            if events & select.EPOLLRDHUP:
                connection.hung_up = True
                self._parked.discard(connection)
            if connection.phase in (Phase.OPEN, Phase.HTTP) and connection not in self._parked:
                self._readable[connection] = None
        except ConnectionLost as lost:
            if isinstance(lost, CertificateRefused):
                self._tally.count(str(lost), connection.address, self._now)
            self._lost(connection, str(lost))

    # Reading

    def _read(self) -> None:
        for connection in list(self._readable):
            if len(self._waiting) >= MOST_WAITING:
                return
            if connection.hung_up and connection.counted and connection.session.busy:
                self._lost(connection, "closed by the peer")  # nobody waits for this login any more
                continue
            if connection.session.waits or connection.queued >= MOST_QUEUED:
                del self._readable[connection]
                self._parked.add(connection)
                continue
            try:
                if not connection.unread:
                    self._receive(connection)
                self._queue(connection)
            except Unended:
                self._overdue(connection, "a line without an end")
            except ConnectionLost as lost:
                self._lost(connection, str(lost))

    def _receive(self, connection: Connection) -> None:
        data, more = connection.read()
        if not more:
            del self._readable[connection]
        if not data:
            return
        connection.heard = self._now
        connection.pinged = False
        if connection.phase is Phase.HTTP:
            self._send(connection, (HTTP_REFUSAL,))
            self._overdue(connection, "speaks HTTP")
            return
        connection.unread = [line for line in connection.lines.feed(data) if line not in EMPTY]

    def _queue(self, connection: Connection) -> None:
        """Its next lines join those that wait for a turn; a few only, so that a flood does not go before the others."""
        lines, connection.unread = connection.unread[:MOST_QUEUED], connection.unread[MOST_QUEUED:]
        for line in lines:
            message = read_line(line)
            if message is not None:
                self._waiting.append(Said(connection.session, message))
                connection.queued += 1
        if connection.unread:
            self._readable[connection] = None

    def _overdue(self, connection: Connection, reason: str) -> None:
        """This one must go; the core tells it, and the others."""
        self._readable.pop(connection, None)
        if connection.phase is Phase.HTTP:
            self._finish(connection, reason)
        else:
            self._waiting.append(Overdue(connection.session, reason))

    # Turns

    def _crowded(self) -> bool:
        """Whether a reader lags that drains its outbox well: the senders are slowed rather than the reader cut.

        Who takes little or nothing is not waited for. So a burst loses nobody, and one bad reader delays nobody.
        """
        crowded = False
        for connection in list(self._lagging):
            outbox = connection.outbox
            if outbox is None or outbox.size < LAGGING:
                self._lagging.discard(connection)
            elif outbox.drains(self._now, DRAIN_WINDOW, DRAINING):
                crowded = True
        return crowded

    def _next_turn(self) -> None:
        """A turn for what waits, or a look for what administrators wrote; neither keeps the other from its turn."""
        waiting = len(self._waiting)
        ready = waiting > 0 and self._gathering.over(self._now, waiting) and not self._crowded()
        if (self._proved or self._now >= self._next_look) and not (ready and self._looked):
            self._look()
        elif ready:
            self._start_turn()

    def _start_turn(self) -> None:
        self._looked = False
        turn = self._core.turn(self._waiting)
        if turn.rows:
            self._gathering.begun(self._now, (item.session for item in turn.items if isinstance(item, Said)))
            self._submit(turn)
        else:
            self._settle(turn)

    def _look(self) -> None:
        """An empty turn: it brings what administrators wrote, ahead of all that waits."""
        self._looked = True
        self._looking, self._proved = self._proved, []
        self._submit(self._core.turn(deque()))

    def _submit(self, turn: Turn) -> None:
        assert self._storage is not None
        self._turn, self._turn_began = turn, self._now
        self._storage.submit(turn.rows)

    def _committed(self, error: StoreError | None, changes: Sequence[AccountChanged], newest: int | None) -> None:
        """What others wrote is handled first: it was read behind this turn, and no later one has begun."""
        assert self._turn is not None
        turn, self._turn = self._turn, None
        delay = self._now - self._turn_began
        if delay > OURS:
            self._stalled += delay
        self._next_look = self._now + LOOK
        self._waiting.extendleft(reversed(changes))
        self._waiting.extend(self._looking)
        self._looking = []
        self._settle(turn if error is None else self._core.again(turn), newest)

    def _settle(self, turn: Turn, newest: int | None = None) -> None:
        """The turn stands: its jobs start, its bytes leave, its senders may say more."""
        for job in turn.jobs:
            if job.session.link is not None:
                job.session.link.busy_since = self._now
            self._pools[job.pool].submit(job)
        deliver(turn.output, self._send)
        self._core.settled(turn, newest)
        for session in turn.opened:
            if session.link is not None:
                self._opened(session.link)
        for item in turn.items:
            if isinstance(item, Said):
                connection = item.session.link
                if connection is not None:
                    connection.queued -= 1
                    self._resume(connection)
            elif isinstance(item, Answer | Resume) and item.session.link is not None:
                self._end_wait(item.session.link)
        self._waiting.extend(map(Resume, turn.unfinished))
        for session, reason in turn.closing:
            if session.link is not None:
                self._finish(session.link, reason)
            if session.device is not None:  # its place is known now, however long the peer takes to close
                self._waiting.append(Gone(session, reason))

    def _end_wait(self, connection: Connection) -> None:
        if connection.busy_since is not None and not connection.session.busy:
            connection.deadline += self._now - connection.busy_since
            connection.busy_since = None
        self._resume(connection)

    def _resume(self, connection: Connection) -> None:
        if connection.counted and connection.session.stage is Stage.ADMITTED:
            self._arrivals.admitted(connection)
        if connection in self._parked and not connection.session.waits and connection.queued < MOST_QUEUED // 2:
            self._parked.discard(connection)
            self._readable[connection] = None

    # Writing

    def _send(self, connection: Connection, pieces: tuple[bytes, ...]) -> None:
        if connection.phase not in (Phase.OPEN, Phase.HTTP):
            return
        outbox = connection.outbox
        if outbox is not None and outbox.size >= self._limits.outbox:
            self._lost(connection, f"does not read: {outbox.size} bytes are waiting for it")
            return
        try:
            connection.write(pieces, self._now)
        except ConnectionLost as lost:
            self._lost(connection, str(lost))
            return
        if connection.outbox is None:
            return
        self._mark_handed(connection.session)
        if connection.outbox.size >= CHOKED:
            connection.session.choked = True
            if connection.outbox.size >= LAGGING:
                self._lagging.add(connection)

    def _opened(self, connection: Connection) -> None:
        connection.opened = True
        if connection.outbox is None:
            connection.session.handed = None

    def _mark_handed(self, session: Session) -> None:
        """What is delivered from here on is not handed to the socket, or not yet."""
        if session.handed is None:
            session.handed = self._core.directory.newest

    def _flushed(self, connection: Connection) -> None:
        self._lagging.discard(connection)
        if connection.session.choked:
            connection.session.choked = False
            self._waiting.append(Resume(connection.session))
        if connection.phase is Phase.FLUSHING:
            connection.end_writing()
        elif connection.opened:
            connection.session.handed = None

    def _finish(self, connection: Connection, reason: str) -> None:
        """Close once all that is queued has left."""
        if connection.phase is Phase.CLOSED:
            return
        self._mark_handed(connection.session)
        connection.finish(reason, self._patient_now() + (CLOSING_TIME if self._ends_at is None else LAST_TIME))
        self._readable.pop(connection, None)
        self._parked.discard(connection)
        try:
            if connection.flush():
                self._flushed(connection)
        except ConnectionLost as lost:
            self._lost(connection, str(lost))

    def _lost(self, connection: Connection, reason: str) -> None:
        if connection.phase is Phase.CLOSED:
            return
        session = connection.session
        self._mark_handed(session)
        self._waiting.append(Gone(session, reason))  # even if it seems closed: that turn may yet be undone
        if session.person is not None:
            log.info("closed %s from %s: %s", session.person.name, connection.address, connection.reason or reason)
        else:
            log.debug("closed a connection from %s: %s", connection.address, connection.reason or reason)
        self._arrivals.gone(connection)
        self._readable.pop(connection, None)
        self._parked.discard(connection)
        self._lagging.discard(connection)
        del self._connections[connection.sock.fileno()]
        session.link = None
        connection.close()

    # Time

    def _patient_now(self) -> float:
        """The clock of the peers' deadlines: it stands while all wait for us."""
        return self._now - self._stalled

    def _tick(self) -> None:
        self._next_tick = self._now + TICK
        self._tally.flush(self._now)
        self._arrivals.wake()
        self._waiting.append(Tick())  # for ever: a clock that was set back takes the core into its quiet time again
        if self._turn is None or self._now - self._turn_began < OURS:
            patient = self._patient_now()
            for connection in list(self._connections.values()):
                self._check(connection, patient)

    def _check(self, connection: Connection, patient: float) -> None:
        if connection.counted or connection.phase in (Phase.FLUSHING, Phase.LINGERING):
            if patient > connection.deadline and not connection.session.busy:
                self._too_slow(connection)
        elif connection.pinged:
            if patient > connection.deadline:
                self._overdue(connection, f"ping timeout: silent for {int(self._now - connection.heard)} s")
        elif self._now - connection.heard > self._limits.ping_interval:
            connection.pinged = True
            connection.deadline = patient + self._limits.ping_timeout
            self._send(connection, (f"PING :{self._core.settings.server.name}\r\n".encode(),))

    def _too_slow(self, connection: Connection) -> None:
        if connection.phase is Phase.OPEN:
            self._tally.count("login took too long", connection.address, self._now)
            self._overdue(connection, f"login took longer than {self._limits.registration_timeout:g} s")
            return
        if connection.phase in (Phase.HANDSHAKE, Phase.HTTP):
            self._tally.count("handshake took too long", connection.address, self._now)
        self._lost(connection, "took too long")

    # Ending

    def _stop(self, reason: str) -> None:
        """No newcomers; the members are told, and what is committed leaves."""
        if self._ends_at is not None:
            return
        self._ends_at = self._now + ENDING_TIME
        self._arrivals.close()
        for connection in list(self._connections.values()):
            if connection.counted and connection.phase is not Phase.OPEN:
                self._lost(connection, reason)
            elif connection.counted:
                self._overdue(connection, reason)
        self._waiting.append(Ending(reason))

    def _close(self) -> None:
        for connection in list(self._connections.values()):
            self._lost(connection, "the server has ended")
        self._tally.close()
        self._epoll.close()  # `_wake` stays open: a worker that posts yet must not write into a file opened there
