"""What the client's thread does: one account's conversation with one server, over as many links as it takes.

It owns the socket, the session and the outbox, runs the calls that are posted to the mailbox, and puts events there.
The first link is given, and when it fails all ends; from then on only QUIT, a refused login, a server that is no longer
trusted, or too long an outage end it.
"""

from __future__ import annotations

import logging
import selectors
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from securechat.client.connection import Connection
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.dial import Connect
from securechat.client.errors import LoginFailed, moment
from securechat.client.events import (
    Admitted,
    Disconnected,
    Entered,
    Event,
    LinkLost,
    LoginRefused,
    Refused,
    Told,
)
from securechat.client.liveness import Silent
from securechat.client.mailbox import Mailbox
from securechat.client.outbox import NotKept
from securechat.client.past import Past
from securechat.client.receipts import Receipts
from securechat.client.redial import Delay, Link, Redial
from securechat.client.session import Session
from securechat.protocol.message import ProtocolError
from securechat.protocol.names import is_account_name, is_channel_name
from securechat.protocol.text import printable

log = logging.getLogger(__name__)

TOLD_WAIT = 60  # seconds: of a longer wait the person is told
TOO_OLD = "too old, check and send again"
TOO_MUCH = "too much waits to be sent; come again when less does"
NO_TARGET = "neither a channel nor a person's name"
NOT_CONNECTED = "not connected, nothing was done; try again when the connection is back"


