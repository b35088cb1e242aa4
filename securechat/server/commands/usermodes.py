"""MODE of oneself: B is a bot's mark, o the operator's that OPER gives, i is taken and means nothing."""

from __future__ import annotations

from securechat.protocol import numerics
from securechat.protocol.message import quoted
from securechat.server import burst
from securechat.server.actor import actor
from securechat.server.isupport import BOT_MODE, OPER_MODE
from securechat.server.session import Session
from securechat.server.turn import Turn


def mode(turn: Turn, session: Session, target: str, rest: list[str]) -> None:
    person = turn.directory.person(target)
    if person is None:
        turn.standard(session, numerics.ERR_NOSUCHNICK, quoted(target))
    elif person is not actor(session):
        turn.standard(session, numerics.ERR_USERSDONTMATCH)
    elif rest:
        _change(turn, session, rest[0])
    else:
        burst.user_modes(turn, session)


def _change(turn: Turn, session: Session, letters: str) -> None:
    wanted = _wanted(letters)
    done = [_apply(turn, session, letter, adding) for letter, adding in wanted.items()]
    if not wanted.keys() <= set(burst.USER_MODES):
        turn.standard(session, numerics.ERR_UMODEUNKNOWNFLAG)
    elif not any(done):
        burst.user_modes(turn, session)


def _wanted(letters: str) -> dict[str, bool]:
    """Each letter, and whether it is to be set; the last word counts."""
    wanted, adding = {}, True
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
        else:
            wanted[letter] = adding
    return wanted


def _apply(turn: Turn, session: Session, letter: str, adding: bool) -> bool:
    """Whether there was something to change; then the session was shown it."""
    person = actor(session)
    if letter == BOT_MODE and adding != person.bot:
        turn.set(person, "bot", adding)
        others = [one for one in person.sessions if one is not session]
    elif letter == OPER_MODE and not adding and session.oper is not None:
        turn.set(session, "oper", None)
        turn.drop(turn.directory, "opers", session)
        others = []
    else:
        return False
    event = turn.event(person, f"MODE {person.name} {'+' if adding else '-'}{letter}")
    turn.tell_each(others, event)
    turn.echo(session, event)
    return True
