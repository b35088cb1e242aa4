"""The one thread that owns a client's socket: it reads, writes, runs the session and what faces post to it.

Runs on every system: `selectors` and a socketpair, nothing else. A face takes events in batches.
"""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable

from securechat.client.events import Event
from securechat.client.session import Session
from securechat.protocol.message import ProtocolError

log = logging.getLogger(__name__)

READ_BYTES = 16 * 1024  # one TLS record
READS_IN_A_ROW = 16
WRITE_BYTES = 16 * 1024
MOST_UNTAKEN = 20_000  # events; above it nothing is read until the face catches up
END_TIMEOUT = 5.0


class Connection:
    """`post` and `take` may be called from any thread; everything else of it runs in its own.

    `_arrival` guards `_untaken` and `_calls` and is never held while anything else is done.
    """

    def __init__(self, tls: ssl.SSLSocket, session: Session) -> None:
        """`tls` has done its handshake and is owned from now on."""
        self._tls = tls
        self._session = session
        self._notify: Callable[[], None] | None = None
        self._arrival = threading.Condition()
        self._untaken: deque[Event] = deque()
        self._calls: deque[Callable[[Session], None]] = deque()
        self._unsent = bytearray()
        self._readable = True
        self._ended = False
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._wake_receiver.setblocking(False)
        self._wake_sender.setblocking(False)
        tls.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="connection", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def post(self, call: Callable[[Session], None]) -> None:
        """Have `call(session)` run in the connection's thread; after the end of the connection it is dropped."""
        with self._arrival:
            self._calls.append(call)
        self._wake()

    def notify(self, call: Callable[[], None]) -> None:
        """Have `call` run in the connection's thread, and once now, whenever there may be something to take."""
        self._notify = call
        call()

    def take(self, timeout: float | None = None, most: int = MOST_UNTAKEN) -> list[Event]:
        """The events that came, oldest first; none only when the timeout passed. Disconnected is the last there is."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._untaken, timeout)
            paused = self._full()
            events = [self._untaken.popleft() for _ in range(min(most, len(self._untaken)))]
        if paused:
            self._wake()
        return events

    def close(self) -> None:
        """End the connection if it has not ended, and wait for its thread."""
        self._ended = True
        self._wake()
        self._thread.join(END_TIMEOUT)
        self._wake_sender.close()

    def _wake(self) -> None:
        try:
            self._wake_sender.send(b"\0")
        except OSError:
            pass  # full: it is awake already; closed: it has ended

    def _run(self) -> None:
        try:
            reason = self._serve()
        except ProtocolError as error:
            reason = str(error)
        except ssl.SSLError as error:
            reason = f"TLS error: {(error.reason or 'unknown').replace('_', ' ').lower()}"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
        except Exception:  # the top of the thread
            log.exception("the connection's thread failed")
            reason = "an error in the client; client.log has the details"
        finally:
            self._tls.close()
            self._wake_receiver.close()
        log.info("disconnected: %s", reason)
        self._session.disconnected(reason)
        self._deliver()

    def _serve(self) -> str:
        """Work until the connection ends; says why it did."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            selector.register(self._tls, selectors.EVENT_READ)
            self._session.start(time.monotonic())
            while not self._ended:
                if not self._turn():
                    return "the server closed the connection"
                self._wait(selector)
        return "closed"

    def _turn(self) -> bool:
        """Do everything that can be done without waiting; False at the end of the stream."""
        self._run_calls()
        now = time.monotonic()
        alive = True
        if self._full():
            self._session.excuse(now)
        else:
            alive = self._read(now)
        if alive:
            self._session.tick(now)
            self._flush()
            self._deliver()
        return alive

    def _wait(self, selector: selectors.BaseSelector) -> None:
        paused = self._full()
        interest = 0 if paused else selectors.EVENT_READ
        if self._unsent:
            interest |= selectors.EVENT_WRITE | selectors.EVENT_READ * (not paused)
        _watch(selector, self._tls, interest)
        timeout = max(0.0, self._session.deadline - time.monotonic())
        if self._readable and not paused:
            timeout = 0.0
        for key, _ in selector.select(timeout):
            if key.fileobj is self._wake_receiver:
                self._wake_receiver.recv(4096)
            else:
                self._readable = True

    def _run_calls(self) -> None:
        with self._arrival:
            calls, self._calls = self._calls, deque()
        for call in calls:
            try:
                call(self._session)
            except Exception:  # the face's mistake must not end the connection
                log.exception("a call of the face failed")

    def _read(self, now: float) -> bool:
        for _ in range(READS_IN_A_ROW):
            try:
                data = self._tls.recv(READ_BYTES)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._readable = False
                return True
            if not data:
                return False
            self._session.feed(data, now)
        return True

    def _flush(self) -> None:
        """Send what can be sent. The head of `_unsent` only grows: after a WantWrite it must be offered again as is."""
        self._unsent += self._session.take_output()
        while self._unsent:
            try:
                sent = self._tls.send(bytes(self._unsent[:WRITE_BYTES]))
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self._unsent[:sent]

    def _full(self) -> bool:
        return len(self._untaken) >= MOST_UNTAKEN

    def _deliver(self) -> None:
        events = self._session.take_events()
        if not events:
            return
        with self._arrival:
            self._untaken.extend(events)
            self._arrival.notify_all()
        if self._notify is not None:
            self._notify()


def _watch(selector: selectors.BaseSelector, tls: ssl.SSLSocket, interest: int) -> None:
    """Watch for these events, or for none at all."""
    if not interest:
        if tls in selector.get_map():
            selector.unregister(tls)
    elif tls not in selector.get_map():
        selector.register(tls, interest)
    elif selector.get_key(tls).events != interest:
        selector.modify(tls, interest)
