"""Accounts as administrators and logins use them.

Every operation is one short transaction with its rows of `change` and of the audit log.

Passwords come as hashes, computed before: the database's lock is never held over a hash.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from securechat.errors import SecurechatError
from securechat.protocol.names import NICK_LENGTH, fold, is_account_name
from securechat.store import audit, changes, channels
from securechat.store.changes import ACCOUNT, ACCOUNT_TEXT, as_account
from securechat.store.database import Database, driver
from securechat.store.rows import Account, AccountId, MemberStored
from securechat.store.schema import (
    account,
    invite,
    known_address,
    member,
    place,
    read_marker,
    recovery_code,
    token,
    totp,
)

Role = Literal["admin", "member"]
NOBODY = 0  # no account has this id
UNSET = 0  # the version of a password that nobody has chosen yet


class AccountExists(SecurechatError):
    """The name is taken, or reserved for an account that was deleted."""


class NoSuchAccount(SecurechatError):
    """No account has this name, or it was deleted."""


class BadName(SecurechatError):
    """The text cannot be an account's name."""

    exit_status = 2


@dataclass(frozen=True, slots=True)
class NewAccount:
    name: str
    hash: bytes = field(repr=False)
    role: Role = "member"
    password_version: int = 1


@dataclass(frozen=True, slots=True)
class Totp:
    """What the codes of a second factor are checked against."""

    secret: str = field(repr=False)
    step: int  # the newest time step whose code was taken


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is proved against, and what it opens."""

    account: Account
    members: tuple[MemberStored, ...]
    hash: bytes = field(repr=False)
    totp: Totp | None = None


# Each login needs these two. By way of SQLAlchemy they take 0.15 ms more, a tenth of it.
_BY_NAME = (
    f"SELECT {ACCOUNT_TEXT}, password_hash, secret, step FROM account LEFT JOIN totp ON account_id = account.id "
    "WHERE name_key = ? AND deleted_at IS NULL"
)
MEMBERSHIPS = "SELECT channel, account_id, role FROM member WHERE account_id = ? ORDER BY channel"


@dataclass(frozen=True, slots=True)
class Listed:
    account: Account
    created: int
    released: bool  # deleted, and the name is free again


def check_name(name: str) -> None:
    """Raises BadName."""
    if not is_account_name(name):
        words = f"a letter, then up to {NICK_LENGTH - 1} letters, digits, - or _"
        raise BadName(f"{name!r} cannot be an account's name; expected {words}")


class Accounts:
    """The people of one database; new ones become members of the channels `autojoin`."""

    def __init__(self, database: Database, autojoin: Sequence[str]) -> None:
        self._database = database
        self._autojoin = autojoin

    def find(self, name: str) -> Account | None:
        """The account of this name, a deleted one too while it keeps the name reserved."""
        with self._database.read() as connection:
            row = connection.execute(select(*ACCOUNT).where(account.c.name_key == fold(name))).first()
        return as_account(*row) if row else None

    def check_free(self, name: str) -> None:
        """Whether a new account may have this name. Raises BadName, AccountExists."""
        check_name(name)
        if (taken := self.find(name)) is not None:
            raise name_taken(taken)

    def required(self, name: str, *, deleted: bool = False) -> Account:
        """The account of this name; a deleted one only if `deleted`. Raises NoSuchAccount."""
        with self._database.read() as connection:
            return required(connection, name, deleted=deleted)

    def credentials(self, name: str) -> Credentials | None:
        """None for names that nobody may log in with: unknown or deleted. It takes as long for them."""
        with self._database.look_up() as raw:
            row = raw.execute(_BY_NAME, (fold(name),)).fetchone()
            members = raw.execute(MEMBERSHIPS, (row[0] if row else NOBODY,)).fetchall()
        if row is None:
            return None
        *columns, password_hash, secret, step = row
        opens = tuple(MemberStored(*one) for one in members)
        return Credentials(as_account(*columns), opens, password_hash, None if secret is None else Totp(secret, step))

    def listing(self) -> list[Listed]:
        """Everyone, deleted accounts too, by name."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(account.c.created, account.c.name_key, *ACCOUNT).order_by(account.c.name, account.c.id)
            ).all()
        return [Listed(as_account(*columns), created, released=key is None) for created, key, *columns in rows]

    def add(self, name: str, hash: bytes, *, admin: bool = False) -> None:
        """Raises BadName, AccountExists."""
        self.add_all([NewAccount(name, hash, "admin" if admin else "member")])

    def add_all(self, people: Sequence[NewAccount]) -> None:
        """All or none. Raises BadName, AccountExists for the first that cannot be."""
        with self._database.write() as connection:
            add_all(connection, people, self._autojoin)

    def set_password(self, name: str, hash: bytes) -> None:
        """Its sessions end, and its device tokens. Raises NoSuchAccount."""
        with self._database.write() as connection:
            person = required(connection, name)
            # By 2: a member's own change, which the server may just be storing, counts up by 1 and must not win.
            values = {"password_hash": hash, "password_version": account.c.password_version + 2}
            connection.execute(update(account).where(account.c.id == person.id).values(values))
            revoke_tokens(connection, token.c.account_id == person.id)
            revoke_invites(connection, person.id)
            note(connection, person, "account.password")

    def suspend(self, name: str) -> None:
        """No login, and the sessions end; all else stays. Raises NoSuchAccount."""
        self._update(name, "account.suspend", suspended=1)

    def resume(self, name: str) -> None:
        """Raises NoSuchAccount."""
        self._update(name, "account.resume", suspended=0)

    def set_role(self, name: str, role: Role) -> None:
        """Raises NoSuchAccount."""
        self._update(name, "account.role", role, role=role)

    def delete(self, name: str, *, release_name: bool = False) -> None:
        """End the account, its memberships and device tokens; what was said stays, under its name.

        The name stays reserved unless `release_name`, which frees that of an account deleted earlier, too: its next
        owner is another account and sees nothing of this one. Raises NoSuchAccount.
        """
        with self._database.write() as connection:
            person = required(connection, name, deleted=release_name)
            if not person.deleted:
                _end(connection, person.id)
                note(connection, person, "account.delete")
            if release_name:
                connection.execute(update(account).where(account.c.id == person.id).values(name_key=None))
                note(connection, person, "account.release")

    def _update(self, name: str, act: str, detail: str = "", **values: Any) -> None:
        with self._database.write() as connection:
            person = required(connection, name)
            connection.execute(update(account).where(account.c.id == person.id).values(**values))
            note(connection, person, act, detail)


