"""The doors: the listening sockets, and who comes in through them and may stay."""

from __future__ import annotations

import logging
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence

from securechat.config import Limits
from securechat.log import Tally
from securechat.protocol.lines import UNENDED_BYTES, LineBuffer
from securechat.server import listener
from securechat.server.address import Networks
from securechat.server.certificates import Contexts
from securechat.server.connection import Connection
from securechat.server.gate import Gate
from securechat.server.listener import Listener
from securechat.server.session import Session

Close = Callable[[Connection, str], None]  # with the reason

log = logging.getLogger(__name__)


class Arrivals:
    """Owned by the loop. A listener that finds no free file descriptor rests until `wake`, and so costs nothing."""

    def __init__(
        self,
        limits: Limits,
        listeners: Sequence[Listener],
        contexts: Contexts,
        tally: Tally,
        epoll: select.epoll,
        known: Callable[[str], bool],
    ) -> None:
        """`known` tells whether somebody logged in from a network of late."""
        self.contexts = contexts  # what newcomers shake hands with
        self._limits = limits
        self._tally = tally
        self._epoll = epoll
        self._known = known
        self._exempt = Networks(limits.exempt)
        self._gate = Gate(limits)
        self._listening = {one.sock.fileno(): one for one in listeners}
        self._resting: dict[int, Listener] = {}
        self._names = {one.sock.fileno(): listener.shown(*one.sock.getsockname()[:2]) for one in listeners}
        self.accepted = dict.fromkeys(self._names.values(), 0)  # since the start
        self.evicted = 0  # the same, of those that had to make room
        for fd in self._listening:
            epoll.register(fd, select.EPOLLIN)

    def __contains__(self, fd: int) -> bool:
        return fd in self._listening

    def accept(self, fd: int, now: float, deadline: float, close: Close) -> Iterator[Connection]:
        """The newcomers that are let in, each with its session; `deadline` is for all until their admission.

        Whoever has to make room for one is closed.
        """
        listening = self._listening[fd]
        context = self.contexts.asking if listening.asks else self.contexts.plain
        try:
            for sock, address in listener.accept(listening.sock):
                self.accepted[self._names[fd]] += 1
                session = Session(address, exempt=address in self._exempt)
                known = self._known(session.network)
                if not (session.exempt or self._make_room(session, known, now, close)):
                    sock.close()
                elif (connection := self._connect(sock, context, session, now, deadline)) is not None:
                    if not session.exempt:
                        self._gate.enter(connection, known)
                    yield connection
        except listener.OutOfFiles:
            log.warning("out of file descriptors; raise the limit (ulimit -n)")
            self._epoll.unregister(fd)
            self._resting[fd] = self._listening.pop(fd)

    def _make_room(self, newcomer: Session, known: bool, now: float, close: Close) -> bool:
        """Whether there is room for one more; another may have had to go for it."""
        while (full := self._gate.full(newcomer.network, known)) is not None:
            leaving = full.leaving
            self._tally.count(full.reason, leaving.address if leaving is not None else newcomer.address, now)
            if leaving is None:
                return False
            self.evicted += 1
            close(leaving, full.reason)
        return True

    def _connect(
        self, sock: socket.socket, context: ssl.SSLContext, session: Session, now: float, deadline: float
    ) -> Connection | None:
        try:
            sock.setblocking(False)
            wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # gone before we looked
            sock.close()
            return None
        connection = Connection(wrapped, session.address, session, deadline, now)
        connection.lines = LineBuffer(self._limits.registration_line)
        connection.allowance = self._limits.registration_bytes
        session.link = connection
        return connection

    def admitted(self, connection: Connection) -> None:
        """It no longer counts as a stranger, and may write longer lines."""
        connection.lines.limit = UNENDED_BYTES
        self.gone(connection)

    def gone(self, connection: Connection) -> None:
        """It no longer counts as a stranger, if it did."""
        connection.counted = False
        self._gate.leave(connection)

    def waits(self, connection: Connection) -> None:
        """It waits for us: nobody makes room while we have his password checked."""
        self._gate.waits(connection)

    def goes_on(self, connection: Connection) -> None:
        """It has waited for us."""
        self._gate.goes_on(connection)

    def wake(self) -> None:
        """Let the listeners that rest try again."""
        for fd, listening in self._resting.items():
            self._epoll.register(fd, select.EPOLLIN)
            self._listening[fd] = listening
        self._resting.clear()

    def close(self) -> None:
        for listening in (*self._listening.values(), *self._resting.values()):
            listening.sock.close()
        self._listening.clear()
        self._resting.clear()
