"""Listening sockets: opening them with words people understand, and accepting without ever waiting."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import NamedTuple

from securechat.errors import SecurechatError

BACKLOG = 4096
SEND_BUFFER = 256 * 1024  # the kernel would hide up to 4 MB behind a reader that does not read
ACCEPTS_IN_A_PASS = 64

_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Listener(NamedTuple):
    sock: socket.socket
    asks: bool  # for a client's certificate


class CannotListen(SecurechatError):
    """The address is in use, is not ours, or may not be used."""


class OutOfFiles(Exception):
    """No connection can be accepted until another is closed."""


def listen(address: str, port: int) -> list[socket.socket]:
    """Sockets that listen at `address`, a host name or an IP address; empty means every interface.

    Raises CannotListen. With port 0 the system chooses one, the same for every address of the name.
    """
    sockets: list[socket.socket] = []
    try:
        for family, where in _resolve(address, port):
            sockets.append(_open(family, (where[0], sockets[0].getsockname()[1], *where[2:]) if sockets else where))
    except (OSError, ValueError) as error:  # ValueError: no name server would be asked for such a name
        for one in sockets:
            one.close()
        raise CannotListen(f"cannot listen on {shown(address or '*', port)}: {_remedy(error)}") from error
    return sockets


def _resolve(address: str, port: int) -> Iterator[tuple[int, tuple[object, ...]]]:
    if not address:
        if socket.has_dualstack_ipv6():
            yield socket.AF_INET6, ("::", port, 0, 0)
        else:
            yield socket.AF_INET, ("0.0.0.0", port)  # noqa: S104  every interface is what was asked for
        return
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    yield from dict.fromkeys((entry[0], entry[4]) for entry in found)


def _open(family: int, where: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, where[0] != "::")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # both are inherited by what is accepted
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        sock.bind(where)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _remedy(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return "that is no host name; give another with --listen HOST:PORT"
    match error.errno:
        case errno.EADDRINUSE:
            return "the port is in use; stop what uses it, or give another with --listen HOST:PORT"
        case errno.EACCES:
            return "not permitted; give a port above 1023 with --listen HOST:PORT"
        case errno.EADDRNOTAVAIL:
            return "this machine does not have that address; give another with --listen HOST:PORT"
        case _:
            return f"{(error.strerror or 'unknown address').lower()}; give another with --listen HOST:PORT"


def accept(listener: socket.socket) -> Iterator[tuple[socket.socket, str]]:
    """Who waits, with the address; a bounded number, the rest is found by the next pass. Raises OutOfFiles."""
    for _ in range(ACCEPTS_IN_A_PASS):
        try:
            sock, where = listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in _OUT_OF_FILES:
                raise OutOfFiles from error
            continue  # the newcomer has gone already
        yield sock, str(where[0]).removeprefix("::ffff:")


def shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
