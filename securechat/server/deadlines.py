"""Who has kept us waiting too long: with the login, with the closing, or with any sign of life."""

from __future__ import annotations

from securechat.config import Settings
from securechat.log import Tally
from securechat.server.calendar import GRAIN, Calendar
from securechat.server.clock import Clock
from securechat.server.connection import Connection, Phase
from securechat.server.connections import Connections
from securechat.server.http.requests import Requests
from securechat.server.sending import Sending

LAST_WORD = 0.02  # of a stranger's time: at its end he is gone, so he is told before
AGAIN = 1.0  # seconds until one is looked at again that must go, but for which we have yet to do something


class Deadlines:
    """Owned by the loop. No timer of each connection's own: the calendar tells whom to look at.

    A moment in the calendar is only the earliest at which something can be due. What moves a deadline forward needs no
    entry; what makes one earlier, an admission or a closing, puts one there.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        calendar: Calendar,
        connections: Connections,
        sending: Sending,
        requests: Requests,
        tally: Tally,
    ) -> None:
        limits = settings.limits
        self._ping_interval = limits.ping_interval
        self._ping_timeout = limits.ping_timeout
        self._registration_timeout = limits.registration_timeout
        self._last_word = limits.registration_timeout * LAST_WORD
        self._ping = (f"PING :{settings.server.name}\r\n".encode(),)
        self._clock = clock
        self._calendar = calendar
        self._connections = connections
        self._sending = sending
        self._requests = requests
        self._tally = tally

    def check(self) -> None:
        """Act on whatever is due."""
        for connection in self._calendar.take(self._clock.now):
            if connection.phase is not Phase.CLOSED:
                self._check(connection)

    def _check(self, connection: Connection) -> None:
        due = self._due(connection)
        if due > self._clock.now + GRAIN:
            return self._calendar.put(connection, due)
        self._calendar.put(connection, self._clock.now + AGAIN)
        if connection.counted or connection.phase in (Phase.FLUSHING, Phase.LINGERING):
            if not connection.session.busy:
                self._too_slow(connection)
        elif connection.pinged:
            self._silent(connection)
        else:
            connection.pinged = True
            connection.deadline = self._clock.patient + self._ping_timeout
            self._sending.send(connection, self._ping)

    def _due(self, connection: Connection) -> float:
        """The earliest moment at which something is to be done, as far as is known now."""
        deadline = connection.deadline + self._clock.stalled
        if connection.phase in (Phase.FLUSHING, Phase.LINGERING):
            return deadline
        elif connection.counted:
            return deadline - self._last_word
        elif connection.pinged:
            return deadline
        return connection.session.heard + self._ping_interval

    def _silent(self, connection: Connection) -> None:
        """While it talks too fast its PONG lies behind what we do not read, so the deadline stands.

        One that is gone is found all the same: its socket takes no PING, or all that it has said is read one day.
        """
        if connection.paused:
            connection.deadline = self._clock.patient + self._ping_timeout
        else:
            silent = int(self._clock.now - connection.session.heard)
            self._sending.overdue(connection, f"ping timeout: silent for {silent} s")

    def _too_slow(self, connection: Connection) -> None:
        match connection.phase:
            case Phase.OPEN:
                self._tally.count("login took too long", connection.address, self._clock.now)
                self._sending.overdue(connection, f"login took longer than {self._registration_timeout:g} s")
            case Phase.HTTP:
                self._requests.too_slow(connection)
            case Phase.ACCEPTED | Phase.HANDSHAKE:
                self._tally.count("handshake took too long", connection.address, self._clock.now)
                self._connections.lost(connection, "took too long")
            case Phase.FLUSHING | Phase.LINGERING:
                self._connections.lost(connection, "took too long")
            case Phase.ASKED | Phase.CLOSED:  # it waits for us, or is gone already
                pass
