"""TOKEN: a person's own device tokens. Only who logged in with the password gets one: a stolen token makes no more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from securechat.auth.tokens import NewToken, digest
from securechat.protocol import numerics
from securechat.protocol.capabilities import TOKENS
from securechat.protocol.message import Message, quoted
from securechat.server import accounts, audit, playback
from securechat.server.actor import actor, login_of
from securechat.server.command import Command, tells
from securechat.server.event import timestamp
from securechat.server.reply import Line
from securechat.server.services import READS, PoolFull
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.errors import StoreError
from securechat.store.rows import TokenRevoked, TokenStored
from securechat.store.tokens import DAY, NAME_LENGTH, BadTokenName, Token, check_name


def token(turn: Turn, session: Session, message: Message) -> None:
    if not session.caps & TOKENS:
        return turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    subcommand, *words = message.params
    match subcommand.upper(), words:
        case "CREATE", [name]:
            return _create(turn, session, name)
        case "LIST", []:
            look = partial(turn.services.tokens.active, actor(session).id)
            return turn.wait(READS, session, look, _list)
        case "REVOKE", [ident]:
            look = partial(turn.services.tokens.active, actor(session).id)
            return turn.wait(READS, session, look, partial(_revoke, ident=ident))
        case _:
            expected = "expected CREATE :<name>, LIST or REVOKE <id>"
            return turn.fail(session, "TOKEN", "INVALID_PARAMS", quoted(subcommand), expected)


def _create(turn: Turn, session: Session, name: str) -> None:
    try:
        check_name(name)
    except BadTokenName:
        words = f"a name of up to {NAME_LENGTH} printable characters is expected"
        return turn.fail(session, "TOKEN", "INVALID_PARAMS", "CREATE", words)
    if login_of(session).proof.means != "password":
        words = "log in with the password to create a device token"
        return turn.fail(session, "TOKEN", "PASSWORD_REQUIRED", "CREATE", words)
    most = turn.settings.limits.tokens_per_account
    make = partial(turn.services.tokens.make, actor(session).id, name, most)
    return turn.wait(READS, session, make, _created)


def _created(turn: Turn, session: Session, result: NewToken | Exception | None) -> None:
    if isinstance(result, Exception):
        return _cannot(turn, session, result)
    if result is None:
        most = turn.settings.limits.tokens_per_account
        words = f"{most} device tokens count at a time, and as many are made a day; revoke one, or come again tomorrow"
        return turn.fail(session, "TOKEN", "TOO_MANY", "CREATE", words)
    person, proof = actor(session), login_of(session).proof
    now, expires = turn.milliseconds, turn.milliseconds + turn.settings.auth.token_days * DAY
    proved = (proof.password_version, proof.factor)
    turn.record(TokenStored(result.id, person.id, result.name, digest(result.secret), now, expires, *proved))
    audit.audited(turn, session, "token.create", person.name, f"{result.id} {result.name}")
    return turn.line(session, "TOKEN", "CREATE", result.id, timestamp(expires), result.secret, result.name)


def _list(turn: Turn, session: Session, result: Sequence[Token] | Exception) -> None:
    if isinstance(result, Exception):
        return _cannot(turn, session, result)
    lines = [Line("", f":{turn.server} TOKEN LIST {_facts(one)} :{one.name}") for one in result]
    return playback.send(turn, session, "securechat/tokens", lines)


def _facts(one: Token) -> str:
    used = "*" if one.last_used is None else timestamp(one.last_used)
    return f"{one.id} {timestamp(one.created)} {timestamp(one.expires)} {used} {one.address or '*'}"


def _revoke(turn: Turn, session: Session, result: Sequence[Token] | Exception, *, ident: str) -> None:
    """The sessions that it opened end; this one too, if it is among them, once it is told."""
    if isinstance(result, Exception):
        return _cannot(turn, session, result)
    person = actor(session)
    if ident not in {one.id for one in result} - person.revoked:
        return turn.fail(session, "TOKEN", "UNKNOWN_TOKEN", "REVOKE", quoted(ident), "you have no such device token")
    turn.record(TokenRevoked(ident, person.id, turn.milliseconds))
    turn.set(person, "revoked", person.revoked | {ident})
    audit.audited(turn, session, "token.revoke", person.name, ident)
    turn.line(session, "TOKEN", "REVOKE", ident)
    return accounts.end_void(turn, person)


def _cannot(turn: Turn, session: Session, error: Exception) -> None:
    if not isinstance(error, PoolFull | StoreError):
        raise error
    turn.fail(session, "TOKEN", "TRY_LATER", "cannot do that now; try again in a few seconds")


COMMANDS = {"TOKEN": Command(token, fewest_params=1, cost=tells)}
