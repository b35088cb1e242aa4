"""A second factor as the core sees it: who must pass it, and that what was used for it counts no second time.

Workers look codes up at the same moment; the core handles their answers one by one.
"""

from __future__ import annotations

from securechat.auth.proof import Verified
from securechat.chat.person import Person
from securechat.server.session import FACTOR_LACKING, FACTOR_MISSING, Login, Session
from securechat.server.turn import Turn
from securechat.store.rows import CodeUsed, RecoveryCodeUsed

DELAY = 10  # seconds that somebody is asked to wait while nothing can be stored


def refusal(turn: Turn, session: Session, command: str, login: Login, verified: Verified) -> str | None:
    """Why the second factor keeps a login out, once the peer is told; None if it does not: then its code is used up."""
    if advice := advice_for(login):
        turn.fail(session, command, *advice)
        return login.fault
    if login.fault is not None or verified.used is None:
        return None
    if turn.failing:
        text = f"the server cannot store that the code is used; try again in {DELAY} s"
        turn.fail(session, command, "TRY_LATER", str(DELAY), text)
        return "a code whose use cannot be stored"
    return None if _use(turn, login.person, verified.used) else "a code that was used before"


def advice_for(login: Login) -> tuple[str, str] | None:
    """What helps who has proved all but the second factor, as the code and the text of a FAIL."""
    if login.fault == FACTOR_MISSING:
        text = "this account has a second factor: put its code behind the password, as password:123456"
        return "SECOND_FACTOR_REQUIRED", text
    if login.fault == FACTOR_LACKING:
        words = f"ask the operator of this server to type: securechat totp enable {login.person.name}"
        return "SECOND_FACTOR_NOT_ENABLED", f"{FACTOR_LACKING}; {words}"
    return None


def _use(turn: Turn, person: Person, used: CodeUsed | RecoveryCodeUsed) -> bool:
    """False when it was used since the worker looked."""
    match used:
        case CodeUsed(step=step):
            if step <= person.totp_step:
                return False
            turn.set(person, "totp_step", step)
        case RecoveryCodeUsed(digest=digest):
            if digest in person.revoked:
                return False
            turn.set(person, "revoked", person.revoked | {digest})
    turn.record(used)
    return True
