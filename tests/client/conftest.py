"""A session fed by hand, and real TLS servers whose behaviour each test chooses."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trustme

from securechat.client.address import Address
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.events import Event
from securechat.client.history import Seen
from securechat.client.outbox import Outbox
from securechat.client.past import everything
from securechat.client.session import Session

CAPABILITIES = "sasl=PLAIN message-tags server-time echo-message batch labeled-response draft/chathistory cap-notify"
ECHO = "ada!ada@team"


class Script:
    """Both ends of a session: what the server says goes in, what the client says comes out as text."""

    def __init__(
        self,
        capabilities: str = CAPABILITIES,
        seen: Seen | None = None,
        conversation: Conversation | None = None,
        patience: float = 0.0,
        credentials: Credentials | None = None,
    ) -> None:
        self.capabilities = capabilities
        self.now = 1000.0
        self.conversation = conversation or Conversation(seen or Seen(), Outbox(patience=patience))
        self.credentials = credentials or Credentials("ada", "correct horse")
        self.session = Session(self.credentials, everything("#lobby"), self.conversation)
        self.session.start(self.now)

    def server(self, *lines: str) -> list[Event]:
        for line in lines:
            self.session.feed(f"{line}\r\n".encode(), self.now)
        return self.session.take_events()

    def say(self, ticket: int, target: str, words: str, *, action: bool = False) -> None:
        """As a client does it: what is typed goes into the outbox, and from there when it is due."""
        self.conversation.outbox.put(self.conversation.line(ticket, target, words, action=action))
        self.later(0)

    def sent(self) -> list[str]:
        return self.session.take_output().decode().splitlines()

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.session.tick(self.now)

    def log_in(self) -> list[Event]:
        events = self.server(f":s CAP * LS :{self.capabilities}")
        requested = next(line for line in self.sent() if line.startswith("CAP REQ")).partition(":")[2]
        events += self.server(f":s CAP * ACK :{requested}", "AUTHENTICATE +", ":s 903 * :ok", ":s 001 ada :Welcome")
        return events

    def burst(self, *channels: str) -> list[Event]:
        """The rest of the burst; the session then asks for history, if it can."""
        events = self.server(":s 376 ada :End of MOTD")
        for name in channels:
            events += self.server(
                f":{ECHO} JOIN {name}", f":s 353 ada = {name} :@ada bob", f":s 366 ada {name} :End of NAMES list"
            )
        self.sent()
        return events + self.server(":s PONG s :ready")

    def history(self, kind: str, *lines: str) -> list[Event]:
        """Answer the CHATHISTORY that was asked last with a batch of these lines."""
        request = self.sent()[-1]
        label = request.partition("label=")[2].partition(" ")[0]
        return self.server(f"@label={label} :s BATCH +h {kind}", *(f"@batch=h{line}" for line in lines), ":s BATCH -h")

    def enter(self, *channels: str) -> None:
        """Up to the point where lines are told as they are said, with nothing missed."""
        self.log_in()
        events = self.burst(*(channels or ("#lobby",)))
        while not any(type(event).__name__ == "Entered" for event in events):
            events += self.history("chathistory #x")
        self.sent()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def entered() -> Script:
    script = Script()
    script.enter()
    return script


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


Handler = Callable[[socket.socket], None]
Serve = Callable[[Handler], Address]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(handler)` listens on 127.0.0.1 and gives each connection, in a thread, to the handler."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(handler: Handler) -> Address:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        thread = threading.Thread(target=_accept, args=(listener, handler))
        thread.start()
        threads.append(thread)
        return Address("127.0.0.1", listener.getsockname()[1])

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


def _accept(listener: socket.socket, handler: Handler) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock:
            sock.settimeout(10)
            try:
                handler(sock)
            except OSError:
                pass  # the client refused and went


def context_with(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def tls(sock: socket.socket, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with context.wrap_socket(sock, server_side=True) as wrapped:
        yield wrapped
