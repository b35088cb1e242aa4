"""What goes out: lines to each connection, waiting in its outbox where it does not take them, and the last ones."""

from __future__ import annotations

from collections import deque

from securechat.chat.directory import Directory
from securechat.server.calendar import Calendar
from securechat.server.clock import Clock
from securechat.server.connection import WRITTEN_TO, Connection, ConnectionLost, Phase
from securechat.server.connections import Connections
from securechat.server.items import Item, Overdue, Resume

CHOKED = 64 * 1024  # bytes in an outbox from which its session is not heard until it has read them
LAGGING = 512 * 1024  # bytes in an outbox from which a reader that drains it is waited for
DRAINING = 256 * 1024  # bytes a second that make it worth waiting
DRAIN_WINDOW = 0.1  # seconds over which that is judged
CLOSING_TIME = 5.0  # seconds for the last lines to leave and the peer to close
LAST_TIME = 2.0  # the same when the server ends


class Sending:
    """Owned by the loop; `limit` is of an outbox, in bytes."""

    def __init__(
        self,
        waiting: deque[Item],
        clock: Clock,
        calendar: Calendar,
        directory: Directory,
        connections: Connections,
        limit: int,
    ) -> None:
        self.closing_time = CLOSING_TIME
        self._waiting = waiting
        self._clock = clock
        self._calendar = calendar
        self._directory = directory
        self._connections = connections
        self._limit = limit
        self._lagging: set[Connection] = set()

    def send(self, connection: Connection, pieces: tuple[bytes, ...]) -> None:
        if connection.phase not in WRITTEN_TO:
            return
        outbox = connection.outbox
        if outbox is not None and outbox.size >= self._limit:
            self._connections.lost(connection, f"does not read: {outbox.size} bytes are waiting for it")
            return
        try:
            connection.write(pieces, self._clock.now)
        except ConnectionLost as lost:
            self._connections.lost(connection, str(lost))
            return
        if connection.outbox is None:
            return
        connection.session.note_handed(self._directory.newest)
        if connection.outbox.size >= CHOKED:
            connection.session.choked = True
            if connection.outbox.size >= LAGGING:
                self._lagging.add(connection)

    def flush(self, connection: Connection) -> None:
        """Send what is queued, as much as is taken. Raises ConnectionLost."""
        if not connection.flush():
            return
        if connection.session.choked:
            connection.session.choked = False
            self._waiting.append(Resume(connection.session))
        if connection.phase is Phase.FLUSHING:
            connection.end_writing()
        elif connection.opened:
            connection.session.handed = None

    def opened(self, connection: Connection) -> None:
        """It was sent all that its session is told first."""
        connection.opened = True
        if connection.outbox is None:
            connection.session.handed = None

    # Readers that lag

    @property
    def lags(self) -> bool:
        """Whether any reader may lag."""
        return bool(self._lagging)

    def crowded(self) -> bool:
        """Whether a reader lags that drains its outbox well: the senders are slowed rather than the reader cut.

        Who takes little or nothing is not waited for. So a burst loses nobody, and one bad reader delays nobody.
        """
        crowded = False
        for connection in list(self._lagging):
            outbox = connection.outbox
            if outbox is None or outbox.size < LAGGING:
                self._lagging.discard(connection)
            elif outbox.drains(self._clock.now, DRAIN_WINDOW, DRAINING):
                crowded = True
        return crowded

    # The last that it is sent

    def overdue(self, connection: Connection, reason: str) -> None:
        """This one must go; the core tells it, and the others."""
        self._waiting.append(Overdue(connection.session, reason))

    def finish(self, connection: Connection, reason: str) -> None:
        """Close once all that is queued has left; a stranger has no more than its own time for that."""
        if connection.phase in (Phase.FLUSHING, Phase.LINGERING, Phase.CLOSED):
            return
        connection.session.note_handed(self._directory.newest)
        deadline = self._clock.patient + self.closing_time
        connection.finish(reason, min(deadline, connection.deadline) if connection.counted else deadline)
        self._calendar.put(connection, self._clock.now)
        try:
            self.flush(connection)
        except ConnectionLost as lost:
            self._connections.lost(connection, str(lost))