def add_all(connection: Connection, people: Sequence[NewAccount], autojoin: Sequence[str]) -> None:
    """As `Accounts.add_all`, within a transaction."""
    for person in people:
        check_name(person.name)
    channels.ensure(connection, autojoin)
    added = _insert(connection, people)
    channels.join(connection, added, autojoin)
    changes.note(connection, added)
    audit.append(driver(connection), [audit.local("account.add", person.name, person.role) for person in people])


def note(connection: Connection, person: Account, act: str, detail: str = "") -> None:
    """For the running server, and for whoever asks later."""
    changes.note(connection, [person.id])
    audit.append(driver(connection), [audit.local(act, person.name, detail)])


def revoke_tokens(connection: Connection, which: ColumnElement[bool]) -> None:
    """Those that are revoked already keep their time."""
    now = time.time_ns() // 1_000_000
    connection.execute(update(token).where(which, token.c.revoked_at.is_(None)).values(revoked_at=now))


def revoke_invites(connection: Connection, ident: AccountId) -> bool:
    """Those of an account that were not used; whether there were any."""
    mine = (invite.c.account_id == ident, invite.c.used_at.is_(None), invite.c.revoked_at.is_(None))
    revoked = connection.execute(update(invite).where(*mine).values(revoked_at=time.time_ns() // 1_000_000))
    return revoked.rowcount > 0


def end_factor(connection: Connection, ident: AccountId) -> None:
    """An account's second factor with its recovery codes."""
    connection.execute(delete(totp).where(totp.c.account_id == ident))
    revoke_recovery_codes(connection, ident)


def revoke_recovery_codes(connection: Connection, ident: AccountId) -> None:
    mine = (recovery_code.c.account_id == ident, recovery_code.c.revoked_at.is_(None))
    connection.execute(update(recovery_code).where(*mine).values(revoked_at=time.time_ns() // 1_000_000))


def required(connection: Connection, name: str, *, deleted: bool = False) -> Account:
    """As `Accounts.required`, within a transaction."""
    row = connection.execute(select(*ACCOUNT).where(account.c.name_key == fold(name))).first()
    if row is None:
        raise NoSuchAccount(f"there is no account {name!r}; see: securechat users list")
    found = as_account(*row)
    if found.deleted and not deleted:
        raise NoSuchAccount(f"account {found.name!r} was deleted; see: securechat users list")
    return found


def _insert(connection: Connection, people: Sequence[NewAccount]) -> list[AccountId]:
    """The ids of the new accounts. Few statements, for the lock is held meanwhile."""
    keys = [fold(person.name) for person in people]
    taken = connection.execute(select(*ACCOUNT).where(account.c.name_key.in_(keys))).first()
    if taken is not None:
        raise name_taken(as_account(*taken))
    now = time.time_ns() // 1_000_000
    rows = [
        {
            "name": person.name,
            "name_key": key,
            "password_hash": person.hash,
            "password_version": person.password_version,
            "role": person.role,
            "suspended": 0,
            "created": now,
        }
        for person, key in zip(people, keys, strict=True)
    ]
    connection.execute(insert(account), rows)
    added = select(account.c.id).where(account.c.name_key.in_(keys)).order_by(account.c.id)
    return list(connection.execute(added).scalars())


def name_taken(taken: Account) -> AccountExists:
    if taken.deleted:
        words = "belonged to a deleted account and is reserved; free it with: securechat deluser --release-name"
        return AccountExists(f"the name {taken.name!r} {words} {taken.name}")
    return AccountExists(f"account {taken.name!r} already exists; change it with: securechat passwd {taken.name}")


def _end(connection: Connection, ident: AccountId) -> None:
    connection.execute(delete(member).where(member.c.account_id == ident))
    connection.execute(delete(read_marker).where(read_marker.c.account_id == ident))
    connection.execute(delete(place).where(place.c.account_id == ident))
    connection.execute(delete(known_address).where(known_address.c.account_id == ident))
    revoke_tokens(connection, token.c.account_id == ident)
    revoke_invites(connection, ident)
    end_factor(connection, ident)
    values = {
        "deleted_at": time.time_ns() // 1_000_000,
        "password_hash": b"",
        "password_version": account.c.password_version + 2,
    }
    connection.execute(update(account).where(account.c.id == ident).values(values))
