"""Who asks by HTTP: a device token in `Authorization: Bearer` says it, and is checked like one at a login."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from securechat.auth import tokens
from securechat.auth.proof import Verified
from securechat.protocol.http import Request, Response
from securechat.server import accounts, audit, totp
from securechat.server.http.route import Handle, Route
from securechat.server.services import READS, PoolFull
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.errors import StoreError
from securechat.store.rows import TokenUsed

CHALLENGE = (("WWW-Authenticate", "Bearer"),)  # RFC 6750, section 3


def check(turn: Turn, session: Session, request: Request, route: Route) -> None:
    """Have the route handled for an administrator, and refuse everyone else."""
    token = request.bearer
    if token is None or not tokens.is_token(token):
        turn.services.refused("no device token", session.address)
        return _challenge(turn, session)
    return turn.wait(
        READS, session, partial(turn.services.tokens.verify, None, token), partial(_checked, handle=route.handle)
    )


def _checked(turn: Turn, session: Session, result: Verified | Exception | None, handle: Handle) -> None:
    if isinstance(result, PoolFull | StoreError):
        turn.respond(session, Response(HTTPStatus.SERVICE_UNAVAILABLE, "the server is busy; try again\n"))
    elif isinstance(result, Exception):
        raise result
    elif result is None:
        _refuse(turn, session, "")
    else:
        _proved(turn, session, result, handle)


def _proved(turn: Turn, session: Session, verified: Verified, handle: Handle) -> None:
    """The token was good when it was checked; whether it still is the core knows, which has looked since."""
    login = accounts.login_by(turn, verified)
    if advice := totp.advice_for(login):
        _, text = advice
        audit.failed(turn, session, "http.failed", login.person.name, "device token without a second factor")
        turn.respond(session, Response(HTTPStatus.FORBIDDEN, f"{text}\n"))
    elif login.fault:
        _refuse(turn, session, login.person.name)
    elif not login.person.account.admin:
        audit.failed(turn, session, "http.failed", login.person.name, "device token of a member")
        turn.respond(session, Response(HTTPStatus.FORBIDDEN, "for administrators only\n"))
    else:
        turn.note(TokenUsed(verified.proof.credential, turn.milliseconds, session.address))
        handle(turn, session)


def _refuse(turn: Turn, session: Session, name: str) -> None:
    audit.failed(turn, session, "http.failed", name, "wrong device token")
    _challenge(turn, session)


def _challenge(turn: Turn, session: Session) -> None:
    """The same words whatever was wrong."""
    text = "a device token is needed: Authorization: Bearer sct_…\n"
    turn.respond(session, Response(HTTPStatus.UNAUTHORIZED, text, headers=CHALLENGE))
