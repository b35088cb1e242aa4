"""Who has kept us waiting too long: with the login, with the closing, or with any sign of life."""

from __future__ import annotations

from securechat.config import Settings
from securechat.log import Tally
from securechat.server.clock import Clock
from securechat.server.connection import Connection, Phase
from securechat.server.connections import Connections
from securechat.server.http.requests import Requests
from securechat.server.sending import Sending


class Deadlines:
    """Owned by the loop, and looked at once a second; no timer of each connection's own."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        connections: Connections,
        sending: Sending,
        requests: Requests,
        tally: Tally,
    ) -> None:
        self._limits = settings.limits
        self._ping = (f"PING :{settings.server.name}\r\n".encode(),)
        self._clock = clock
        self._connections = connections
        self._sending = sending
        self._requests = requests
        self._tally = tally

    def check_all(self) -> None:
        patient = self._clock.patient
        for connection in self._connections:
            self._check(connection, patient)

    def _check(self, connection: Connection, patient: float) -> None:
        if connection.counted or connection.phase in (Phase.FLUSHING, Phase.LINGERING):
            if patient > connection.deadline and not connection.session.busy:
                self._too_slow(connection)
        elif connection.pinged:
            self._check_pinged(connection, patient)
        elif self._clock.now - connection.session.heard > self._limits.ping_interval:
            connection.pinged = True
            connection.deadline = patient + self._limits.ping_timeout
            self._sending.send(connection, self._ping)

    def _check_pinged(self, connection: Connection, patient: float) -> None:
        """While it talks too fast its PONG lies behind what we do not read, so the deadline stands.

        One that is gone is found all the same: its socket takes no PING, or all that it has said is read one day.
        """
        if connection.paused:
            connection.deadline = patient + self._limits.ping_timeout
        elif patient > connection.deadline:
            silent = int(self._clock.now - connection.session.heard)
            self._sending.overdue(connection, f"ping timeout: silent for {silent} s")

    def _too_slow(self, connection: Connection) -> None:
        match connection.phase:
            case Phase.OPEN:
                self._tally.count("login took too long", connection.address, self._clock.now)
                self._sending.overdue(connection, f"login took longer than {self._limits.registration_timeout:g} s")
            case Phase.HTTP:
                self._requests.too_slow(connection)
            case Phase.ACCEPTED | Phase.HANDSHAKE:
                self._tally.count("handshake took too long", connection.address, self._clock.now)
                self._connections.lost(connection, "took too long")
            case Phase.FLUSHING | Phase.LINGERING:
                self._connections.lost(connection, "took too long")
            case Phase.ASKED | Phase.CLOSED:  # it waits for us, or is gone already
                pass
