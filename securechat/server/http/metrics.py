"""/metrics: all numbers, as Prometheus reads them."""

from __future__ import annotations

from http import HTTPStatus

from securechat.metrics import CONTENT_TYPE
from securechat.protocol.http import Response
from securechat.server.session import Session
from securechat.server.turn import Turn


def metrics(turn: Turn, session: Session) -> None:
    turn.respond(session, Response(HTTPStatus.OK, turn.services.metrics(), CONTENT_TYPE))
