"""The one door: who becomes a session of an account, and what is said to those who do not."""

from __future__ import annotations

import logging
from functools import partial

from securechat.chat.person import Person
from securechat.server import audit, burst, known_addresses, missed, presence
from securechat.server.session import Login, Opening, Session, Stage
from securechat.server.turn import Turn

LOGIN_HELP = (
    "this server admits accounts only; your client must log in with SASL PLAIN",
    "WeeChat: /set irc.server.NAME.sasl_username you, and .sasl_password; irssi: /network add -sasl_mechanism PLAIN",
    "any other client: choose SASL PLAIN and give account and password; the server's own client: securechat login",
    "no account yet? ask the operator of this server to run: securechat adduser NAME",
)

log = logging.getLogger(__name__)


def complete(turn: Turn, session: Session) -> None:
    """Admit once all is there: negotiation over, nick and user known, login proved."""
    registration = session.registration
    if registration is None or registration.negotiating or not (registration.nick and registration.user):
        return
    if registration.login is None:
        turn.fail(session, "*", "ACCOUNT_REQUIRED", "log in with SASL first")
        for text in LOGIN_HELP:
            turn.line(session, "NOTICE", session.nick, text)
        turn.services.refused("no login", session.address)
        presence.end(turn, session, "no login: this server admits accounts only, by SASL PLAIN")
    else:
        admit(turn, session, registration.login)


def admit(turn: Turn, session: Session, login: Login) -> None:
    """Make the session one of the account's; the account is looked at once more, for it may have changed meanwhile."""
    person, registration = login.person, session.registration
    assert registration is not None
    if login.fault:
        return presence.end(turn, session, "the login is no longer valid")
    turn.set(session, "person", person)
    turn.set(session, "login", login)
    turn.set(session, "device", missed.whose_place(turn, session, registration.device))
    turn.set(session, "registration", None)
    turn.set(session, "stage", Stage.ADMITTED)
    steps = [partial(burst.rejoin, channel=channel) for channel in person.channels]
    turn.set(session, "opening", Opening((*steps, *([] if session.device is None else [missed.find]))))
    _make_room(turn, session, person)
    presence.arrive(turn, session, person, registration.user or "", registration.realname)
    known_addresses.remember(turn, person, session.network)
    burst.greet(turn, session)
    if session.device is not None:
        turn.admitted[session] = turn.entries
    audit.audited(turn, session, "login", person.name, str(login.proof))
    log.info("admitted %s from %s by %s", person.name, session.address, login.proof)


def _make_room(turn: Turn, session: Session, person: Person) -> None:
    """Above an account's sessions the newcomer is let in: who is locked out may have no way to the others."""
    counted = [one for one in presence.sessions(person) if not one.exempt]
    if not session.exempt and len(counted) >= turn.settings.limits.sessions_per_account:
        longest = min(counted, key=lambda one: one.heard)
        turn.services.refused("too many sessions of one account", longest.address)
        presence.end(turn, longest, "too many sessions of this account, and this one was silent longest")
