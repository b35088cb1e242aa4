"""What the core has to say to the audit log: an act at once, failed proofs summed by the minute."""

from __future__ import annotations

from securechat.chat.directory import Failure
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import Audited

MINUTE = 60.0  # seconds over which failures are summed: an attack must not become a write for each guess
MOST = 100  # kinds of failures that are summed apart; an attacker chooses the address, and may have many
OTHERS = "other addresses"


def audited(turn: Turn, session: Session, act: str, subject: str, detail: str = "") -> None:
    """The session's account did this. On a full disk it is done all the same, and only the server's log tells of it."""
    turn.note(Audited(turn.milliseconds, session.nick, act, subject, session.address, detail))


def failed(turn: Turn, session: Session, act: str, name: str, reason: str) -> None:
    """Somebody did not prove to be `name`; told to the log, too."""
    turn.services.refused(reason, session.address)
    directory = turn.directory
    person = directory.person(name)
    failure = Failure(act, person.name if person is not None else "", session.network, reason)
    if failure not in directory.failures and len(directory.failures) >= MOST:
        failure = failure._replace(network=OTHERS)
    if not directory.failures:
        turn.set(directory, "failures_since", turn.now)
    turn.put(directory, "failures", failure, directory.failures.get(failure, 0) + 1)


def flush(turn: Turn) -> None:
    """Their minute is over; or the clock was set back, and nobody knows."""
    if abs(turn.now - turn.directory.failures_since) >= MINUTE:
        close(turn)


def close(turn: Turn) -> None:
    """Keep what was summed; while nothing can be stored it is summed on."""
    failures = turn.directory.failures
    if not failures or turn.failing:
        return
    for (act, account, network, reason), number in failures.items():
        plural = "" if number == 1 else "s"
        turn.note(Audited(turn.milliseconds, "", act, account, network, f"{number} time{plural}: {reason}"))
    turn.set(turn.directory, "failures", {})
