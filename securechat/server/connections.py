"""Every connection that is open, and how one is lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator

from securechat.chat.directory import Directory
from securechat.server.arrivals import Arrivals
from securechat.server.calendar import Calendar
from securechat.server.connection import Connection, Phase
from securechat.server.items import Gone, Item

log = logging.getLogger(__name__)


class Connections:
    """Owned by the loop. Whoever keeps a connection elsewhere finds by its phase that it is lost."""

    def __init__(self, waiting: deque[Item], directory: Directory, arrivals: Arrivals, calendar: Calendar) -> None:
        self._waiting = waiting
        self._directory = directory
        self._arrivals = arrivals
        self._calendar = calendar
        self._open: dict[int, Connection] = {}  # by file descriptor

    def __iter__(self) -> Iterator[Connection]:
        """Those open now, whatever becomes of them meanwhile."""
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        self._open[connection.sock.fileno()] = connection

    def get(self, fd: int) -> Connection | None:
        return self._open.get(fd)

    def lost(self, connection: Connection, reason: str) -> None:
        if connection.phase is Phase.CLOSED:
            return
        session = connection.session
        session.note_handed(self._directory.newest)
        self._waiting.append(Gone(session, reason))  # even if it seems closed: that turn may yet be undone
        if session.person is not None:
            log.info("closed %s from %s: %s", session.person.name, connection.address, connection.reason or reason)
        else:
            log.debug("closed a connection from %s: %s", connection.address, connection.reason or reason)
        self._arrivals.gone(connection)
        self._calendar.remove(connection)
        del self._open[connection.sock.fileno()]
        session.link = None
        connection.close()
