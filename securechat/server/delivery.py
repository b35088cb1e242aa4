"""From a turn's output to connections: each audience gets its lines as one shared bytes object.

A session that gets more than one audience's lines, or a direct reply, gets its own ordered list, or lines would
change places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from securechat.server.connection import Connection
from securechat.server.outbox import cut
from securechat.server.session import Session
from securechat.server.turn import Output

Sessions = tuple[Session, ...]
Send = Callable[[Connection, tuple[bytes, ...]], None]


def deliver(output: Sequence[Output], send: Send) -> int:
    """Gives how many deliveries that were: what is put out counts once for each session that gets it."""
    audiences = _distinct(output)
    apart = _apart(output, audiences)
    shared: dict[int, list[bytes]] = {key: [] for key in audiences}
    own: dict[Session, list[bytes]] = {session: [] for session in apart}
    members: dict[int, set[Session]] = {}  # of each audience, those apart; looked for only where it matters
    for put in output:
        target = put.target
        if isinstance(target, Session):
            own[target].append(put.data)
            continue
        key = id(target)
        shared[key].append(put.data)
        if len(apart) > len(put.skip):
            if key not in members:
                members[key] = apart.intersection(target)
            for session in members[key].difference(put.skip):
                own[session].append(put.data)
    deliveries = sum(map(len, own.values()))
    for key, audience in audiences.items():
        receivers = _to_audience(audience, apart, cut(b"".join(shared[key])), send)
        deliveries += receivers * len(shared[key])
    for session, lines in own.items():
        if lines and session.link is not None:
            send(session.link, cut(b"".join(lines)))
    return deliveries


def _distinct(output: Sequence[Output]) -> dict[int, Sessions]:
    """By identity: a channel gives the same tuple for as long as nobody comes or goes."""
    return {id(put.target): cast(Sessions, put.target) for put in output if not isinstance(put.target, Session)}


def _apart(output: Sequence[Output], audiences: Mapping[int, Sessions]) -> set[Session]:
    """The sessions that need a list of their own."""
    apart: set[Session] = set()
    for put in output:
        if isinstance(put.target, Session):
            apart.add(put.target)
        if put.skip:
            apart.update(put.skip)
    if len(audiences) > 1:
        seen: set[Session] = set()
        for audience in audiences.values():
            apart |= seen.intersection(audience)
            seen.update(audience)
    return apart


def _to_audience(audience: Sessions, apart: set[Session], pieces: tuple[bytes, ...], send: Send) -> int:
    """To those who are not apart; gives how many they are.

    The hottest loop of all: nearly every delivery is one send of one piece to a session with nothing queued.

    It touches the session alone, for each object more is memory that the last thousand deliveries drove from the cache.
    """
    lone = pieces[0] if len(pieces) == 1 else None
    others = 0
    for session in audience:
        if session in apart:
            others += 1
            continue
        send_now = session.send_now
        if lone is not None and send_now is not None:
            try:
                send_now(lone)
                continue
            except OSError:  # offered again unchanged, as OpenSSL asks; that says what is wrong, or queues it
                pass
        if session.link is not None:
            send(session.link, pieces)
    return len(audience) - others
