"""How fast an account may talk, over all its sessions: who talks faster is not read until it may go on.

Nothing is answered and nothing is lost: TCP holds what comes meanwhile. So a flood costs the flooder alone, and a
pasted page just takes longer.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from securechat.chat.person import Person
from securechat.config import Limits
from securechat.protocol.lines import Unreadable
from securechat.protocol.message import Message
from securechat.server.clock import Clock
from securechat.server.connection import Connection
from securechat.server.dispatch import cost


class Pace:
    """Owned by the loop. `Person.paid_until` is all that it keeps of an account.

    An account pays for one message after the other, each takes it a `rate`-th of a second, and it may run ahead by
    `burst` of them. Source: the generic cell rate algorithm, ITU-T I.371.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._message = 1 / limits.messages_per_second  # seconds that one takes
        self._ahead = limits.message_burst * self._message  # seconds that an account may run ahead
        self._paused: list[tuple[float, float, int, Connection]] = []  # a heap: until when, heard when, a number
        self._numbers = itertools.count()
        self.pauses = 0  # since the start

    def takes(self, connection: Connection, message: Message | Unreadable | None) -> bool:
        """Whether this line may be said now, and is paid for; else its connection is paused until it can be."""
        session = connection.session
        if session.exempt:
            return True
        price = cost(session, message) * self._message
        if session.person is None:
            connection.owed += price
            return True
        due = session.person.paid_until - self._ahead + min(price, self._ahead)
        if due > self._clock.now:
            self._pause(connection, due)
            return False
        self._pay(session.person, price)
        return True

    def admitted(self, connection: Connection) -> None:
        """Its account pays for what was said on the way to the login, and behind it in one breath."""
        if connection.session.person is not None:
            self._pay(connection.session.person, connection.owed)

    def in_debt(self, person: Person) -> bool:
        """Whether it has said so much that not even a new session of it may say anything."""
        return person.paid_until - self._ahead > self._clock.now

    @property
    def next(self) -> float | None:
        """When the first of those paused may go on."""
        return self._paused[0][0] if self._paused else None

    def resumed(self) -> Iterator[Connection]:
        """Those that may go on, the one that has waited longest for a word of its own first."""
        while self._paused and self._paused[0][0] <= self._clock.now:
            connection = heapq.heappop(self._paused)[-1]
            connection.paused = False
            yield connection

    def _pause(self, connection: Connection, until: float) -> None:
        connection.paused = True
        self.pauses += 1
        heapq.heappush(self._paused, (until, connection.session.heard, next(self._numbers), connection))

    def _pay(self, person: Person, price: float) -> None:
        person.paid_until = max(person.paid_until, self._clock.now) + price
