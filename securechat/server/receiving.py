"""What comes in: whose bytes are to be read, and which of their lines join those that wait for a turn."""

from __future__ import annotations

from collections import deque

from securechat.protocol.lines import Unended, read_line
from securechat.server.clock import Clock
from securechat.server.connection import READ, Connection, ConnectionLost
from securechat.server.connections import Connections
from securechat.server.http.requests import Requests
from securechat.server.items import Item, Said
from securechat.server.pace import Pace
from securechat.server.sending import Sending

MOST_WAITING = 16384  # lines that wait for a turn; above it nobody is read
MOST_QUEUED = 32  # lines of one connection among them; above it that one is not read


class Receiving:
    """Owned by the loop. A connection is read until it would block, for epoll tells of what came once only."""

    def __init__(
        self,
        waiting: deque[Item],
        clock: Clock,
        pace: Pace,
        connections: Connections,
        sending: Sending,
        requests: Requests,
    ) -> None:
        self._waiting = waiting
        self._clock = clock
        self._pace = pace
        self._connections = connections
        self._sending = sending
        self._requests = requests
        self._readable: dict[Connection, None] = {}  # may hold more than was read, or be closed meanwhile

    @property
    def has_more(self) -> bool:
        return bool(self._readable) and len(self._waiting) < MOST_WAITING

    def readable(self, connection: Connection) -> None:
        """Something has come for it."""
        if not (connection.parked or connection.paused):
            self._readable[connection] = None

    def resume(self, connection: Connection) -> None:
        """Something of what it said was answered; it is read again if that was what it waited for."""
        if connection.parked and not connection.session.waits and connection.queued < MOST_QUEUED // 2:
            connection.parked = False
            self._readable[connection] = None

    def read(self) -> None:
        self._readable.update(dict.fromkeys(self._pace.resumed()))
        for connection in list(self._readable):
            if len(self._waiting) >= MOST_WAITING:
                return
            if connection.phase not in READ:
                del self._readable[connection]
            elif connection.hung_up and connection.counted and connection.session.busy:
                self._connections.lost(connection, "closed by the peer")  # nobody waits for this login any more
            elif connection.session.waits or connection.queued >= MOST_QUEUED:
                del self._readable[connection]
                connection.parked = True
            else:
                self._read_one(connection)

    def _read_one(self, connection: Connection) -> None:
        try:
            if not connection.unread:
                connection.unread = connection.lines.feed(b"", MOST_QUEUED) or self._receive(connection)
            self._queue(connection)
        except Unended:
            self._readable.pop(connection, None)
            self._sending.overdue(connection, "a line without an end")
        except ConnectionLost as lost:
            self._connections.lost(connection, str(lost))

    def _receive(self, connection: Connection) -> list[bytes]:
        """The first of the lines that have come."""
        data, more = connection.read()
        if not more:
            del self._readable[connection]
        if not data:
            return []
        connection.alive(self._clock.now)
        if connection.head is not None:
            self._requests.hear(connection, connection.head, data)
            return []
        connection.received += len(data)
        if connection.counted and connection.received > connection.allowance:
            self._sending.overdue(connection, "too many bytes before login")
            return []
        return connection.lines.feed(data, MOST_QUEUED)

    def _queue(self, connection: Connection) -> None:
        """Its next lines join those that wait for a turn; a few only, so that a flood does not go before the others."""
        lines, connection.unread = connection.unread, []
        for number, line in enumerate(lines):
            message = read_line(line)
            if not self._pace.takes(connection, message):
                connection.unread = lines[number:]
                self._readable.pop(connection, None)
                return
            if number == 0:
                connection.alive(self._clock.now)
            if message is not None:
                self._waiting.append(Said(connection.session, message))
                connection.queued += 1
        if connection.lines.has_line:
            self._readable[connection] = None
