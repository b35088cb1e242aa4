"""/healthz: whether what is said now would be stored."""

from __future__ import annotations

from http import HTTPStatus

from securechat.protocol.http import Response
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import Proved

FRESH = 1.0  # seconds in which the last commit proves it, so that a flood of requests does not write all the time


def healthz(turn: Turn, session: Session) -> None:
    """The answer leaves after the commit; one that fails is answered by whoever hears of StoreUnavailable."""
    if turn.failing or not 0 <= turn.now - turn.directory.stored_at < FRESH:
        turn.record(Proved())
    turn.respond(session, Response(HTTPStatus.OK, "ok\n"))
