"""What the server answers over HTTP: a new path is one row, one function, one test. IRC's commands are elsewhere."""

from __future__ import annotations

from http import HTTPStatus

from securechat.protocol.http import Request, Response
from securechat.server.http import bearer, health, metrics
from securechat.server.http.route import Access, Route
from securechat.server.session import Session
from securechat.server.turn import Turn

METHODS = ("GET", "HEAD")
ROUTES = {
    "/healthz": Route(health.healthz, Access.ANYONE),
    "/metrics": Route(metrics.metrics, Access.ADMIN),
}


def answer(turn: Turn, session: Session, request: Request) -> None:
    route = ROUTES.get(request.path)
    if route is None:
        turn.respond(session, Response(HTTPStatus.NOT_FOUND, "nothing is here\n"))
    elif request.method not in METHODS:
        headers = (("Allow", ", ".join(METHODS)),)
        turn.respond(session, Response(HTTPStatus.METHOD_NOT_ALLOWED, "not a method of this path\n", headers=headers))
    elif route.access is Access.ANYONE:
        route.handle(turn, session)
    else:
        bearer.check(turn, session, request, route)


def unavailable(turn: Turn, session: Session, reason: str) -> None:
    """The store cannot do what the request needs."""
    turn.respond(session, Response(HTTPStatus.SERVICE_UNAVAILABLE, f"{reason}\n"))


def failed(turn: Turn, session: Session) -> None:
    """A handler raised."""
    turn.respond(session, Response(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed; its log says why\n"))
