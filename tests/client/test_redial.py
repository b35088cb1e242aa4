"""A lost link: how another one is tried for, what ends that, and what a face may do meanwhile."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable

import pytest

from securechat.client import backoff
from securechat.client.client import Client
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.dial import Dial
from securechat.client.errors import LoginFailed
from securechat.client.events import Acknowledged, Disconnected, Entered, LinkBack, LinkLost, Queued, Told
from securechat.client.history import Seen
from securechat.client.outbox import Outbox
from securechat.client.past import everything
from securechat.client.reach import NotTLS, Unreachable
from securechat.client.trust import ByPin, connect
from securechat.tls import pins
from securechat.tls.errors import TrustError

from .conftest import context_with, tls
from .test_client import Host, admit, expect, take_until


class Ways:
    """What each attempt to connect leads to, in order: the server, an error, or a wait until the test ends."""

    def __init__(self, address, trust: ByPin) -> None:
        self.outcomes: list[Exception | Callable[[], None] | None] = []
        self.attempts = 0
        self._address = address
        self._trust = trust

    def __call__(self):
        self.attempts += 1
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            outcome()
        return connect(self._address, self._trust)


@pytest.fixture
def lose(ca, serve):
    """`lose(then, outcomes)`: a client whose first link is entered and lost; `then` has the later ones."""
    clients: list[Client] = []

    def lose(*outcomes, then=admit, patience: float | None = None) -> tuple[Client, Ways]:
        links = []

        def host(sock) -> None:
            links.append(sock)
            admit(sock) if len(links) == 1 else then(sock)

        certificate = ca.issue_cert("127.0.0.1")
        server = Host(certificate, host)
        ways = Ways(serve(server), server.trust)
        conversation = Conversation(Seen(), Outbox())
        client = Client(
            Credentials("ada", "pw"),
            everything("#lobby"),
            conversation,
            ways,
            patience=patience,
            delay=lambda failures, chance: 0.01,
        )
        clients.append(client)
        first = ways()
        ways.attempts, ways.outcomes = 0, list(outcomes)
        client.log_in(first)
        return client, ways

    yield lose
    for client in clients:
        client.close()


def stay(sock) -> None:
    """Admit the client and have it until it goes."""
    admit(sock)
    while (data := sock.recv(65536)) and b"QUIT" not in data:
        pass


def test_a_lost_link_and_its_return_are_told_once_however_many_tries_it_takes(lose):
    client, ways = lose(Unreachable("no"), NotTLS("no"), Unreachable("no"), then=stay)
    events = take_until(client, LinkBack)
    assert [type(event) for event in events] == [Entered, LinkLost, LinkBack, Entered]
    assert ways.attempts == 4
    client.quit()
    assert take_until(client, Disconnected)[-1].expected


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [(TrustError("THE KEY HAS CHANGED"), TrustError), (pins.PinError("no pin"), pins.PinError)],
)
def test_a_server_that_is_no_longer_trusted_ends_it_at_once(lose, outcome, kind):
    client, ways = lose(Unreachable("no"), outcome)
    end = take_until(client, Disconnected)[-1]
    assert isinstance(end.failure, kind)
    assert ways.attempts == 2


def test_a_login_that_is_refused_ends_it_at_once(lose):
    client, ways = lose(then=lambda sock: sock.sendall(b"904 ada :SASL authentication failed\r\n"))
    end = take_until(client, Disconnected)[-1]
    assert isinstance(end.failure, LoginFailed)
    assert (end.failure.exit_status, ways.attempts) == (5, 1)


def test_a_server_that_has_too_much_to_do_is_asked_again(lose):
    answers = [b"FAIL AUTHENTICATE TRY_LATER :too many logins at once\r\n904 ada :failed\r\n"] * 2

    def busy(sock) -> None:
        if answers:
            sock.sendall(answers.pop())
        else:
            stay(sock)

    client, ways = lose(then=busy)
    take_until(client, LinkBack)
    assert ways.attempts == 3


def test_the_wait_that_a_server_asks_for_is_kept_and_told_when_it_is_long(lose):
    answers = [b"FAIL AUTHENTICATE TRY_LATER 61 :too many\r\n", b"FAIL AUTHENTICATE TRY_LATER 1 :too many\r\n"]
    asked = []

    def busy(sock) -> None:
        asked.append(time.monotonic())
        sock.sendall(answers.pop())

    client, ways = lose(then=busy)
    told = take_until(client, Told)[-1]
    assert "asks us to wait" in told.text
    assert ways.attempts == 2
    assert asked[1] - asked[0] >= 1.0


def test_quitting_does_not_wait_for_an_attempt_that_hangs(lose):
    hanging, over = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        over.wait(30)
        raise Unreachable("no")

    client, _ = lose(hang)
    take_until(client, LinkLost)
    assert hanging.wait(10)
    client.quit()
    end = take_until(client, Disconnected)[-1]
    assert end.expected
    over.set()


def test_what_an_abandoned_attempt_connects_is_closed(ca, serve):
    certificate = ca.issue_cert("127.0.0.1")
    go, ended = threading.Event(), threading.Event()

    def host(sock) -> None:
        with tls(sock, context_with(certificate)) as wrapped:
            assert wrapped.recv(1) == b""
            ended.set()

    address, trust = serve(host), ByPin(pins.of(certificate.cert_chain_pems[0].bytes()))

    def late() -> ssl.SSLSocket:
        go.wait(30)
        return connect(address, trust)

    Dial(late, lambda: None).abandon()
    go.set()
    assert ended.wait(10)


def test_an_outage_longer_than_the_patience_ends_it_even_while_an_attempt_hangs(lose):
    over = threading.Event()

    def hang() -> None:
        over.wait(30)
        raise Unreachable("no")

    client, _ = lose(hang, patience=0.3)
    end = take_until(client, Disconnected)[-1]
    assert (end.reason, end.expected, end.failure) == ("the server closed the connection", False, None)
    over.set()


def test_what_is_said_meanwhile_is_queued_and_sent_and_all_else_is_not_done(lose):
    received = []

    def later(sock) -> None:
        admit(sock)
        received.append(expect(sock, b"PING ack-1\r\n"))
        sock.sendall(b"PONG s ack-1\r\n")
        sock.recv(65536)

    wait = threading.Event()
    client, _ = lose(lambda: wait.wait(30), then=later)
    take_until(client, LinkLost)
    client.say("#lobby", "hello")
    client.post(lambda session: session.ask_who("bob"))
    events = take_until(client, Told)
    assert events[0] == Queued(1, "#lobby", "hello")
    assert events[1].failed
    wait.set()
    assert Acknowledged(1) in take_until(client, Acknowledged)
    assert b"PRIVMSG #lobby hello\r\n" in received[0]
    assert b"WHO" not in received[0]


def test_a_bug_in_connecting_ends_it_and_says_so(lose):
    client, _ = lose(ZeroDivisionError())
    assert "an error in the client" in take_until(client, Disconnected)[-1].reason


def test_delays_grow_to_a_bound_and_are_spread():
    assert [backoff.delay(failures, 1.0) for failures in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [backoff.delay(failures, 0.0) for failures in (0, 3, 10_000)] == [0.5, 4, 30]