class Loop:
    """`run` is the thread; `begin_quit`, `remember`, `say` and `with_session` run in it, as calls of the mailbox.
    `closing` is for any thread to set, and to wake the mailbox behind it.
    """

    def __init__(
        self,
        credentials: Credentials,
        past: Past,
        conversation: Conversation,
        connect: Connect,
        mailbox: Mailbox,
        receipts: Receipts,
        patience: float | None,
        delay: Delay,
    ) -> None:
        self.closing = False
        self.tls = ""  # the version of TLS that the link has, as `TLSv1.3`; empty without one
        self._credentials = credentials
        self._past = past
        self._conversation = conversation
        self._mailbox = mailbox
        self._receipts = receipts
        self._redial = Redial(connect, self._idle, self._mailbox.wake, patience, delay)
        self._session: Session | None = None
        self._told: list[Event] = []  # and not yet delivered
        self._refusal: LoginRefused | None = None
        self._admitted = False
        self._unkept = False  # the face knows that the disk takes nothing
        self._quitting = False

    def close(self) -> None:
        """When the thread has ended."""
        try:
            self._conversation.outbox.close()
        except NotKept as error:
            log.warning("%s", error)

    # Calls, as they are run.

    def with_session(self, call: Callable[[Session], None]) -> None:
        """Without a link the person is told that nothing was done."""
        if self._session is not None and self._session.entered:
            call(self._session)
        else:
            self._tell(Told(NOT_CONNECTED, failed=True))

    def say(self, ticket: int, target: str, words: str, action: bool, key: str | None) -> None:
        if not is_account_name(target) and not is_channel_name(target):
            return self._tell(Refused(ticket, target, words, NO_TARGET))
        line, outbox = self._conversation.line(ticket, target, words, action=action, key=key), self._conversation.outbox
        if not outbox.put(line):
            self._tell(Refused(ticket, target, words, TOO_MUCH))
        elif self._session is None or not self._session.entered or outbox.recovering:
            self._tell(line.queued)
        return None

    def remember(self) -> None:
        self._credentials.remember = True
        if self._session is not None:
            self._session.remember()

    def begin_quit(self) -> None:
        self._quitting = True
        if self._session is not None:
            self._session.quit()

    def _run_calls(self) -> None:
        """Do what faces ask for; what they say is on disk before anyone is told so, and before it is sent."""
        self._mailbox.run_calls()
        self._save()
        self._deliver()

    def _save(self) -> None:
        try:
            self._conversation.outbox.save()
        except NotKept as error:
            if not self._unkept:
                self._tell(Told(str(error), failed=True))
            self._unkept = True
        else:
            self._unkept = False

    # The thread.

    def run(self, tls: ssl.SSLSocket) -> None:
        try:
            with selectors.DefaultSelector() as self._selector:
                self._selector.register(self._mailbox.bell, selectors.EVENT_READ)
                end = self._serve(tls)
        except Exception:  # the top of the thread
            log.exception("the client's thread failed")
            end = Disconnected("an error in the client; client.log has the details")
        log.info("disconnected: %s", printable(end.reason))
        self._tell(end)
        self._deliver()

    def _serve(self, tls: ssl.SSLSocket) -> Disconnected:
        link: Link = tls
        while not isinstance(link, Disconnected):
            reason = self._use(link)
            link = self._end(reason) or self._next_link(reason)
        return link

    def _end(self, reason: str) -> Disconnected | None:
        """What there is to say when no other link shall follow."""
        if self._quitting or self.closing:
            return Disconnected(reason, expected=self._quitting)
        if not self._admitted:
            return Disconnected(reason)
        if self._credentials.used_up:  # what opened the session was given up
            return Disconnected(reason, expected=True)
        if self._refusal is not None and not self._refusal.temporary:
            return Disconnected(reason, failure=LoginFailed(self._credentials.account, self._refusal))
        return None

    # With a link.

    def _use(self, tls: ssl.SSLSocket) -> str:
        """Carry one link to its end; says why it did."""
        self._session = session = Session(self._credentials, self._past, self._conversation)
        connection = Connection(tls, session)
        silent = 0.0
        self._refusal, self.tls = None, tls.version() or ""
        try:
            reason = self._carry(connection)
        except ProtocolError as error:
            reason = str(error)
            silent = error.seconds if isinstance(error, Silent) else 0.0
        except ssl.SSLError as error:
            reason = f"TLS error: {(error.reason or 'unknown').replace('_', ' ').lower()}"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
        finally:
            self._session, self.tls = None, ""
            connection.close(self._selector)
        self._pass_on(session.take_events())
        self._conversation.lost(timedelta(seconds=silent))
        return session.goodbye or reason

    def _carry(self, connection: Connection) -> str:
        connection.start()
        while not self.closing:
            self._run_calls()
            paused, gently = self._mailbox.full, self._mailbox.shared
            if not connection.turn(paused=paused, gently=gently):
                return "the server closed the connection"
            self._save()
            self._pass_on(connection.session.take_events())
            if self._refusal is not None:
                return self._refusal.reason
            if connection.wait(self._selector, paused=paused, gently=gently):
                self._mailbox.silence()
        return "closed"

    def _pass_on(self, events: Sequence[Event]) -> None:
        """Give the face what it is to know."""
        told: list[Event] = []
        for event in events:
            if isinstance(event, Entered):
                self._redial.entered()
            if isinstance(event, Admitted):
                told += self._begin(event)
            elif isinstance(event, LoginRefused):
                self._refusal = event
                told += [] if self._admitted else [event]
            else:
                told.append(event)
        self._tell(*told)
        self._deliver()

    def _begin(self, event: Admitted) -> list[Event]:
        """Logging in is only told the first time, and with it what was kept from an earlier run."""
        old = self._conversation.forget_old_lines()
        told: list[Event] = [Refused(line.ticket, line.target, line.text, TOO_OLD) for line in old]
        if not self._admitted:
            self._admitted = True
            told = [event, *told, *self._queued()]
        return told

    def _queued(self) -> list[Event]:
        return [line.queued for line in self._conversation.outbox.lines]

    # Without a link.

    def _next_link(self, reason: str) -> Link:
        if self._redial.lost() and self._redial.patience != 0:
            self._tell(LinkLost(reason), *self._queued())
        wait = self._refusal.seconds if self._refusal is not None else 0
        if wait > TOLD_WAIT:
            self._tell(Told(f"the server asks us to wait; the next try is at {moment(wait)}"))
        return self._redial.next_link(reason, lambda: self._end(reason), wait)

    def _idle(self, moment: float, reached: Callable[[], bool]) -> None:
        """Do what faces ask for until then, or until there is a reason to end."""
        while True:
            self._run_calls()
            left = min(moment, self._redial.give_up_at) - time.monotonic()
            if left <= 0 or reached() or self._quitting or self.closing:
                return
            if self._selector.select(left):
                self._mailbox.silence()

    def _tell(self, *events: Event) -> None:
        self._told += events

    def _deliver(self) -> None:
        told, self._told = self._told, []
        self._mailbox.deliver(told)
        self._receipts.note(told)
