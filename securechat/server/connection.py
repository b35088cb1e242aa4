"""One socket with its TLS: handshake, reading, writing, closing; never waits. Owned by the loop."""

from __future__ import annotations

import fcntl
import socket
import ssl
import termios
from array import array
from collections.abc import Callable
from enum import Enum, auto

from securechat.protocol.http import Head
from securechat.protocol.lines import LineBuffer
from securechat.server.outbox import Outbox
from securechat.server.session import Session
from securechat.tls import clients
from securechat.tls.contexts import HTTP, HTTP_1_0

RECORD_BYTES = 16 * 1024
RECORD_HEADER_BYTES = 5  # type, version, length; source: RFC 8446, 5.1
HANDSHAKE_RECORD = b"\x16"
READ_BYTES = 64 * 1024  # of one connection in one pass of the loop

WOULD_BLOCK = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

_unread = array("i", [0])  # what the kernel last said waits in a socket, in bytes; the loop's alone


class Phase(Enum):
    ACCEPTED = auto()  # the peer has not said hello
    HANDSHAKE = auto()
    OPEN = auto()
    HTTP = auto()  # the peer asked for HTTP by ALPN, and its request is coming
    ASKED = auto()  # its request has come: it gets one answer, and is read no more
    FLUSHING = auto()  # closed by us: what is in the outbox still leaves
    LINGERING = auto()  # all is sent; we wait for the peer to close, or our reset could overtake the last line
    CLOSED = auto()


# Bound once: on CPython 3.11 a member that is looked up at its class costs as much as three calls.
SHAKING_HANDS = (Phase.ACCEPTED, Phase.HANDSHAKE)
READ = (Phase.OPEN, Phase.HTTP)  # what such a peer says counts
WRITTEN_TO = (*READ, Phase.ASKED)
LINGERING = Phase.LINGERING


class ConnectionLost(Exception):
    """The peer is gone; the text says how."""


class CertificateRefused(ConnectionLost):
    """The peer presents a certificate that is not our CA's, or not good; the text says so to who runs the server."""


