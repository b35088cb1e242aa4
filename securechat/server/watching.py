"""Who watches whom by MONITOR, and what those are told who do."""

from __future__ import annotations

from collections.abc import Sequence

from securechat.chat.person import Person, Recipient
from securechat.protocol.message import write
from securechat.protocol.names import fold
from securechat.protocol.numerics import RPL_MONOFFLINE, RPL_MONONLINE
from securechat.server.event import Event
from securechat.server.session import Session
from securechat.server.turn import Turn


def watch(turn: Turn, session: Session, name: str) -> None:
    """Whether there is such an account is nobody's business: a name is watched, and whoever will have it."""
    key = fold(name)
    if key not in session.monitored:
        turn.put(session, "monitored", key, name)
        turn.put(turn.directory, "watchers", key, (*turn.directory.watchers.get(key, ()), session))


def unwatch(turn: Turn, session: Session, name: str) -> None:
    key = fold(name)
    if key not in session.monitored:
        return
    turn.drop(session, "monitored", key)
    others = tuple(one for one in turn.directory.watchers[key] if one is not session)
    if others:
        turn.put(turn.directory, "watchers", key, others)
    else:
        turn.drop(turn.directory, "watchers", key)


def clear(turn: Turn, session: Session) -> None:
    for name in list(session.monitored):
        unwatch(turn, session, name)


def watchers(turn: Turn, person: Person) -> Sequence[Recipient]:
    return turn.directory.watchers.get(fold(person.name), ())


def came(turn: Turn, person: Person) -> None:
    _tell(turn, person, RPL_MONONLINE, person.source)


def went(turn: Turn, person: Person) -> None:
    _tell(turn, person, RPL_MONOFFLINE, person.name)


def _tell(turn: Turn, person: Person, numeric: str, word: str) -> None:
    """One line for them all, addressed to `*`, as the standard allows. Source: IRCv3 monitor."""
    body = write(numeric, "*", word, source=turn.server)
    turn.tell_each(watchers(turn, person), Event(body, turn.milliseconds, "", ""))
