"""Turns as they come and go: when one may begin, its commit, and what follows once it stands.

While a commit is in flight no other turn begins. So what is acknowledged or delivered is durable, and there is one
order of everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from securechat.auth.proof import Verified
from securechat.server.arrivals import Arrivals
from securechat.server.calendar import Calendar
from securechat.server.clock import Clock
from securechat.server.connection import Connection
from securechat.server.core import Core
from securechat.server.delivery import deliver
from securechat.server.gathering import Gathering
from securechat.server.items import Answer, Gone, Item, Resume, Said
from securechat.server.pace import Pace
from securechat.server.receiving import Receiving
from securechat.server.sending import Sending
from securechat.server.session import Stage
from securechat.server.storage import Storage
from securechat.server.throughput import Throughput
from securechat.server.turn import Turn
from securechat.server.workers import Pool
from securechat.store.errors import StoreError
from securechat.store.rows import AccountChanged

OURS = 0.5  # seconds of one commit from which the delay is ours and no peer's deadline runs
STUCK = 5.0  # seconds from which the store is said not to answer; longer than it waits for its lock
LOOK = 0.2  # seconds between two looks of an idle server for what administrators changed
PACE = 0.005  # seconds between two looks at lagging readers


class Turns:
    """Owned by the loop."""

    def __init__(
        self,
        core: Core,
        waiting: deque[Item],
        clock: Clock,
        calendar: Calendar,
        pace: Pace,
        arrivals: Arrivals,
        receiving: Receiving,
        sending: Sending,
        throughput: Throughput,
    ) -> None:
        self._core = core
        self._waiting = waiting
        self._clock = clock
        self._calendar = calendar
        self._pace = pace
        self._arrivals = arrivals
        self._receiving = receiving
        self._sending = sending
        self._throughput = throughput
        self._gathering = Gathering()
        self._turn: Turn | None = None  # whose commit is in flight
        self._began = 0.0
        self._next_look = clock.now
        self._looked = False  # since the last turn
        # Passwords proved against a newer store than the core may know wait for a look.
        self._proved: list[Answer] = []
        self._looking: list[Answer] = []  # those of them that came before the look under way, or an earlier one
        self._storage: Storage | None = None
        self._pools: Mapping[str, Pool] = {}

    def start(self, storage: Storage, pools: Mapping[str, Pool]) -> None:
        self._storage, self._pools = storage, pools

    @property
    def committing(self) -> bool:
        return self._turn is not None

    @property
    def stalled(self) -> bool:
        """Whether a commit takes so long that all peers wait for us."""
        return self._turn is not None and self._clock.now - self._began >= OURS

    @property
    def stuck(self) -> bool:
        """Whether it takes so long that nobody should wait for it."""
        return self._turn is not None and self._clock.now - self._began >= STUCK

    def due(self) -> float | None:
        """When `go_on` may have something to do; None: when the commit in flight is done."""
        if self._turn is not None:
            return None
        if self._waiting or self._proved:
            return self._clock.now + PACE if self._sending.lags else self._gathering.until
        return self._next_look

    def proved(self, answer: Answer) -> None:
        """Somebody's password was right."""
        self._proved.append(answer)

    def go_on(self) -> None:
        """A turn for what waits, or a look for what administrators wrote; neither keeps the other from its turn."""
        if self._turn is not None:
            return
        waiting = len(self._waiting)
        gathered = self._gathering.over(self._clock.now, waiting + len(self._proved))
        ready = waiting > 0 and gathered and not self._sending.crowded()
        look = (gathered and self._proved) or self._clock.now >= self._next_look
        if look and not (ready and self._looked):
            self._look()
        elif ready:
            self._begin()

    def _begin(self) -> None:
        self._looked = False
        turn = self._core.turn(self._waiting)
        if turn.rows:
            sessions = (item.session for item in turn.items if isinstance(item, Said | Answer))
            self._gathering.begun(self._clock.now, sessions)
            self._submit(turn)
        else:
            self._settle(turn)

    def _look(self) -> None:
        """An empty turn: it brings what administrators wrote, ahead of all that waits."""
        self._looked = True
        self._looking += self._proved
        self._proved = []
        self._submit(self._core.turn(deque()))

    def _submit(self, turn: Turn) -> None:
        assert self._storage is not None
        self._turn, self._began = turn, self._clock.now
        self._storage.submit(turn.rows)

    def committed(self, error: StoreError | None, changes: Sequence[AccountChanged], newest: int | None) -> None:
        """What others wrote is handled first: it was read behind this turn, and no later one has begun."""
        assert self._turn is not None
        turn, self._turn = self._turn, None
        delay = self._clock.now - self._began
        if delay > OURS:
            self._clock.stood(delay)
        if turn.rows:
            self._throughput.committed(delay, error)
        self._next_look = self._clock.now + LOOK
        self._waiting.extendleft(reversed(changes))
        self._waiting.extend(self._entering())
        self._settle(turn if error is None else self._core.again(turn, error), newest)

    def _entering(self) -> list[Answer]:
        """Those that were looked for; an account that talks too fast does not get round that by logging in again."""
        looked_for, self._looking = self._looking, []
        entering: list[Answer] = []
        for answer in looked_for:
            (self._looking if self._too_fast(answer) else entering).append(answer)
        return entering

    def _too_fast(self, answer: Answer) -> bool:
        if answer.session.exempt or not isinstance(answer.result, Verified):
            return False
        person = self._core.directory.people.get(answer.result.account.id)
        return person is not None and self._pace.in_debt(person)

    def _settle(self, turn: Turn, newest: int | None = None) -> None:
        """The turn stands: its jobs start, its bytes leave, its senders may say more."""
        for job in turn.jobs:
            if job.session.link is not None:
                self._begin_wait(job.session.link)
            self._pools[job.pool].submit(job)
        self._throughput.stands(turn.rows, deliver(turn.output, self._sending.send))
        self._core.settled(turn, newest)
        for session in turn.opened:
            if session.link is not None:
                self._sending.opened(session.link)
        heard: dict[Connection, None] = {}
        for item in turn.items:
            if isinstance(item, Said):
                connection = item.session.link
                if connection is not None:
                    connection.queued -= 1
                    heard[connection] = None
            elif isinstance(item, Answer | Resume) and item.session.link is not None:
                self._end_wait(item.session.link)
        for connection in heard:
            self._resume(connection)
        self._waiting.extend(map(Resume, turn.unfinished))
        for session, reason in turn.closing:
            if session.link is not None:
                self._sending.finish(session.link, reason)
            if session.device is not None:  # its place is known now, however long the peer takes to close
                self._waiting.append(Gone(session, reason))

    def _begin_wait(self, connection: Connection) -> None:
        if connection.busy_since is None:
            connection.busy_since = self._clock.now
            self._arrivals.waits(connection)

    def _end_wait(self, connection: Connection) -> None:
        if connection.busy_since is not None and not connection.session.busy:
            connection.deadline += self._clock.now - connection.busy_since
            connection.busy_since = None
            self._arrivals.goes_on(connection)
        self._resume(connection)

    def _resume(self, connection: Connection) -> None:
        if connection.counted and connection.session.stage is Stage.ADMITTED:
            self._arrivals.admitted(connection)
            self._calendar.put(connection, self._clock.now)
            self._pace.admitted(connection)
        self._receiving.resume(connection)
