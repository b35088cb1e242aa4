"""One socket and the session that it carries: reads, writes and keeps time, and never waits.

Runs on every system: `selectors` and nothing else. Owned by the client's thread.
"""

from __future__ import annotations

import selectors
import ssl
import time

from securechat.client.session import Session

READ_BYTES = 16 * 1024  # one TLS record
MOST_BYTES = 256 * 1024  # that are read in a turn
FEW_BYTES = 2 * 1024  # the same where others need the time, too: half a millisecond of it
BREATH = 0.001  # seconds that they get then
WRITE_BYTES = 16 * 1024


class Connection:
    """Raises what the socket and the session raise; whoever owns it ends it then."""

    def __init__(self, tls: ssl.SSLSocket, session: Session) -> None:
        """`tls` has done its handshake and is owned from now on."""
        tls.setblocking(False)
        self.session = session
        self.readable = True
        self._tls = tls
        self._unsent = bytearray()

    def start(self) -> None:
        self.session.start(time.monotonic())

    def turn(self, *, paused: bool, gently: bool) -> bool:
        """Do everything that can be done without waiting; False at the end of the stream. `paused`: read nothing."""
        now = time.monotonic()
        if paused:
            self.session.excuse(now)
        elif not self._read(now, FEW_BYTES if gently else MOST_BYTES):
            return False
        self.session.tick(now)
        self._flush()
        return True

    def wait(self, selector: selectors.BaseSelector, *, paused: bool, gently: bool) -> list[object]:
        """Wait until there is something to do; gives what else in the selector is ready.

        `gently`: Python runs one thread at a time, and while much comes ours must not be the one that always runs.
        """
        if gently and self.readable and not paused:
            time.sleep(BREATH)  # a select would give no time away: there is more to read
        self._watch(selector, paused)
        timeout = max(0.0, self.session.deadline - time.monotonic())
        ready = [key.fileobj for key, _ in selector.select(0.0 if self.readable and not paused else timeout)]
        self.readable = self.readable or self._tls in ready
        return [fileobj for fileobj in ready if fileobj is not self._tls]

    def close(self, selector: selectors.BaseSelector) -> None:
        if self._tls in selector.get_map():
            selector.unregister(self._tls)
        self._tls.close()

    def _read(self, now: float, most: int) -> bool:
        while most > 0:
            try:
                data = self._tls.recv(min(READ_BYTES, most))
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self.readable = False
                return True
            if not data:
                return False
            most -= len(data)
            self.session.feed(data, now)
        return True

    def _flush(self) -> None:
        """Send what can be sent. The head of `_unsent` only grows: after a WantWrite it must be offered again as is."""
        self._unsent += self.session.take_output()
        while self._unsent:
            try:
                sent = self._tls.send(bytes(self._unsent[:WRITE_BYTES]))
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            del self._unsent[:sent]

    def _watch(self, selector: selectors.BaseSelector, paused: bool) -> None:
        """Watch for what is of interest now, or for nothing at all."""
        interest = 0 if paused else selectors.EVENT_READ
        if self._unsent:
            interest |= selectors.EVENT_WRITE
        if not interest:
            if self._tls in selector.get_map():
                selector.unregister(self._tls)
        elif self._tls not in selector.get_map():
            selector.register(self._tls, interest)
        elif selector.get_key(self._tls).events != interest:
            selector.modify(self._tls, interest)
