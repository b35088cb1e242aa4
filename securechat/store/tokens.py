"""Device tokens as logins and administrators use them. What is stored of the secret is its digest."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select

from securechat.errors import SecurechatError
from securechat.protocol.names import fold
from securechat.protocol.text import printable
from securechat.store import audit, changes
from securechat.store.accounts import MEMBERSHIPS, required, revoke_tokens
from securechat.store.changes import ACCOUNT_TEXT, as_account
from securechat.store.database import Database, driver
from securechat.store.rows import Account, AccountId, MemberStored
from securechat.store.schema import account, token

NAME_LENGTH = 64
_ID_BYTES = 4
DAY = 24 * 3600 * 1000  # milliseconds
_REMEMBERED = 30 * DAY  # for which a void token is still listed

# For every login with a token; by way of SQLAlchemy it takes longer.
_BY_DIGEST = (
    f"SELECT token.id, {ACCOUNT_TEXT} "
    "FROM token JOIN account ON account.id = token.account_id "
    "WHERE digest = ? AND name_key = coalesce(?, name_key) AND expires > ? "
    "AND revoked_at IS NULL AND deleted_at IS NULL"
)

_TOKENS: Select[Any] = (
    select(
        *(token.c.id, account.c.name, token.c.name, token.c.created, token.c.expires),
        *(token.c.last_used, token.c.address, token.c.revoked_at),
    )
    .join(account, account.c.id == token.c.account_id)
    .order_by(account.c.name, token.c.created, token.c.id)
)


class NoSuchToken(SecurechatError):
    """No device token has this id."""


class BadTokenName(SecurechatError):
    """The text cannot be a device token's name."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A token that counts, and what it opens."""

    token: str
    account: Account
    members: tuple[MemberStored, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """What people see of a token; times in milliseconds since the epoch."""

    id: str
    account: str
    name: str
    created: int
    expires: int
    last_used: int | None
    address: str  # of the last use
    revoked_at: int | None

    def state(self, now: int) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.expires > now else "expired"


def check_name(name: str) -> None:
    """Raises BadTokenName."""
    if not name.strip() or len(name) > NAME_LENGTH or printable(name) != name:
        words = f"such as the device's, of up to {NAME_LENGTH} printable characters"
        raise BadTokenName(f"{name[:NAME_LENGTH]!r} cannot be a device token's name; expected one {words}")


class Tokens:
    """The device tokens of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str | None, digest: bytes, now: int) -> Found | None:
        """The token of this digest, if it is the account's and counts. It takes as long for all names.

        Without a name it may be any account's.
        """
        with self._database.look_up() as raw:
            row = raw.execute(_BY_DIGEST, (digest, name and fold(name), now)).fetchone()
            if row is None:
                return None
            ident, *columns = row
            members = raw.execute(MEMBERSHIPS, (columns[0],)).fetchall()
        return Found(ident, as_account(*columns), tuple(MemberStored(*one) for one in members))

    def listing(self, owner: str | None = None) -> list[Token]:
        """Everyone's, or those of an account, by account and age. Raises NoSuchAccount."""
        with self._database.read() as connection:
            wanted = _TOKENS if owner is None else _TOKENS.where(account.c.id == required(connection, owner).id)
            return [Token(*row) for row in connection.execute(wanted)]

    def active(self, owner: AccountId, now: int) -> list[Token]:
        """Those of an account that count."""
        with self._database.read() as connection:
            return [Token(*row) for row in connection.execute(_TOKENS.where(account.c.id == owner, _counts(now)))]

    def free_id(self, owner: AccountId, most: int, now: int) -> str | None:
        """The id for another token of the account; None when so many count already, or were made within a day."""
        taken = select(func.count()).where(token.c.account_id == owner, or_(_counts(now), token.c.created > now - DAY))
        with self._database.read() as connection:
            return _free_id(connection) if connection.execute(taken).scalar_one() < most else None

    def add(self, owner: str, name: str, digest: bytes, expires: int) -> str:
        """Gives the id. Raises NoSuchAccount, BadTokenName."""
        check_name(name)
        with self._database.write() as connection:
            person = required(connection, owner)
            ident = _free_id(connection)
            values = {
                "id": ident,
                "account_id": person.id,
                "name": name,
                "digest": digest,
                "created": time.time_ns() // 1_000_000,
                "expires": expires,
                "address": "",
            }
            connection.execute(insert(token).values(values))
            audit.append(driver(connection), [audit.local("token.create", person.name, f"{ident} {name}")])
        return ident

    def revoke(self, idents: Sequence[str]) -> None:
        """All or none; their sessions end. Raises NoSuchToken."""
        with self._database.write() as connection:
            wanted = select(token.c.id, account.c.id.label("owner"), account.c.name).join(account)
            owners = {row.id: row for row in connection.execute(wanted.where(token.c.id.in_(idents)))}
            for ident in idents:
                if ident not in owners:
                    raise NoSuchToken(f"there is no device token {ident!r}; see: securechat tokens list")
            revoke_tokens(connection, token.c.id.in_(idents))
            changes.note(connection, sorted({row.owner for row in owners.values()}))
            acts = [audit.local("token.revoke", owners[ident].name, ident) for ident in idents]
            audit.append(driver(connection), acts)

    def revoke_all(self, owner: str) -> None:
        """All of an account's; their sessions end. Raises NoSuchAccount."""
        with self._database.write() as connection:
            person = required(connection, owner)
            revoke_tokens(connection, token.c.account_id == person.id)
            changes.note(connection, [person.id])
            audit.append(driver(connection), [audit.local("token.revoke", person.name, "all")])


def prune(connection: Connection) -> None:
    """Forget what has been void for long; for `serve` at start, when no session is open that a token opened."""
    before = time.time_ns() // 1_000_000 - _REMEMBERED
    connection.execute(delete(token).where(or_(token.c.revoked_at < before, token.c.expires < before)))


def _counts(now: int) -> ColumnElement[bool]:
    return and_(token.c.expires > now, token.c.revoked_at.is_(None))


def _free_id(connection: Connection) -> str:
    while True:
        ident = secrets.token_hex(_ID_BYTES)
        if connection.execute(select(token.c.id).where(token.c.id == ident)).first() is None:
            return ident
