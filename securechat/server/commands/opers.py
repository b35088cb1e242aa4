"""IRC operators: OPER, by an administrator's password, and KILL. There is no list of them beside the accounts."""

from __future__ import annotations

import logging
from functools import partial

from securechat.auth.proof import Verified
from securechat.protocol import numerics
from securechat.protocol.message import Message, quoted
from securechat.server import accounts, audit, guessing, presence, totp
from securechat.server.actor import actor
from securechat.server.command import Command, tells
from securechat.server.isupport import OPER_MODE, REASON_BYTES, cut
from securechat.server.session import Session
from securechat.server.turn import Turn

log = logging.getLogger(__name__)


def oper(turn: Turn, session: Session, message: Message) -> None:
    """Whoever knows an administrator's password could log in as that one; so it need not be one's own account."""
    name, password, *_ = message.params
    check = partial(turn.services.passwords.verify, name, password)
    return guessing.check(turn, session, name, check, partial(_checked, name=name))


def _checked(turn: Turn, session: Session, result: Verified | Exception | None, name: str) -> None:
    if isinstance(result, Exception):
        audit.failed(turn, session, "oper.failed", name, guessing.refuse(turn, session, "OPER", result))
    elif result is None:
        _refuse(turn, session, name, "wrong name or password")
    else:
        _proved(turn, session, result)


def _refuse(turn: Turn, session: Session, name: str, reason: str) -> None:
    """The same words whatever was wrong."""
    audit.failed(turn, session, "oper.failed", name, f"{reason} for OPER")
    turn.standard(session, numerics.ERR_PASSWDMISMATCH)


def _proved(turn: Turn, session: Session, verified: Verified) -> None:
    login = accounts.login_by(turn, verified)
    administrator = login.person
    if reason := totp.refusal(turn, session, "OPER", login, verified):
        return _refuse(turn, session, administrator.name, reason)
    if login.fault:
        return _refuse(turn, session, administrator.name, "wrong name or password")
    if not administrator.account.admin:
        audit.failed(turn, session, "oper.failed", administrator.name, "no administrator")
        return turn.standard(session, numerics.ERR_NOOPERHOST)
    turn.set(session, "oper", login)
    turn.put(turn.directory, "opers", session, None)
    person = actor(session)
    audit.audited(turn, session, "oper", administrator.name)
    turn.standard(session, numerics.RPL_YOUREOPER)
    turn.echo(session, turn.event(person, f"MODE {person.name} +{OPER_MODE}"))
    return log.info("%s is an IRC operator as %s", person.name, administrator.name)


def kill(turn: Turn, session: Session, message: Message) -> None:
    """End all sessions of a person, who may log in again: to keep somebody out is what `users suspend` is for."""
    if not session.is_oper:
        return turn.standard(session, numerics.ERR_NOPRIVILEGES)
    target = turn.directory.person(message.params[0])
    if target is None or not target.present:
        return turn.standard(session, numerics.ERR_NOSUCHNICK, quoted(message.params[0]))
    reason = cut(message.params[1], REASON_BYTES) if len(message.params) > 1 else "no reason given"
    killer = actor(session)
    audit.audited(turn, session, "kill", target.name, reason)
    log.info("%s killed the sessions of %s", killer.name, target.name)
    return presence.end_sessions(turn, target, f"Killed by {killer.name}: {reason}")


COMMANDS = {"OPER": Command(oper, fewest_params=2, cost=tells), "KILL": Command(kill, fewest_params=1, cost=tells)}
