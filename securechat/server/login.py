"""SASL's outcome: a worker checks the password, what stands in its place, or whose the certificate is."""

from __future__ import annotations

from functools import partial

from securechat.auth import tokens
from securechat.auth.proof import Verified, VoidInvite
from securechat.protocol import invites, names, numerics, sasl
from securechat.protocol.sasl import External, Plain
from securechat.server import accounts, admission, audit, guessing, missed, totp
from securechat.server.services import READS
from securechat.server.session import SUSPENDED, Login, Session
from securechat.server.turn import Turn
from securechat.store.invites import State
from securechat.store.rows import CertificateUsed, PasswordStored, TokenUsed

VOID_CERTIFICATE = "a certificate that is revoked, older than its account, or of no account"

# Why an invite opens nothing: the code of a FAIL, its text, and the reason for the log.
VOID_INVITE: dict[State, tuple[str, str, str]] = {
    "used": ("INVITE_USED", "this invite was used: log in with the password that was chosen with it", "a used invite"),
    "expired": ("INVITE_EXPIRED", "this invite has expired; ask for a new one", "an expired invite"),
    "revoked": (
        "INVITE_WITHDRAWN",
        "this invite was withdrawn; use the newest one, or ask for another",
        "a withdrawn invite",
    ),
}


def start(turn: Turn, session: Session, plain: Plain) -> None:
    """Have the secret checked; nobody acts for another account, so an authzid must name the authcid's."""
    name, device = missed.split_device(plain.authcid)
    if session.registration is not None:
        turn.set(session.registration, "claimed", name)
    if plain.authzid and names.fold(missed.split_device(plain.authzid)[0]) != names.fold(name):
        return _refuse(turn, session, "authzid of another account")
    if session.registration is not None and device:
        turn.set(session.registration, "device", device)
    if invites.is_password(plain.password):
        return turn.wait(READS, session, partial(turn.services.invites.verify, name, plain.password), _checked)
    if tokens.is_token(plain.password):
        return turn.wait(READS, session, partial(turn.services.tokens.verify, name, plain.password), _checked)
    return guessing.check(turn, session, name, partial(turn.services.passwords.verify, name, plain.password), _checked)


def mechanisms(session: Session) -> tuple[str, ...]:
    """Those that this session may use."""
    return sasl.MECHANISMS if session.certificate is not None else ("PLAIN",)


def by_certificate(turn: Turn, session: Session, external: External) -> None:
    """The handshake has proved whose key it is; an authzid must name the certificate's account."""
    presented = session.certificate
    assert presented is not None
    name, device = missed.split_device(external.authzid)
    if session.registration is not None:
        turn.set(session.registration, "claimed", presented.account)
    if name and names.fold(name) != names.fold(presented.account):
        return _refuse(turn, session, "authzid of another account")
    if session.registration is not None and device:
        turn.set(session.registration, "device", device)
    check = partial(turn.services.certificates.verify, presented)
    return turn.wait(READS, session, check, partial(_checked, wrong=VOID_CERTIFICATE))


def _checked(
    turn: Turn,
    session: Session,
    result: Verified | VoidInvite | Exception | None,
    wrong: str = "wrong name or password",
) -> None:
    """`wrong` is for the log; the peer gets the same words for all that is."""
    if isinstance(result, Exception):
        _refuse(turn, session, guessing.refuse(turn, session, "AUTHENTICATE", result))
    elif isinstance(result, VoidInvite):
        code, words, reason = VOID_INVITE[result.state]
        turn.fail(session, "AUTHENTICATE", code, words)
        _refuse(turn, session, reason)
    elif result is None:
        _refuse(turn, session, wrong)
    else:
        _proved(turn, session, result, wrong)


def _proved(turn: Turn, session: Session, verified: Verified, wrong: str) -> None:
    """The proof was good when it was checked; whether it still is the core knows, which has looked since."""
    login = accounts.login_by(turn, verified)
    if login.fault == SUSPENDED:
        _count(turn, session, "account suspended")
        words = f"{SUSPENDED}; ask the operator of this server"
        turn.fail(session, "AUTHENTICATE", "ACCOUNT_SUSPENDED", words)  # another secret would not help
        turn.reply(session, numerics.ERR_SASLFAIL, words)
    elif reason := totp.refusal(turn, session, "AUTHENTICATE", login, verified):
        _refuse(turn, session, reason)
    elif login.fault:
        _refuse(turn, session, wrong)
    else:
        _log_in(turn, session, login, verified.rehashed)


def _refuse(turn: Turn, session: Session, reason: str) -> None:
    """The same words whatever was wrong."""
    _count(turn, session, reason)
    turn.standard(session, numerics.ERR_SASLFAIL)


def _count(turn: Turn, session: Session, reason: str) -> None:
    if session.registration is not None:
        audit.failed(turn, session, "login.failed", session.registration.claimed, reason)


def _log_in(turn: Turn, session: Session, login: Login, rehashed: bytes | None) -> None:
    person, proof, registration = login.person, login.proof, session.registration
    if registration is None:
        return
    turn.set(registration, "login", login)
    if rehashed is not None:
        turn.note(PasswordStored(person.id, rehashed, proof.password_version))
    if proof.means == "token":
        turn.note(TokenUsed(proof.credential, turn.milliseconds, session.address))
    elif proof.means == "certificate" and session.certificate is not None:
        used = (person.id, turn.milliseconds, session.address, session.certificate.expires)
        turn.note(CertificateUsed(proof.credential, *used))
    text = f"You are now logged in as {person.name}"
    turn.reply(session, numerics.RPL_LOGGEDIN, person.source, person.name, text)
    turn.standard(session, numerics.RPL_SASLSUCCESS)
    admission.complete(turn, session)