class Connection:
    __slots__ = (
        "address",
        "allowance",
        "busy_since",
        "counted",
        "day",
        "deadline",
        "head",
        "hung_up",
        "lines",
        "opened",
        "outbox",
        "owed",
        "parked",
        "paused",
        "phase",
        "pinged",
        "queued",
        "reason",
        "received",
        "session",
        "sock",
        "unread",
    )

    def __init__(self, sock: ssl.SSLSocket, address: str, session: Session, deadline: float, now: float) -> None:
        self.sock = sock
        self.address = address
        self.session = session
        session.heard = now
        self.lines = LineBuffer()
        self.head: Head | None = None  # of its request, where it speaks HTTP
        self.unread: list[bytes] = []  # whole lines that are not yet among those that wait for a turn
        self.parked = False  # readable too, but its session waits, or has much waiting for a turn
        self.paused = False  # readable too, but its account talks too fast
        self.owed = 0.0  # seconds that its account is to pay for what was said before the admission
        self.outbox: Outbox | None = None
        self.opened = False  # the last of what its session is told first was delivered
        self.phase = Phase.ACCEPTED
        self.deadline = deadline  # of the handshake and login, later of the closing; on the loop's patient clock
        self.day = 0  # of the calendar
        self.busy_since: float | None = None  # the session waits for us, and the deadline with it
        self.received = 0  # bytes of lines
        self.allowance = 0  # of them, before its admission
        self.counted = True  # among the connections that are not admitted
        self.hung_up = False  # the peer says no more; what it said before may still be unread
        self.pinged = False
        self.queued = 0  # its lines among those that wait for a turn
        self.reason = ""  # of our closing

    def alive(self, now: float) -> None:
        """It gave a sign of life."""
        self.session.heard, self.pinged = now, False

    def handshake(self) -> bool:
        """One step; True when it is done. Raises ConnectionLost.

        It begins when the first record is there: OpenSSL takes 36 KiB for whoever has not said all of the hello.
        """
        if self.phase is Phase.ACCEPTED:
            if not (self.hung_up or self._has_record()):
                return False
            self.phase = Phase.HANDSHAKE
        try:
            self.sock.do_handshake()
        except WOULD_BLOCK:
            return False
        except ssl.SSLCertVerificationError as error:
            raise CertificateRefused(clients.refusal(error)) from error
        except (OSError, ValueError) as error:  # ValueError: closed while its event was under way
            raise ConnectionLost(f"TLS handshake failed: {_said(error)}") from error
        presented = self.sock.getpeercert(binary_form=True)
        if presented is not None:
            self.session.certificate = clients.read(presented)
        if self.sock.selected_alpn_protocol() in (HTTP, HTTP_1_0):
            self.phase = Phase.HTTP
            self.head = Head()
        else:
            self.phase = Phase.OPEN
            self._free()
        return True

    def _has_record(self) -> bool:
        """Whether a whole TLS record waits to be read, or what OpenSSL has to refuse. Raises ConnectionLost."""
        try:
            seen = socket.socket.recv(self.sock, RECORD_HEADER_BYTES + RECORD_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ConnectionLost(_said(error)) from error
        if seen[:1] != HANDSHAKE_RECORD:
            return True
        size = int.from_bytes(seen[3:RECORD_HEADER_BYTES])
        return len(seen) >= RECORD_HEADER_BYTES and (size > RECORD_BYTES or len(seen) >= RECORD_HEADER_BYTES + size)

    def read(self) -> tuple[bytes, bool]:
        """What has come, and whether more may be there already. Raises ConnectionLost.

        One recv gives at most one TLS record, and epoll tells of what came once only: read until nothing is left.
        """
        received: list[bytes] = []
        size = 0
        while self.hung_up or self._has_more():
            if size >= (RECORD_BYTES if self.counted else READ_BYTES):
                return b"".join(received), True
            try:
                data = self.sock.recv(RECORD_BYTES)
            except WOULD_BLOCK:
                return b"".join(received), False
            except OSError as error:
                raise ConnectionLost(_said(error)) from error
            if not data:
                if received:
                    return b"".join(received), True  # the end is found once more by the next read
                raise ConnectionLost("closed by the peer")
            received.append(data)
            size += len(data)
        return b"".join(received), False

    def _has_more(self) -> bool:
        """Whether the kernel or OpenSSL holds bytes of the peer's; a recv that finds none costs as much as two others.

        Once the peer has hung up there is its end to read, too, which has no bytes.
        """
        fcntl.ioctl(self.sock, termios.FIONREAD, _unread)
        return _unread[0] > 0 or self.sock.pending() > 0

    def write(self, pieces: tuple[bytes, ...], now: float) -> None:
        """Send, or queue what the peer does not take now. Raises ConnectionLost."""
        if self.outbox is not None:
            return self.outbox.put(pieces)
        for index, piece in enumerate(pieces):
            try:
                self.sock.send(piece)
            except WOULD_BLOCK:
                self.outbox = Outbox(now)
                self.session.send_now = None
                return self.outbox.put(pieces[index:])
            except OSError as error:
                raise ConnectionLost(_said(error)) from error

    def flush(self) -> bool:
        """Send what is queued; True when nothing is left. Raises ConnectionLost."""
        outbox = self.outbox
        if outbox is None:
            return True
        while data := outbox.head():
            try:
                outbox.sent(self.sock.send(data))
            except WOULD_BLOCK:
                return False
            except OSError as error:
                raise ConnectionLost(_said(error)) from error
        self.outbox = None
        self._free()
        return True

    def finish(self, reason: str, deadline: float) -> None:
        """Take no more lines; what is queued still leaves, until the deadline."""
        self.reason = reason
        self.deadline = deadline
        self.phase = Phase.FLUSHING
        self.session.send_now = None

    def _free(self) -> None:
        """Nothing is queued: what comes next may be sent at once."""
        if self.phase is Phase.OPEN:
            self.session.send_now = write_of(self.sock)

    def end_writing(self) -> None:
        """Say close-notify and that no more comes. Raises ConnectionLost."""
        try:
            self.sock.unwrap()
        except (OSError, ValueError):  # the peer's own close-notify is still to come, or it is gone
            pass
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise ConnectionLost(_said(error)) from error
        self.phase = Phase.LINGERING

    def drain(self) -> None:
        """Read and forget, until the peer closes. Raises ConnectionLost."""
        for _ in range(READ_BYTES // RECORD_BYTES):
            try:
                if not socket.socket.recv(self.sock, RECORD_BYTES):
                    raise ConnectionLost("closed")
            except BlockingIOError:
                return
            except OSError as error:
                raise ConnectionLost(_said(error)) from error

    def close(self) -> None:
        self.phase = Phase.CLOSED
        self.outbox = None
        self.session.send_now = None
        self.sock.close()


def write_of(sock: ssl.SSLSocket) -> Callable[[bytes], int]:
    """SSLSocket.send without its detour through Python, which costs a twentieth of a delivery.

    The object behind it is private to the ssl module; where a later Python has none, the public call does the same.
    """
    write: Callable[[bytes], int] = getattr(getattr(sock, "_sslobj", None), "write", sock.send)
    return write


def _said(error: Exception) -> str:
    """OpenSSL's reason or the system's, without their numbers."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS error").lower().replace("_", " ")
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
