"""A connection's shortest way to the wire."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from pathlib import Path

import pytest

from securechat.server.connection import Connection, write_of
from securechat.server.session import Session
from securechat.tls.contexts import server_context


def shake_hands(server: Connection, client: ssl.SSLSocket) -> None:
    """Both ends in this thread, a step of each in turn."""
    done = False
    while not done:
        try:
            client.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            server.handshake()
    while not server.handshake():
        pass


@pytest.fixture
def ends(certificates: Path) -> tuple[Connection, ssl.SSLSocket]:
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    context = server_context(certificates / "server.crt", certificates / "server.key")
    session = Session("here")
    accepted = context.wrap_socket(here, server_side=True, do_handshake_on_connect=False)
    trusting = ssl.create_default_context(cafile=certificates / "ca.crt")
    client = trusting.wrap_socket(there, server_hostname="localhost", do_handshake_on_connect=False)
    return Connection(accepted, "here", session, 0.0, 0.0), client


def test_what_can_be_sent_at_once_is_sent_behind_nothing(ends: tuple[Connection, ssl.SSLSocket]) -> None:
    connection, client = ends
    session = connection.session
    with closing(client), closing(connection):
        assert session.send_now is None
        shake_hands(connection, client)
        assert session.send_now is not None
        session.send_now(b"hello")
        assert client.recv(100) == b"hello"
        piece = b"x" * 16384
        while connection.outbox is None:
            connection.write((piece,), 0.0)
        assert session.send_now is None
        while not connection.flush():
            client.recv(len(piece))
        assert session.send_now is not None
        connection.finish("over", 0.0)
        assert session.send_now is None


def test_without_the_object_behind_it_the_public_call_sends() -> None:
    with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="localhost") as unconnected:
        assert write_of(unconnected) == unconnected.send  # it has no such object yet, as a later Python may have none
