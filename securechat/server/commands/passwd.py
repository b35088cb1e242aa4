"""PASSWD: a person changes the password. The old one is proved like at a login; who came by an invite has none.

The other sessions end, and all device tokens but the one that opened this session. A second factor is not asked for
again: the session has passed it, and the new password opens nothing without it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from securechat.auth.passwords import WeakPassword
from securechat.auth.proof import Proof
from securechat.auth.verifier import Rehashed
from securechat.protocol import sasl
from securechat.protocol.message import Message
from securechat.server import audit, guessing, presence
from securechat.server.actor import actor, login_of
from securechat.server.command import Command, tells
from securechat.server.commands import channels
from securechat.server.services import PASSWORDS
from securechat.server.session import PASSWORD_CHANGED, Session
from securechat.server.turn import Turn
from securechat.store.rows import InviteUsed, PasswordStored, TokensRevoked

STEP = 1  # by which the version grows; an administrator's change takes two, so they are never taken for each other


def passwd(turn: Turn, session: Session, message: Message) -> None:
    """`PASSWD piece…`: base64 of old NUL new, in pieces of 400 bytes as in SASL."""
    piece = message.params[0]
    try:
        response = sasl.joined(session.response, piece, turn.settings.limits.sasl)
        if not sasl.is_last(piece):
            return turn.set(session, "response", response)
        turn.set(session, "response", "")
        old, new = sasl.read_passwords(sasl.decode(response))
    except sasl.SaslTooLong:
        turn.set(session, "response", "")
        return turn.fail(session, "PASSWD", "TOO_LONG", "the passwords are too long")
    except sasl.SaslMalformed:
        turn.set(session, "response", "")
        return turn.fail(session, "PASSWD", "INVALID_PARAMS", "expected base64 of the old password, NUL, the new one")
    person = actor(session)
    if login_of(session).proof.means == "invite":
        choose = partial(turn.services.passwords.choose, person.name, new)
        return turn.wait(PASSWORDS, session, choose, _changed, first=True)
    if not old:
        return turn.fail(session, "PASSWD", "INVALID_PARAMS", "the old password is missing")
    change = partial(turn.services.passwords.change, person.name, old, new)
    return guessing.check(turn, session, person.name, change, _changed)


def _changed(turn: Turn, session: Session, result: Rehashed | Exception | None) -> None:
    if isinstance(result, WeakPassword):
        turn.fail(session, "PASSWD", "WEAK_PASSWORD", str(result))
    elif isinstance(result, Exception):
        reason = guessing.refuse(turn, session, "PASSWD", result)
        audit.failed(turn, session, "account.password.failed", session.nick, reason)
    elif result is None:
        audit.failed(turn, session, "account.password.failed", session.nick, "wrong old password")
        turn.fail(session, "PASSWD", "WRONG_PASSWORD", "the old password is wrong")
    else:
        _take_over(turn, session, result)


def _take_over(turn: Turn, session: Session, result: Rehashed) -> None:
    person, version = actor(session), result.replaces + STEP
    login = login_of(session)
    proof = replace(login.proof, password_version=version)
    turn.record(PasswordStored(person.id, result.hash, version))
    turn.record(TokensRevoked(person.id, proof.credential, turn.milliseconds))
    audit.audited(turn, session, "account.password", person.name)
    if proof.means == "invite":
        turn.record(InviteUsed(proof.credential, turn.milliseconds))
        if proof.channel:
            channels.bring(turn, session, proof.channel)
        proof = Proof("password", version, factor=proof.factor)
    turn.set(person, "account", replace(person.account, password_version=version))
    turn.set(session, "login", replace(login, proof=proof))
    presence.end_sessions(turn, person, PASSWORD_CHANGED, keep=session)
    turn.line(session, "NOTE", "PASSWD", "PASSWORD_CHANGED", "the password was changed; other sessions were closed")


COMMANDS = {"PASSWD": Command(passwd, fewest_params=1, cost=tells)}
