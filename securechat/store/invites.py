"""Invites as logins and administrators use them. What is stored of the secret is its digest.

An invite is for an account without a password, until somebody has chosen one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from securechat.errors import SecurechatError
from securechat.protocol.names import fold
from securechat.store.accounts import (
    MEMBERSHIPS,
    UNSET,
    NewAccount,
    Role,
    add_all,
    name_taken,
    note,
    required,
    revoke_invites,
)
from securechat.store.changes import ACCOUNT, ACCOUNT_TEXT, as_account
from securechat.store.database import Database
from securechat.store.rows import Account, AccountId, MemberStored
from securechat.store.schema import account, invite

HOUR = 3600 * 1000  # milliseconds
_ID_BYTES = 4
_REMEMBERED = 30 * 24 * HOUR  # for which whoever holds a void one is told why

_BY_DIGEST = (
    f"SELECT invite.id, channel, expires, used_at, revoked_at, {ACCOUNT_TEXT} "
    "FROM invite JOIN account ON account.id = invite.account_id "
    "WHERE digest = ? AND name_key = ? AND deleted_at IS NULL"
)

State = Literal["open", "used", "revoked", "expired"]


class HasPassword(SecurechatError):
    """The account needs no invite."""


class NoInvite(SecurechatError):
    """The account has no invite that is open."""


@dataclass(frozen=True, slots=True)
class NewInvite:
    digest: bytes = field(repr=False)
    channel: str  # empty for none
    expires: int


@dataclass(frozen=True, slots=True)
class Found:
    """An invite, and what it opens if it is open."""

    invite: str
    channel: str
    state: State
    account: Account
    members: tuple[MemberStored, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """Whom an invite was made for, and what became of the account and of an earlier invite."""

    account: str  # in the account's own spelling
    created: bool
    replaced: bool


class Invites:
    """The invites of one database; an account that is made for one becomes a member of the channels `autojoin`."""

    def __init__(self, database: Database, autojoin: Sequence[str]) -> None:
        self._database = database
        self._autojoin = autojoin

    def find(self, name: str, digest: bytes, now: int) -> Found | None:
        """The account's invite of this digest, open or not. It takes as long for all names."""
        with self._database.look_up() as raw:
            row = raw.execute(_BY_DIGEST, (digest, fold(name))).fetchone()
            if row is None:
                return None
            ident, channel, expires, used, revoked, *columns = row
            members = raw.execute(MEMBERSHIPS, (columns[0],)).fetchall()
        found = as_account(*columns)
        state = _state(found, expires > now, used is not None, revoked is not None)
        return Found(ident, channel, state, found, tuple(MemberStored(*one) for one in members))

    def open(self, name: str, new: NewInvite, unset: bytes, *, admin: bool) -> Opened:
        """Invite whoever is to have the account `name`, in the place of an earlier invite.

        The account is made where there is none, with the hash `unset`, which no password has.
        Raises HasPassword, BadName, AccountExists for a deleted account's name.
        """
        with self._database.write() as connection:
            there = connection.execute(select(*ACCOUNT).where(account.c.name_key == fold(name))).first()
            if there is None:
                role: Role = "admin" if admin else "member"
                add_all(connection, [NewAccount(name, unset, role, UNSET)], self._autojoin)
            person = _without_password(connection, name)
            if admin and not person.admin:
                connection.execute(update(account).where(account.c.id == person.id).values(role="admin"))
                note(connection, person, "account.role", "admin")
            replaced = revoke_invites(connection, person.id)
            ident = _add(connection, person.id, new)
            note(connection, person, "invite.create", f"{ident} {new.channel}".rstrip())
        return Opened(person.name, there is None, replaced)

    def revoke(self, name: str) -> str:
        """Its sessions end; gives the account's name. Raises NoSuchAccount, NoInvite."""
        with self._database.write() as connection:
            person = required(connection, name)
            if not revoke_invites(connection, person.id):
                raise NoInvite(f"there is no open invite for {person.name!r}; see: securechat users list")
            note(connection, person, "invite.revoke")
        return person.name

    def expiries(self, now: int) -> dict[AccountId, int]:
        """Until when the accounts with an open invite have it."""
        is_open = (invite.c.used_at.is_(None), invite.c.revoked_at.is_(None), invite.c.expires > now)
        wanted = select(invite.c.account_id, func.max(invite.c.expires)).where(*is_open).group_by(invite.c.account_id)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(wanted)}


def prune(connection: Connection) -> None:
    """Forget what has been void for long; for `serve` at start, when no session is open that an invite opened."""
    before = time.time_ns() // 1_000_000 - _REMEMBERED
    void = or_(invite.c.used_at < before, invite.c.revoked_at < before, invite.c.expires < before)
    connection.execute(delete(invite).where(void))


def _state(owner: Account, lasts: bool, used: bool, revoked: bool) -> State:
    if revoked:
        return "revoked"
    if used or owner.has_password:
        return "used"
    return "open" if lasts else "expired"


def _without_password(connection: Connection, name: str) -> Account:
    person = as_account(*connection.execute(select(*ACCOUNT).where(account.c.name_key == fold(name))).one())
    if person.deleted:
        raise name_taken(person)
    if person.has_password:
        words = f"a password of its own already; for a new one type: securechat passwd {person.name}"
        raise HasPassword(f"account {person.name!r} has {words}")
    return person


def _add(connection: Connection, owner: AccountId, new: NewInvite) -> str:
    ident = secrets.token_hex(_ID_BYTES)
    while connection.execute(select(invite.c.id).where(invite.c.id == ident)).first() is not None:
        ident = secrets.token_hex(_ID_BYTES)
    values = {
        "id": ident,
        "account_id": owner,
        "digest": new.digest,
        "channel": new.channel,
        "created": time.time_ns() // 1_000_000,
        "expires": new.expires,
    }
    connection.execute(insert(invite).values(values))
    return ident
