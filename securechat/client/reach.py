"""From an address to a connected socket, and from that to a TLS connection: with deadlines, each failure its own words.

What is known of the peer's trustworthiness is for `trust` to say; the handshake is the only thing sent here.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from typing import Any

from securechat.client.address import DEFAULT_PORT, Address
from securechat.errors import SecurechatError

CONNECT_TIMEOUT = 15.0
HANDSHAKE_TIMEOUT = 15.0
RECORD_HEADER_BYTES = 5
TLS_RECORDS = range(0x14, 0x18)  # the first byte of every TLS record; no text begins with one
NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
OLD_TLS = ("TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION")


class Unreachable(SecurechatError):
    """The server could not be talked to at all."""

    exit_status = 3


class NotTLS(SecurechatError):
    """Something answers, but not with a TLS that we take."""

    exit_status = 4


def connect(address: Address, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
    """A TCP connection to the first of the host's addresses that takes one. Raises Unreachable."""
    found = _look_up(address)
    deadline = time.monotonic() + timeout
    failure: OSError = TimeoutError()
    for left, (family, kind, protocol, _, place) in zip(range(len(found), 0, -1), found, strict=True):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, (deadline - time.monotonic()) / left))
            sock.connect(place)
        except OSError as error:
            sock.close()
            failure = error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise _unreachable(address, failure, timeout) from failure


def addresses(address: Address) -> list[str]:
    """What the host's name stands for. Raises Unreachable."""
    return list(dict.fromkeys(str(place[0]) for *_, place in _look_up(address)))


def _look_up(address: Address) -> list[Any]:
    """As getaddrinfo has it."""
    try:
        return list(socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise Unreachable(
            f"no host {address.host!r} is known; check the name, and that this computer is online"
        ) from error


def _unreachable(address: Address, failure: OSError, timeout: float) -> Unreachable:
    if isinstance(failure, ConnectionRefusedError):
        return Unreachable(f"nothing listens at {address}: connection refused; is the server running on that port")
    if isinstance(failure, TimeoutError):
        return Unreachable(f"no answer from {address} within {timeout:g} s; check the address and the firewall")
    return Unreachable(f"cannot reach {address}: {failure.strerror or failure}; check the address and the network")


def shake_hands(
    sock: socket.socket, context: ssl.SSLContext, address: Address, timeout: float = HANDSHAKE_TIMEOUT
) -> ssl.SSLSocket:
    """The TLS connection over `sock`, which it owns from now on, non-blocking.

    Raises NotTLS, Unreachable, and what `ssl` says about the certificate.
    """
    sock.setblocking(False)
    try:
        tls = context.wrap_socket(sock, server_hostname=address.host, do_handshake_on_connect=False)
    except BaseException:
        sock.close()
        raise
    try:
        _do_handshake(tls, address, timeout)
    except ssl.SSLCertVerificationError:
        tls.close()
        raise
    except OSError as error:
        failure = _handshake_failure(tls, address, error)
        tls.close()
        raise failure from error
    except BaseException:
        tls.close()
        raise
    return tls


def _do_handshake(tls: ssl.SSLSocket, address: Address, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    answered = False
    while True:
        try:
            return tls.do_handshake()
        except ssl.SSLWantReadError:
            wanted = selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            wanted = selectors.EVENT_WRITE
        with selectors.DefaultSelector() as selector:
            selector.register(tls, wanted)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise Unreachable(f"{address} does not answer the TLS handshake within {timeout:g} s; is it a TLS port")
        if wanted == selectors.EVENT_READ and not answered:
            answered = True
            _check_first_bytes(tls, address)


def _check_first_bytes(tls: ssl.SSLSocket, address: Address) -> None:
    """Say what speaks there when it is no TLS: OpenSSL's own words for it help nobody."""
    first = _peek(tls)
    if first and first[0] not in TLS_RECORDS:
        raise _not_tls(address, http=first.startswith(b"HTTP"))


def _peek(tls: ssl.SSLSocket) -> bytes:
    """The next few bytes below TLS, if there are any; they stay where they are."""
    try:
        return socket.socket.recv(tls, RECORD_HEADER_BYTES, socket.MSG_PEEK)
    except OSError:
        return b""


def _not_tls(address: Address, *, http: bool) -> NotTLS:
    speaks = "HTTP without TLS" if http else "plain text, not TLS"
    return NotTLS(f"{address} speaks {speaks}; give the port of securechat, by default {DEFAULT_PORT}")


def _handshake_failure(tls: ssl.SSLSocket, address: Address, error: OSError) -> SecurechatError:
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return Unreachable(f"{address} closed the connection during the TLS handshake; is it a TLS port, or overloaded")
    if isinstance(error, ssl.SSLError):
        if error.reason in NOT_TLS:  # it answered so fast that OpenSSL read it first: the header `HTTP/`, no more
            return _not_tls(address, http=_peek(tls).startswith(b"1."))
        if error.reason in OLD_TLS:
            return NotTLS(f"{address} speaks only old TLS; its operator must allow TLS 1.2 or 1.3")
        return NotTLS(
            f"the TLS handshake with {address} failed: {(error.reason or 'no reason').replace('_', ' ').lower()}"
        )
    return Unreachable(f"the connection to {address} broke during the TLS handshake: {error.strerror or error}")
