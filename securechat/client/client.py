"""The client without a face, for faces and for bots: calls in, events out. All work is done by a thread of its own."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

from securechat.client import address, backoff, past
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.dial import Connect
from securechat.client.errors import ConnectionLost, LoginFailed, NoLogin, NotStored, lost
from securechat.client.events import (
    Acknowledged,
    Admitted,
    Disconnected,
    Entered,
    Event,
    LoginRefused,
    Missed,
    Refused,
    Said,
)
from securechat.client.history import Seen
from securechat.client.loop import Loop
from securechat.client.mailbox import MOST_UNTAKEN, Mailbox
from securechat.client.outbox import Outbox
from securechat.client.past import Past
from securechat.client.profile import Profile
from securechat.client.receipts import Receipts
from securechat.client.redial import Delay
from securechat.client.session import Session
from securechat.client.way import Way
from securechat.config import default_profile
from securechat.protocol.names import is_channel_name
from securechat.protocol.text import printable

log = logging.getLogger(__name__)

END_TIMEOUT = 5.0
SEND_TIMEOUT = 30.0


class Client:
    """One account on one server; a lost link is made anew. Its methods may be called from any thread.

    `past` is what shall be told of it. `connect` makes a connection to a server whose trust it has checked. `patience`:
    how many seconds to try for a new link; None is for ever.
    """

    def __init__(
        self,
        credentials: Credentials,
        past: Past,
        conversation: Conversation,
        connect: Connect,
        *,
        patience: float | None = None,
        delay: Delay = backoff.delay,
    ) -> None:
        self._credentials = credentials
        self._mailbox = Mailbox()
        self._receipts = Receipts()
        self._loop = Loop(credentials, past, conversation, connect, self._mailbox, self._receipts, patience, delay)
        self._thread: threading.Thread | None = None
        self.rememberable = False  # a device token could spare the person the password; known after the login
        self._lines: deque[Said] = deque()  # of a Missed, not yet given to who iterates

    @classmethod
    def connect(
        cls,
        server: str,
        *,
        password: str | None = None,
        token: str | None = None,
        ca: str | Path | None = None,
        pin: str | None = None,
        profile: str | Path | None = None,
        patience: float | None = None,
    ) -> Self:
        """A client that is logged in to `server`, as `robot@chat.example.org:6697`, and told what is said from now on.

        It logs in with the device token or the password; without both with the token of a computer that
        `securechat login --remember` made known. The server is trusted by the CA, by the pin, by the key that the
        profile knows, or by the system's CAs. Raises SecurechatError.
        """
        account, place = address.parse(server)
        if account is None:
            raise address.AddressError(f"no account is named; give it as NAME@{server}")
        way = Way(Profile(Path(profile or default_profile())), place, Path(ca) if ca is not None else None, pin)
        kept = way.profile.token(place, account).read() if password is None and token is None else None
        credentials = Credentials(account, token or password, kept)
        if credentials.used_up:
            raise NoLogin(f"no password: give one or a token, or make this computer known: securechat login {server}")
        client = cls(credentials, past.outages, Conversation(Seen(), Outbox()), way.connect, patience=patience)
        try:
            client.log_in(way.connect())
            client.enter()
        except BaseException:
            client.close()
            raise
        return client

    @property
    def account(self) -> str:
        return self._credentials.account

    @property
    def tls(self) -> str:
        """The version of TLS that the link has, as `TLSv1.3`; empty without one."""
        return self._loop.tls

    def log_in(self, tls: ssl.SSLSocket) -> None:
        """Begin over this connection; returns when the server has admitted us. Raises LoginFailed, ConnectionLost."""
        self._thread = threading.Thread(target=self._loop.run, args=(tls,), name="client", daemon=True)
        self._thread.start()
        while True:
            for event in self._mailbox.take(None, 1):
                if isinstance(event, Admitted):
                    self.rememberable = event.rememberable
                    return log.info("logged in as %s", printable(event.nick))
                if isinstance(event, LoginRefused):
                    log.info("login as %s refused", self.account)
                    raise LoginFailed(self.account, event)
                if isinstance(event, Disconnected):
                    words = f"during the login as {self.account!r}: {printable(event.reason)}"
                    raise ConnectionLost(f"the connection was lost {words}; try again")

    def enter(self) -> Entered:
        """Wait, right behind the login, until lines are told and sent. Raises ConnectionLost, or what else ended it."""
        while True:
            for event in self._mailbox.take(None, 1):
                if isinstance(event, Entered):
                    return event
                if isinstance(event, Disconnected):
                    raise lost(event)

    # What is said and done.

    def say(self, target: str, text: str, *, action: bool = False, key: str | None = None) -> int:
        """Send a text, now or when there is a link. Acknowledged or Refused tells how the ticket ended that this gives.

        Several lines are one message, and as few as can be where that would be too large for the server. It stores what
        has a `key` once, however often it is said.
        """
        ticket = self._receipts.ticket()
        self._mailbox.post(lambda: self._loop.say(ticket, target, text, action, key))
        return ticket

    def send(self, target: str, text: str, *, key: str | None = None, timeout: float = SEND_TIMEOUT) -> Acknowledged:
        """Send a text and wait until it is stored. Raises NotStored when it is refused.

        Raises ConnectionLost when nothing is known in time, or what else ended the client.
        """
        ticket = self._receipts.ticket(awaited=True)
        self._mailbox.post(lambda: self._loop.say(ticket, target, text, False, key))
        ending = self._receipts.wait(ticket, timeout)
        if ending is None:
            words = f"no answer within {timeout:g} s to what was sent to {printable(target)!r}; it may be stored or not"
            raise ConnectionLost(words)
        if isinstance(ending, Refused):
            raise NotStored(f"not sent to {printable(target)!r}: {printable(ending.reason)}")
        if isinstance(ending, Disconnected):
            raise lost(ending)
        return ending

    def join(self, channel: str, key: str | None = None) -> None:
        """Enter a channel, for good: the account is in it at the next login, too. A no comes as Told."""
        if not is_channel_name(channel):
            raise ValueError(f"{channel!r} is no channel's name")
        self.post(lambda session: session.join(channel, key))

    def post(self, call: Callable[[Session], None]) -> None:
        """Have `call(session)` run in the client's thread; without a link Told says that nothing was done."""
        self._mailbox.post(lambda: self._loop.with_session(call))

    # What is heard.

    def __iter__(self) -> Self:
        """The events as they come; what was missed comes line by line, as if it had just been said.

        The iteration ends when we quit. Raises ConnectionLost, or what else ended the client.
        """
        return self

    def __next__(self) -> Event:
        while not self._lines:
            [event] = self.take(most=1)
            if isinstance(event, Missed):
                self._lines.extend(event.lines)
            elif not isinstance(event, Disconnected):
                return event
            elif event.expected:
                raise StopIteration
            else:
                raise lost(event)
        return self._lines.popleft()

    def notify(self, call: Callable[[], None]) -> None:
        """Have `call` run in the client's thread, and once now, whenever there may be something to take."""
        self._mailbox.notify(call)

    def take(self, timeout: float | None = None, most: int = MOST_UNTAKEN) -> list[Event]:
        """The events that came, oldest first; none only when the timeout passed. Disconnected is the last there is."""
        self._mailbox.listened = True
        return self._mailbox.take(timeout, most)

    # The end.

    def remember(self) -> None:
        """Have this computer's next login take no password, from the login on; Remembered tells how that went."""
        self._mailbox.post(self._loop.remember)

    def quit(self) -> None:
        """Say goodbye; Disconnected follows."""
        self._mailbox.post(self._loop.begin_quit)

    def leave(self, timeout: float = END_TIMEOUT) -> int:
        """Say goodbye once all that was said has its answer, and close; how much of it has none."""
        deadline = time.monotonic() + timeout
        unanswered = self._receipts.settle(timeout)
        self.quit()
        if self._thread is not None:
            self._thread.join(max(1.0, deadline - time.monotonic()))
        self.close()
        return unanswered

    def close(self) -> None:
        """End all of it if it has not ended, and wait for the thread."""
        self._loop.closing = True
        self._mailbox.wake()
        if self._thread is not None:
            self._thread.join(END_TIMEOUT)
        if self._thread is None or not self._thread.is_alive():
            self._mailbox.close()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        """Leave. Raises NotStored when something has no answer by then."""
        if kind is not None:
            self.close()
        elif unanswered := self.leave(SEND_TIMEOUT):
            raise NotStored(f"{unanswered} of the texts have no answer; they may or may not be stored")
