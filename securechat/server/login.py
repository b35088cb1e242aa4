"""SASL's outcome: the password goes to a worker, and its answer decides whether the session is logged in."""

from __future__ import annotations

from functools import partial

from securechat.auth.verifier import Verified
from securechat.protocol import names, numerics
from securechat.protocol.sasl import Plain
from securechat.server import accounts, admission, missed
from securechat.server.services import PASSWORDS, PoolFull
from securechat.server.session import Login, Session
from securechat.server.turn import Turn
from securechat.store.rows import PasswordStored


def start(turn: Turn, session: Session, plain: Plain) -> None:
    """Have the password checked; nobody acts for another account, so an authzid must name the authcid's."""
    name, device = missed.split_device(plain.authcid)
    if plain.authzid and names.fold(missed.split_device(plain.authzid)[0]) != names.fold(name):
        return _refuse(turn, session, "authzid of another account")
    if session.registration is not None and device:
        turn.set(session.registration, "device", device)
    check = partial(turn.services.passwords.verify, name, plain.password)
    return turn.wait(PASSWORDS, session, check, _checked)


def _checked(turn: Turn, session: Session, result: Verified | Exception | None) -> None:
    if isinstance(result, PoolFull):
        turn.fail(session, "AUTHENTICATE", "TRY_LATER", "too many logins at once; try again in a few seconds")
        _refuse(turn, session, "too many logins at once")
    elif isinstance(result, Exception):
        raise result
    elif result is None:
        _refuse(turn, session, "wrong name or password")
    else:
        _proved(turn, session, result)


def _proved(turn: Turn, session: Session, verified: Verified) -> None:
    """The password was right when it was read; whether it still is the core knows, which has looked since."""
    known = turn.directory.people.get(verified.account.id)
    account = known.account if known is not None else verified.account
    if account.deleted or verified.account.password_version < account.password_version:
        _refuse(turn, session, "wrong name or password")
    elif account.suspended:
        turn.services.refused("account suspended", session.address)
        turn.reply(session, numerics.ERR_SASLFAIL, "this account is suspended; ask the operator of this server")
    else:
        _log_in(turn, session, verified)


def _refuse(turn: Turn, session: Session, reason: str) -> None:
    """The same words whatever was wrong."""
    turn.services.refused(reason, session.address)
    turn.standard(session, numerics.ERR_SASLFAIL)


def _log_in(turn: Turn, session: Session, verified: Verified) -> None:
    account, registration = verified.account, session.registration
    if registration is None:
        return
    person = accounts.person_of(turn, verified)
    turn.set(registration, "login", Login(person, account.password_version))
    if verified.rehashed is not None and not turn.failing:
        turn.record(PasswordStored(account.id, verified.rehashed, account.password_version))
    text = f"You are now logged in as {person.name}"
    turn.reply(session, numerics.RPL_LOGGEDIN, person.source, person.name, text)
    turn.standard(session, numerics.RPL_SASLSUCCESS)
    admission.complete(turn, session)
