"""Servers that must be refused, with not one byte sent but the handshake; and those that must not."""

import re
import socket
import ssl
from datetime import UTC, date, datetime, timedelta

import pytest
import trustme

from securechat.client import reach
from securechat.client.address import Address
from securechat.client.reach import NotTLS, Unreachable
from securechat.client.trust import ByCA, ByPin, UnknownKey, connect
from securechat.tls import pins
from securechat.tls.errors import TrustError

from .conftest import context_with, tls

OTHER_PIN = "sha256:" + "0" * 64


class Peer:
    """A TLS server that notes every byte that comes after the handshake."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.context = context_with(certificate)
        self.pin = pins.of(certificate.cert_chain_pems[0].bytes())
        self.received = b""

    def __call__(self, sock: socket.socket) -> None:
        with tls(sock, self.context) as wrapped:
            self.received += wrapped.recv(1000)


@pytest.fixture
def ca_file(ca, tmp_path):
    path = tmp_path / "ca.crt"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def peer(ca):
    return Peer(ca.issue_cert("127.0.0.1"))


def test_a_certificate_of_the_given_ca_is_trusted(peer, serve, ca_file):
    connect(serve(peer), ByCA(ca_file)).close()


def test_the_pinned_key_is_trusted_whatever_name_and_date_its_certificate_has(ca, serve):
    expired = Peer(ca.issue_cert("elsewhere.example", not_after=datetime.now(UTC) - timedelta(days=1)))
    connect(serve(expired), ByPin(expired.pin)).close()


def refused(address: Address, trust: ByCA | ByPin) -> TrustError:
    with pytest.raises(TrustError) as error:
        connect(address, trust)
    assert error.value.exit_status == 4
    return error.value


def test_first_contact_shows_the_pin_and_names_the_ways_to_trust(peer, serve):
    error = refused(serve(peer), ByCA())
    assert isinstance(error, UnknownKey)
    assert error.pin == peer.pin
    assert all(word in str(error) for word in ("--ca", "--pin", peer.pin))
    assert peer.received == b""


def test_a_changed_key_is_a_hard_stop_that_says_since_when_and_what_to_do(peer, serve):
    address = serve(peer)
    error = refused(address, ByPin(OTHER_PIN, date(2026, 1, 2)))
    ways_out = ("log in with --pin", f"securechat trust forget {address}")
    for fact in ("HAS CHANGED", "Since 2026-01-02", OTHER_PIN, peer.pin, "certs show", *ways_out):
        assert fact in str(error)
    assert peer.received == b""


def test_a_given_pin_that_does_not_match_is_refused(peer, serve):
    assert "does not have the pinned key" in str(refused(serve(peer), ByPin(OTHER_PIN)))
    assert peer.received == b""


def test_an_expired_certificate_is_not_offered_on_first_contact(ca, serve):
    peer = Peer(ca.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(hours=1)))
    error = refused(serve(peer), ByCA())
    assert "expired 2" in str(error)
    assert not isinstance(error, UnknownKey)


@pytest.mark.parametrize("ca_given", [True, False])
def test_a_clock_that_cannot_be_right_is_named_instead_of_the_certificate(ca, serve, ca_file, ca_given):
    peer = Peer(ca.issue_cert("127.0.0.1", not_before=datetime.now(UTC) + timedelta(days=30)))
    tomorrow_s_tomorrow = datetime.now().date() + timedelta(days=2)
    error = refused(serve(peer), ByCA(ca_file if ca_given else None, used=lambda: tomorrow_s_tomorrow))
    assert "the clock of this computer is wrong" in str(error)
    assert f"but securechat was used here on {tomorrow_s_tomorrow}" in str(error)
    assert peer.received == b""


def test_many_names_of_a_certificate_are_shown_as_text_and_not_all(ca, serve, ca_file):
    peer = Peer(ca.issue_cert(*(f"host{number}.example" for number in range(9))))
    assert re.search(
        r"is for 'host\d.example', .* and 4 more, not for 127.0.0.1", str(refused(serve(peer), ByCA(ca_file)))
    )


@pytest.mark.parametrize(
    ("greeting", "words"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP"), (b":irc NOTICE * :Looking up\r\n", "speaks plain text")],
)
@pytest.mark.parametrize("speaks_first", [True, False])
def test_a_port_without_tls_is_named_as_such(serve, greeting, words, speaks_first):
    def talk(sock: socket.socket) -> None:
        if not speaks_first:
            sock.recv(1000)
        sock.sendall(greeting)
        while sock.recv(1000):
            pass

    with pytest.raises(NotTLS, match=words) as error:
        connect(serve(talk), ByCA())
    assert error.value.exit_status == 4


def test_a_port_that_hangs_up_on_the_handshake_is_unreachable(serve):
    with pytest.raises(Unreachable, match="closed the connection during the TLS handshake") as error:
        connect(serve(lambda sock: sock.recv(1000)), ByCA())
    assert error.value.exit_status == 3


def test_a_silent_port_is_given_up_at_the_deadline(serve):
    address = serve(lambda sock: sock.recv(1000) and sock.recv(1000))
    with pytest.raises(Unreachable, match="does not answer the TLS handshake"):
        reach.shake_hands(reach.connect(address), ssl.create_default_context(), address, timeout=0.2)


def test_a_closed_port_and_an_impossible_name_are_different_things():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="connection refused"):
        reach.connect(Address("127.0.0.1", port))
    with pytest.raises(Unreachable, match=r"no host 'a\.\.b' is known"):
        reach.connect(Address("a..b"))
