"""The doors: the listening sockets, and who comes in through them and may stay."""

from __future__ import annotations

import logging
import select
import socket
import ssl
from collections.abc import Iterator, Sequence

from securechat.config import Limits
from securechat.log import Tally
from securechat.protocol.lines import UNENDED_BYTES, LineBuffer
from securechat.server import listener
from securechat.server.certificates import Contexts
from securechat.server.connection import Connection
from securechat.server.gate import Gate
from securechat.server.listener import Listener
from securechat.server.session import Session

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
    ) -> None:
        self.contexts = contexts  # what newcomers shake hands with
        self._limits = limits
        self._tally = tally
        self._epoll = epoll
        self._gate = Gate(limits)
        self._listening = {one.sock.fileno(): one for one in listeners}
        self._resting: dict[int, Listener] = {}
        self._names = {one.sock.fileno(): listener.shown(*one.sock.getsockname()[:2]) for one in listeners}
        self.accepted = dict.fromkeys(self._names.values(), 0)  # since the start
        for fd in self._listening:
            epoll.register(fd, select.EPOLLIN)

    def __contains__(self, fd: int) -> bool:
        return fd in self._listening

    def accept(self, fd: int, now: float, deadline: float) -> Iterator[Connection]:
        """The newcomers that are let in, each with its session; `deadline` is for all until their admission."""
        listening = self._listening[fd]
        context = self.contexts.asking if listening.asks else self.contexts.plain
        try:
            for sock, address in listener.accept(listening.sock):
                self.accepted[self._names[fd]] += 1
                connection = self._let_in(sock, context, address, now, deadline)
                if connection is not None:
                    yield connection
        except listener.OutOfFiles:
            log.warning("out of file descriptors; raise the limit (ulimit -n)")
            self._epoll.unregister(fd)
            self._resting[fd] = self._listening.pop(fd)

    def _let_in(
        self, sock: socket.socket, context: ssl.SSLContext, address: str, now: float, deadline: float
    ) -> Connection | None:
        refusal = self._gate.enter(address)
        if refusal is not None:
            self._tally.count(refusal, address, now)
            sock.close()
            return None
        try:
            sock.setblocking(False)
            wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # gone before we looked
            self._gate.leave(address)
            sock.close()
            return None
        session = Session(address, exempt=self._gate.exempt(address))
        connection = Connection(wrapped, address, session, deadline, now)
        connection.lines = LineBuffer(self._limits.registration_line)
        session.link = connection
        return connection

    def admitted(self, connection: Connection) -> None:
        """It no longer counts as a stranger, and may write longer lines."""
        connection.lines.limit = UNENDED_BYTES
        self.gone(connection)

    def gone(self, connection: Connection) -> None:
        """It no longer counts as a stranger, if it did."""
        if connection.counted:
            connection.counted = False
            self._gate.leave(connection.address)

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
