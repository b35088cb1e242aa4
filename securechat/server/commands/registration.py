"""Registration: CAP, AUTHENTICATE, NICK, USER, PASS, PING, PONG, QUIT.

Source: Modern IRC ("Connection Registration"), IRCv3 capability-negotiation and sasl-3.2.
"""

from __future__ import annotations

from dataclasses import replace

from securechat.protocol import capabilities, names, numerics, sasl
from securechat.protocol.capabilities import ACCOUNT_NOTIFY
from securechat.protocol.message import Message, quoted
from securechat.server import admission, login, missed, presence
from securechat.server.command import Command, is_trifle, tells
from securechat.server.isupport import REALNAME_BYTES, REASON_BYTES, USER_BYTES, cut
from securechat.server.reply import Line
from securechat.server.session import Registration, Session, Stage
from securechat.server.turn import Turn
from securechat.store.rows import NameStored

TOKEN_BYTES = 300  # of PING


def cap(turn: Turn, session: Session, message: Message) -> None:
    subcommand, *rest = message.params
    words = rest[-1] if rest else ""
    match subcommand.upper():
        case "LS":
            _cap_ls(turn, session, words)
        case "LIST":
            _cap_lines(turn, session, "LIST", capabilities.names(session.caps))
        case "REQ":
            _cap_req(turn, session, words)
        case "END":
            _cap_end(turn, session)
        case _:
            turn.standard(session, numerics.ERR_INVALIDCAPCMD, quoted(subcommand))


def _cap_ls(turn: Turn, session: Session, version: str) -> None:
    if session.registration is not None:
        turn.set(session.registration, "negotiating", True)
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 5 else 0
    if number >= 302:
        turn.set(session, "caps", session.caps | capabilities.CAP_NOTIFY | capabilities.VERSION_302)
    _cap_lines(turn, session, "LS", capabilities.listed(number, ",".join(login.mechanisms(session))))


def _cap_lines(turn: Turn, session: Session, subcommand: str, words: tuple[str, ...]) -> None:
    """All but the last line carry a `*`."""
    *lines, last = capabilities.in_lines(words)
    for line in lines:
        turn.line(session, "CAP", session.nick, subcommand, "*", line)
    turn.line(session, "CAP", session.nick, subcommand, last)


def _cap_req(turn: Turn, session: Session, words: str) -> None:
    if session.registration is not None:
        turn.set(session.registration, "negotiating", True)
    caps = capabilities.requested(words, session.caps)
    if caps is None or len(words.encode()) > capabilities.LIST_BYTES:  # the ACK would repeat it all
        turn.line(session, "CAP", session.nick, "NAK", cut(words, capabilities.LIST_BYTES))
    else:
        turn.line(session, "CAP", session.nick, "ACK", words)
        turn.set(session, "caps", caps)


def _cap_end(turn: Turn, session: Session) -> None:
    registration = session.registration
    if registration is None:
        return
    if registration.mechanism is not None:
        _forget_exchange(turn, registration)
        turn.standard(session, numerics.ERR_SASLABORTED)
    turn.set(registration, "negotiating", False)
    admission.complete(turn, session)


def authenticate(turn: Turn, session: Session, message: Message) -> None:
    registration, piece = session.registration, message.params[0]
    if registration is None or registration.login is not None:
        turn.standard(session, numerics.ERR_SASLALREADY)
    elif piece == "*":
        _forget_exchange(turn, registration)
        turn.standard(session, numerics.ERR_SASLABORTED)
    elif registration.mechanism is None:
        _choose_mechanism(turn, session, registration, piece)
    else:
        _take_piece(turn, session, registration, registration.mechanism, piece)


def _choose_mechanism(turn: Turn, session: Session, registration: Registration, mechanism: str) -> None:
    usable = login.mechanisms(session)
    if mechanism.upper() in usable:
        turn.set(registration, "mechanism", mechanism.upper())
        turn.send(session, Line("", "AUTHENTICATE +"))  # without a source, as clients expect it
    else:
        turn.standard(session, numerics.RPL_SASLMECHS, ",".join(usable))
        turn.standard(session, numerics.ERR_SASLFAIL)


def _take_piece(turn: Turn, session: Session, registration: Registration, mechanism: str, piece: str) -> None:
    try:
        response = sasl.joined(registration.response, piece, turn.settings.limits.sasl)
        if not sasl.is_last(piece):
            return turn.set(registration, "response", response)
        said = sasl.read(mechanism, sasl.decode(response))
    except sasl.SaslTooLong:
        _forget_exchange(turn, registration)
        return turn.standard(session, numerics.ERR_SASLTOOLONG)
    except sasl.SaslMalformed:
        _forget_exchange(turn, registration)
        return turn.standard(session, numerics.ERR_SASLFAIL)
    _forget_exchange(turn, registration)
    if isinstance(said, sasl.External):
        return login.by_certificate(turn, session, said)
    return login.start(turn, session, said)


