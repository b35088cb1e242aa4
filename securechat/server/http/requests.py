"""Requests as they come, and the answers that need no turn or cannot wait for one."""

from __future__ import annotations

from collections import deque
from email.utils import formatdate
from http import HTTPStatus

from securechat.log import Tally
from securechat.protocol.http import Head, Refused, Response
from securechat.server.clock import Clock
from securechat.server.connection import Connection, Phase
from securechat.server.connections import Connections
from securechat.server.items import Asked, Item
from securechat.server.sending import Sending


class Requests:
    """Owned by the loop."""

    def __init__(
        self, waiting: deque[Item], clock: Clock, connections: Connections, sending: Sending, tally: Tally
    ) -> None:
        self._waiting = waiting
        self._clock = clock
        self._connections = connections
        self._sending = sending
        self._tally = tally

    def hear(self, connection: Connection, head: Head, data: bytes) -> None:
        """More of the connection's request; once it is whole nothing more is read."""
        try:
            request = head.feed(data)
        except Refused as refused:
            self._tally.count("bad HTTP request", connection.address, self._clock.now)
            self._respond(connection, refused.status, str(refused))
            return
        if request is not None:
            connection.phase = Phase.ASKED
            self._waiting.append(Asked(connection.session, request))

    def too_slow(self, connection: Connection) -> None:
        self._tally.count("HTTP request took too long", connection.address, self._clock.now)
        self._respond(connection, HTTPStatus.REQUEST_TIMEOUT, "the request took too long")

    def give_up(self, reason: str) -> None:
        """Answer all who have asked: no turn will do it soon enough."""
        for connection in self._connections:
            if connection.phase is Phase.ASKED:
                self._respond(connection, HTTPStatus.SERVICE_UNAVAILABLE, reason)

    def _respond(self, connection: Connection, status: HTTPStatus, text: str) -> None:
        response = Response(status, f"{text}\n")
        self._sending.send(connection, (response.encode(formatdate(usegmt=True)),))
        self._sending.finish(connection, f"answered {status.value}")
