"""The client's thread against real TLS servers that do as a test says."""

import threading
from functools import partial

import pytest

from securechat.client.client import Client
from securechat.client.connection import FEW_BYTES
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.errors import ConnectionLost, LoginFailed
from securechat.client.events import Acknowledged, Disconnected, Entered, Said
from securechat.client.history import Seen
from securechat.client.mailbox import MOST_UNTAKEN
from securechat.client.outbox import Outbox
from securechat.client.past import everything
from securechat.client.trust import ByPin, connect
from securechat.tls import pins

from .conftest import ECHO, context_with, tls

PATIENCE = 10.0


class Host:
    """A server of one client: logs it in, then lets `then(sock)` do the rest."""

    def __init__(self, certificate, then) -> None:
        self.context = context_with(certificate)
        self.trust = ByPin(pins.of(certificate.cert_chain_pems[0].bytes()))
        self.then = then

    def __call__(self, sock) -> None:
        with tls(sock, self.context) as wrapped:
            expect(wrapped, b"USER")
            wrapped.sendall(b"CAP * LS :sasl server-time message-tags\r\n")
            expect(wrapped, b"CAP REQ")
            wrapped.sendall(b"CAP * ACK :sasl server-time message-tags\r\nAUTHENTICATE +\r\n")
            expect(wrapped, b"AUTHENTICATE AGFkYQ")
            self.then(wrapped)


def expect(sock, wanted: bytes) -> bytes:
    got = b""
    while wanted not in got:
        data = sock.recv(65536)
        assert data, got
        got += data
    return got


def admit(sock) -> None:
    sock.sendall(f"903 ada :ok\r\n001 ada :Hi\r\n376 ada :End\r\n:{ECHO} JOIN #lobby\r\n".encode())
    expect(sock, b"PING ready")
    sock.sendall(b"PONG s ready\r\n")


@pytest.fixture
def log_in_to(ca, serve):
    clients: list[Client] = []

    def log_in_to(then, patience: float = 0.0) -> Client:
        host = Host(ca.issue_cert("127.0.0.1"), then)
        address = serve(host)
        conversation = Conversation(Seen(), Outbox())
        way = partial(connect, address, host.trust)
        clients.append(Client(Credentials("ada", "pw"), everything("#lobby"), conversation, way, patience=patience))
        clients[-1].log_in(way())
        return clients[-1]

    yield log_in_to
    for client in clients:
        client.close()


def take_until(client: Client, kind: type) -> list:
    events = []
    while not any(isinstance(event, kind) for event in events):
        batch = client.take(PATIENCE)
        assert batch, events
        events += batch
    return events


def test_what_is_posted_is_sent_and_what_comes_is_taken(log_in_to):
    def talk(sock) -> None:
        admit(sock)
        sent = expect(sock, b"PING ack-1\r\n")
        assert b"PRIVMSG #lobby hello\r\n" in sent
        sock.sendall(b"PONG s ack-1\r\n:bob!b@h PRIVMSG #lobby :hi\r\n")
        expect(sock, b"QUIT")
        sock.sendall(b"ERROR :Bye\r\n")

    client = log_in_to(talk)
    take_until(client, Entered)
    client.say("#lobby", "hello")
    events = take_until(client, Acknowledged)
    client.quit()
    events += take_until(client, Disconnected)
    assert [event.text for event in events if isinstance(event, Said)] == ["hello", "hi"]
    assert events[-1] == Disconnected("Bye", expected=True)


def test_a_wrong_password_is_told_apart_from_a_lost_link(log_in_to):
    with pytest.raises(LoginFailed) as failed:
        log_in_to(lambda sock: sock.sendall(b"904 ada :SASL authentication failed\r\n"))
    assert (failed.value.exit_status, failed.value.credentials) == (5, True)
    with pytest.raises(ConnectionLost) as lost:
        log_in_to(lambda sock: None)
    assert lost.value.exit_status == 3


@pytest.mark.parametrize("words", [b"FAIL * NO :\x1b[2Jno\r\n", b"ERROR :\x1b[2Jno\r\n"])
def test_the_server_s_words_in_an_error_are_fit_to_be_printed(log_in_to, words):
    with pytest.raises((LoginFailed, ConnectionLost), match="no") as error:
        log_in_to(lambda sock: sock.sendall(words))
    assert str(error.value).isprintable()


def test_events_before_the_end_are_not_lost(log_in_to):
    def talk(sock) -> None:
        admit(sock)
        sock.sendall(b"".join(b":bob!b@h PRIVMSG #lobby :%d\r\n" % number for number in range(5000)))

    events = take_until(log_in_to(talk), Disconnected)
    assert [event.text for event in events if isinstance(event, Said)] == [str(number) for number in range(5000)]


def test_a_face_that_takes_nothing_stops_the_reading_not_the_memory(log_in_to):
    stalled = threading.Event()

    def talk(sock) -> None:
        admit(sock)
        sock.settimeout(1.0)
        line = b":bob!b@h PRIVMSG #lobby :" + b"x" * 400 + b"\r\n"
        try:
            for _ in range(2000):
                sock.sendall(line * 100)
        except TimeoutError:
            stalled.set()

    client = log_in_to(talk)
    take_until(client, Entered)
    assert stalled.wait(PATIENCE * 3)
    assert len(client.take(PATIENCE, most=MOST_UNTAKEN * 2)) < MOST_UNTAKEN + 1000


def test_a_face_that_is_called_is_told_of_little_at_a_time(log_in_to):
    """So that its own threads get their turns, however much comes."""
    line, count = b":bob!b@h PRIVMSG #lobby :" + b"x" * 73 + b"\r\n", 500
    ready, all_told = threading.Event(), threading.Event()
    told: list[int] = []

    def talk(sock) -> None:
        admit(sock)
        assert ready.wait(PATIENCE)
        sock.sendall(line * count)
        assert all_told.wait(PATIENCE)

    client = log_in_to(talk)
    take_until(client, Entered)

    def arrived() -> None:
        told.append(len(client.take(0)))
        if sum(told) == count:
            all_told.set()

    client.notify(arrived)
    ready.set()
    assert all_told.wait(PATIENCE)
    assert max(told) <= FEW_BYTES // len(line) + 1


def test_a_call_that_fails_harms_nothing_but_itself(log_in_to, caplog):
    def talk(sock) -> None:
        admit(sock)
        expect(sock, b"ack-")
        sock.sendall(b"PONG s ack-1\r\n")

    client = log_in_to(talk)
    take_until(client, Entered)
    client.post(lambda session: session.join("#\udc80"))
    client.say("#lobby", "fine")
    assert Acknowledged(1) in take_until(client, Acknowledged)
    assert "a call of the face failed" in caplog.text


def test_a_large_amount_leaves_whole_while_the_server_reads_slowly(log_in_to):
    received = threading.Event()

    def talk(sock) -> None:
        admit(sock)
        size = 0
        while size < 2_000_000:
            data = sock.recv(700)
            assert data
            size += len(data)
        received.set()

    client = log_in_to(talk)
    take_until(client, Entered)
    for _ in range(5000):
        client.post(lambda session: session.set_topic("#lobby", "x" * 400))
    assert received.wait(PATIENCE * 3)
