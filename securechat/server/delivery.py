"""From a turn's output to connections: each audience gets its lines as one shared bytes object.

A session that gets more than one audience's lines, or a direct reply, gets its own ordered list, or lines would
change places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from securechat.server.connection import Connection, Phase
from securechat.server.outbox import cut
from securechat.server.session import Session
from securechat.server.turn import Output

Sessions = tuple[Session, ...]
Send = Callable[[Connection, tuple[bytes, ...]], None]


def deliver(output: Sequence[Output], send: Send) -> None:
    audiences = _distinct(output)
    apart = _apart(output, audiences.values())
    members = {key: apart.intersection(audience) for key, audience in audiences.items()} if apart else {}
    shared: dict[int, list[bytes]] = {key: [] for key in audiences}
    own: dict[Session, list[bytes]] = {session: [] for session in apart}
    for target, data, skip in output:
        if isinstance(target, Session):
            own[target].append(data)
            continue
        shared[id(target)].append(data)
        if apart:
            for session in members[id(target)]:
                if session not in skip:
                    own[session].append(data)
    for key, audience in audiences.items():
        _to_audience(audience, apart, cut(b"".join(shared[key])), send)
    for session, lines in own.items():
        if lines and session.link is not None:
            send(session.link, cut(b"".join(lines)))


def _distinct(output: Sequence[Output]) -> dict[int, Sessions]:
    """By identity: a channel gives the same tuple for as long as nobody comes or goes."""
    return {id(target): cast(Sessions, target) for target, _, _ in output if not isinstance(target, Session)}


def _apart(output: Sequence[Output], audiences: Iterable[Sessions]) -> set[Session]:
    """The sessions that need a list of their own."""
    apart: set[Session] = set()
    for target, _, skip in output:
        if isinstance(target, Session):
            apart.add(target)
        apart.update(skip)
    seen: set[Session] = set()
    for audience in audiences:
        apart |= seen.intersection(audience)
        seen.update(audience)
    return apart


def _to_audience(audience: Sessions, apart: set[Session], pieces: tuple[bytes, ...], send: Send) -> None:
    """The hottest loop of all: nearly every delivery is one send of one piece to a connection with nothing queued."""
    lone = pieces[0] if len(pieces) == 1 else None
    for session in audience:
        connection = session.link
        if session in apart or connection is None:
            continue
        if lone is not None and connection.outbox is None and connection.phase is Phase.OPEN:
            try:
                connection.sock.send(lone)
                continue
            except OSError:  # offered again unchanged, as OpenSSL asks; that says what is wrong, or queues it
                pass
        send(connection, pieces)
