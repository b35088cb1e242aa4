"""The loop: the one thread that owns every socket and runs the core, a turn at a time.

Here is what happens in one pass of it; what is received, what is sent, turns and deadlines have a room of their own.
"""

from __future__ import annotations

import os
import select
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from securechat.auth.proof import Verified
from securechat.auth.verifier import Rehashed
from securechat.config import Settings
from securechat.log import Tally
from securechat.server.arrivals import Arrivals
from securechat.server.calendar import Calendar
from securechat.server.certificates import Contexts
from securechat.server.clock import Clock
from securechat.server.connection import (
    LINGERING,
    READ,
    SHAKING_HANDS,
    CertificateRefused,
    Connection,
    ConnectionLost,
    Phase,
)
from securechat.server.connections import Connections
from securechat.server.core import Core
from securechat.server.deadlines import Deadlines
from securechat.server.http.requests import Requests
from securechat.server.items import Answer, Ending, Item, Tick
from securechat.server.listener import Listener
from securechat.server.pace import Pace
from securechat.server.receiving import Receiving
from securechat.server.sending import LAST_TIME, Sending
from securechat.server.storage import Broken, Committed, Report, Storage, ThreadEnded
from securechat.server.throughput import Throughput
from securechat.server.turns import STUCK, Turns
from securechat.server.workers import Pool

EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET  # registered once: modify() is dear
OVER = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR  # the peer says no more
EVENTS_IN_A_PASS = 64  # or a thousand handshakes at once would keep all others for half a second
ENDING_TIME = 3.5  # seconds for all to be told that the server ends; the process has 5, a commit may wait for 3
TICK = 1.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Posted to end the loop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Posted to shake hands with another certificate from now on."""

    contexts: Contexts


@dataclass(frozen=True, slots=True)
class Load:
    """What there is at the moment, and what has come since the start."""

    connections: Mapping[tuple[bool, Phase], int]  # how many; True: not admitted
    accepted: Mapping[str, int]  # connections since the start, by listener
    evicted: int  # since the start: closed before their admission, to make room
    queued: int  # bytes in outboxes
    waiting: int  # items that wait for a turn
    paused: int  # connections that are not read, as their account talks too fast
    pauses: int  # since the start
    stalled: float  # seconds since the start in which all peers waited for us


Posted = Report | Answer | Stop | Reload


class Loop:
    """Everything in it is owned by the thread that calls `run`; others call `post` only."""

    def __init__(
        self, core: Core, settings: Settings, listeners: Sequence[Listener], contexts: Contexts, tally: Tally
    ) -> None:
        limits = settings.limits
        self._registration_timeout = limits.registration_timeout
        self._tally = tally
        self._inbox: deque[Posted] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._clock = clock = Clock()
        self._waiting: deque[Item] = deque()
        self._arrivals = Arrivals(limits, listeners, contexts, tally, self._epoll, core.knows)
        self._calendar = calendar = Calendar()
        self._connections = Connections(self._waiting, core.directory, self._arrivals, calendar)
        self._sending = Sending(self._waiting, clock, calendar, core.directory, self._connections, limits.outbox)
        self._requests = Requests(self._waiting, clock, self._connections, self._sending, tally)
        self._pace = Pace(limits, clock)
        self._receiving = Receiving(self._waiting, clock, self._pace, self._connections, self._sending, self._requests)
        self.throughput = Throughput()
        self._turns = Turns(
            core,
            self._waiting,
            clock,
            calendar,
            self._pace,
            self._arrivals,
            self._receiving,
            self._sending,
            self.throughput,
        )
        self._deadlines = Deadlines(settings, clock, calendar, self._connections, self._sending, self._requests, tally)
        self._next_tick = clock.now + TICK
        self._storage: Storage | None = None
        self._ends_at: float | None = None

    def post(self, posted: Posted) -> None:
        """Hand something to the loop; from any thread."""
        self._inbox.append(posted)
        os.eventfd_write(self._wake, 1)

    def run(self, storage: Storage, pools: Mapping[str, Pool]) -> None:
        """Serve until a Stop is posted. Whatever it raises is a bug, or a store that cannot go on."""
        self._storage = storage
        self._turns.start(storage, pools)
        self._epoll.register(self._wake, select.EPOLLIN)
        while self._ends_at is None or (self._clock.now < self._ends_at and self._has_work()):
            self._pass()
        self._close()

    def load(self) -> Load:
        """For the loop's own thread."""
        return Load(
            Counter((one.counted, one.phase) for one in self._connections),
            self._arrivals.accepted,
            self._arrivals.evicted,
            sum(one.outbox.size for one in self._connections if one.outbox is not None),
            len(self._waiting),
            sum(one.paused for one in self._connections),
            self._pace.pauses,
            self._clock.stalled,
        )

    def _has_work(self) -> bool:
        return bool(self._connections or self._waiting) or self._turns.committing

    def _pass(self) -> None:
        for fd, events in self._poll():
            if fd == self._wake:
                os.eventfd_read(self._wake)
                self._take_inbox()
            elif fd in self._arrivals:
                self._accept(fd)
            elif (connection := self._connections.get(fd)) is not None:
                self._happened(connection, events)
        self._receiving.read()
        self._turns.go_on()
        if not self._turns.stalled:
            self._deadlines.check()
        if self._clock.now >= self._next_tick:
            self._tick()

    def _poll(self) -> list[tuple[int, int]]:
        timeout = 0.0 if self._receiving.has_more else max(0.0, self._next_event() - self._clock.now)
        assert self._storage is not None
        self._storage.loop_rests = timeout > 0
        events = self._epoll.poll(timeout, EVENTS_IN_A_PASS)
        self._storage.loop_rests = False
        self._clock.read()
        return events

    def _next_event(self) -> float:
        deadline = None if self._turns.stalled else self._calendar.next  # nobody has to go while all wait for us
        moments = (self._next_tick, self._turns.due(), self._pace.next, deadline, self._ends_at)
        return min(moment for moment in moments if moment is not None)

    def _take_inbox(self) -> None:
        while self._inbox:
            match self._inbox.popleft():
                case Committed(error, changes, newest):
                    self._turns.committed(error, changes, newest)
                case Broken(thread, failure):
                    raise ThreadEnded(f"the thread {thread} ended ({type(failure).__name__}); see the log") from failure
                case Stop(reason):
                    self._stop(reason)
                case Reload(contexts):
                    self._arrivals.contexts = contexts
                case Answer(result=Verified() | Rehashed()) as answer:
                    self._turns.proved(answer)
                case Answer() as answer:
                    self._waiting.append(answer)

    def _accept(self, fd: int) -> None:
        deadline = self._clock.patient + self._registration_timeout
        for connection in self._arrivals.accept(fd, self._clock.now, deadline, self._connections.lost):
            self._connections.add(connection)
            self._calendar.put(connection, self._clock.now)
            self._epoll.register(connection.sock, EVENTS)

    def _happened(self, connection: Connection, events: int) -> None:
        try:
            if events & OVER:
                connection.hung_up = True
                connection.parked = False
            if connection.phase in SHAKING_HANDS and not connection.handshake():
                return
            if connection.phase is LINGERING:
                connection.drain()
                return
            if connection.outbox is not None:
                connection.alive(self._clock.now)  # taking what we send is a sign of life, too
                self._sending.flush(connection)
            if connection.phase in READ:
                self._receiving.readable(connection)
        except ConnectionLost as lost:
            if isinstance(lost, CertificateRefused):
                self._tally.count(str(lost), connection.address, self._clock.now)
            self._connections.lost(connection, str(lost))

    def _tick(self) -> None:
        self._next_tick = self._clock.now + TICK
        self._tally.flush(self._clock.now)
        self._arrivals.wake()
        self._waiting.append(Tick())  # for ever: a clock that was set back takes the core into its quiet time again
        if self._turns.stuck:
            self._requests.give_up(f"the store has not answered for {STUCK:g} s")

    # Ending

    def _stop(self, reason: str) -> None:
        """No newcomers; the members are told, and what is committed leaves."""
        if self._ends_at is not None:
            return
        self._ends_at = self._clock.now + ENDING_TIME
        self._sending.closing_time = LAST_TIME
        self._arrivals.close()
        for connection in self._connections:
            if connection.counted and connection.phase is Phase.OPEN:
                self._sending.overdue(connection, reason)
            elif connection.counted and connection.phase is not Phase.ASKED:
                self._connections.lost(connection, reason)
        self._requests.give_up(reason)
        self._waiting.append(Ending(reason))

    def _close(self) -> None:
        for connection in self._connections:
            self._connections.lost(connection, "the server has ended")
        self._tally.close()
        self._epoll.close()  # `_wake` stays open: a worker that posts yet must not write into a file opened there
