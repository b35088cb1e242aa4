"""The relay passes exactly what it may, and then both ends notice."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.relay import DOWN, UP, Link, Relay
from tests.wire import PATIENCE

Ends = tuple[socket.socket, socket.socket, Link]  # the client, the server and what is between them


@pytest.fixture
def ends() -> Iterator[Ends]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Relay(listener.getsockname()[1]) as relay,
        socket.create_connection(relay.address, PATIENCE) as client,
        listener.accept()[0] as server,
    ):
        server.settimeout(PATIENCE)
        yield client, server, relay.link_of(client)


def everything(sock: socket.socket) -> bytes:
    """What comes before the reset."""
    heard = b""
    try:
        while piece := sock.recv(1):
            heard += piece
    except ConnectionResetError:
        return heard
    raise AssertionError("the end came in order")


def test_without_a_cut_everything_passes_and_an_end_is_an_end(ends: Ends) -> None:
    client, server, link = ends
    client.sendall(b"up")
    assert server.recv(10) == b"up"
    server.sendall(b"down")
    assert client.recv(10) == b"down"
    assert link.passed == [2, 4]
    server.close()
    assert client.recv(10) == b""
    assert link.over.wait(PATIENCE)


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("way", [UP, DOWN], ids=["up", "down"])
def test_exactly_so_many_bytes_pass_before_a_cut(ends: Ends, way: int, count: int) -> None:
    speaker, listener = ends[way], ends[1 - way]
    speaker.sendall(b"before")
    assert listener.recv(10) == b"before"
    ends[2].cut_behind(way, count)
    speaker.sendall(b"more")
    assert everything(listener) == b"more"[:count]
    assert everything(speaker) == b""
    assert ends[2].over.wait(PATIENCE)


def test_a_client_of_a_server_that_is_down_is_hung_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Relay(port) as relay, socket.create_connection(relay.address, PATIENCE) as client:
        assert client.recv(1) == b""
        assert relay.links() == []