def _forget_exchange(turn: Turn, registration: Registration) -> None:
    turn.set(registration, "mechanism", None)
    turn.set(registration, "response", "")


def nick(turn: Turn, session: Session, message: Message) -> None:
    """Before admission a wish that the account's name overrides; after it only a change of letter case."""
    wanted = message.params[0] if message.params else ""
    if not wanted:
        turn.standard(session, numerics.ERR_NONICKNAMEGIVEN)
    elif session.registration is not None:
        _wish_nick(turn, session, session.registration, wanted)
    elif not names.is_account_name(wanted):
        turn.standard(session, numerics.ERR_ERRONEUSNICKNAME, quoted(wanted))
    else:
        _change_case(turn, session, wanted)


def _wish_nick(turn: Turn, session: Session, registration: Registration, wanted: str) -> None:
    """Any other account's name is taken too: who is nobody yet may not learn which accounts exist."""
    if not names.is_account_name(wanted):
        return turn.standard(session, numerics.ERR_ERRONEUSNICKNAME, quoted(wanted))
    turn.set(registration, "nick", wanted)
    return admission.complete(turn, session)


def _change_case(turn: Turn, session: Session, wanted: str) -> None:
    person = session.person
    assert person is not None
    if names.fold(wanted) != names.fold(person.name):
        return turn.standard(session, numerics.ERR_NICKNAMEINUSE, wanted)
    if wanted == person.name:
        return None
    event = turn.event(person, f"NICK {wanted}")
    turn.record(NameStored(person.id, wanted))
    turn.set(person, "account", replace(person.account, name=wanted))
    turn.tell_each((one for one in presence.onlookers(person) if one is not session), event)
    turn.echo(session, event)
    turn.finish_if_actor(session)
    # Nobody changes the account here, but its name is written otherwise now. Source: IRCv3 account-notify.
    return presence.tell_onlookers(turn, person, turn.event(person, f"ACCOUNT {wanted}"), ACCOUNT_NOTIFY)


def user(turn: Turn, session: Session, message: Message) -> None:
    registration = session.registration
    assert registration is not None
    if registration.user is not None:
        return turn.standard(session, numerics.ERR_ALREADYREGISTERED)
    if not message.params[3]:
        return turn.standard(session, numerics.ERR_NEEDMOREPARAMS, message.command)
    said, device = missed.split_device(message.params[0])
    name = "".join(character for character in said if character.isalnum() or character in "-_.~")
    turn.set(registration, "device", registration.device or device)  # the login's goes before
    turn.set(registration, "user", cut(name, USER_BYTES) or "user")
    turn.set(registration, "realname", cut(message.params[3], REALNAME_BYTES))
    return admission.complete(turn, session)


def password(turn: Turn, session: Session, message: Message) -> None:
    turn.line(session, "NOTICE", session.nick, "this server has no connection password; log in with SASL PLAIN")


def ping(turn: Turn, session: Session, message: Message) -> None:
    token = message.params[0]
    if len(token.encode()) > TOKEN_BYTES:  # a shortened one would not be recognised
        return turn.standard(session, numerics.ERR_INPUTTOOLONG)
    return turn.line(session, "PONG", turn.server, token)


def pong(turn: Turn, session: Session, message: Message) -> None:
    """That it came is all there is to it: the loop's clock has seen it."""


def quit_(turn: Turn, session: Session, message: Message) -> None:
    said = cut(message.params[0], REASON_BYTES) if message.params else ""
    presence.end(turn, session, f"Quit: {said}" if said else "Quit")


COMMANDS = {
    "CAP": Command(cap, stage=None, fewest_params=1, cost=is_trifle),
    "AUTHENTICATE": Command(authenticate, stage=None, fewest_params=1),
    "NICK": Command(nick, stage=None, cost=tells),
    "USER": Command(user, stage=Stage.REGISTERING, fewest_params=4),
    "PASS": Command(password, stage=Stage.REGISTERING),
    "PING": Command(ping, stage=None, fewest_params=1, cost=is_trifle),
    "PONG": Command(pong, stage=None, cost=is_trifle),
    "QUIT": Command(quit_, stage=None, cost=is_trifle),
}
