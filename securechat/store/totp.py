"""Second factors as logins and administrators use them. Secrets and codes are made and checked above."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from securechat.errors import SecurechatError
from securechat.store.accounts import (
    end_factor,
    note,
    required,
    revoke_invites,
    revoke_recovery_codes,
    revoke_tokens,
)
from securechat.store.changes import ACCOUNT, as_account
from securechat.store.database import Database
from securechat.store.rows import Account, AccountId
from securechat.store.schema import account, recovery_code, token, totp


class FactorExists(SecurechatError):
    """The account has a second factor already."""


class NoFactor(SecurechatError):
    """The account has no second factor."""


@dataclass(frozen=True, slots=True)
class NewFactor:
    secret: str = field(repr=False)
    step: int  # of the code that confirmed it; 0 if none did
    recovery_codes: Collection[str] = field(repr=False)  # their digests


@dataclass(frozen=True, slots=True)
class Listed:
    """What administrators see of an account's second factor."""

    account: Account
    recovery_codes: int  # that are good yet


class Factors:
    """The second factors of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check_none(self, name: str) -> Account:
        """The account, which has none. Raises NoSuchAccount, FactorExists."""
        with self._database.read() as connection:
            return _without(connection, name)

    def check_one(self, name: str) -> Account:
        """The account, which has one. Raises NoSuchAccount, NoFactor."""
        with self._database.read() as connection:
            return _with(connection, name)

    def enable(self, name: str, new: NewFactor) -> None:
        """What was opened without it ends: sessions, device tokens and invites. Raises NoSuchAccount, FactorExists."""
        with self._database.write() as connection:
            person = _without(connection, name)
            now = time.time_ns() // 1_000_000
            values = {"account_id": person.id, "since": now, "secret": new.secret, "step": new.step}
            connection.execute(insert(totp).values(values))
            _add_recovery_codes(connection, person.id, new.recovery_codes)
            revoke_tokens(connection, token.c.account_id == person.id)
            revoke_invites(connection, person.id)
            note(connection, person, "totp.enable")

    def disable(self, name: str) -> None:
        """The password alone opens the account again. Raises NoSuchAccount, NoFactor."""
        with self._database.write() as connection:
            person = _with(connection, name)
            end_factor(connection, person.id)
            note(connection, person, "totp.disable")

    def renew_recovery_codes(self, name: str, digests: Collection[str]) -> None:
        """These in the place of all earlier ones. Raises NoSuchAccount, NoFactor."""
        with self._database.write() as connection:
            person = _with(connection, name)
            revoke_recovery_codes(connection, person.id)
            _add_recovery_codes(connection, person.id, digests)
            note(connection, person, "totp.recovery")

    def holds(self, owner: AccountId, digest: str) -> bool:
        """Whether this is a recovery code of the account that is good yet."""
        wanted = select(recovery_code.c.digest).where(recovery_code.c.digest == digest, *_good(owner))
        with self._database.read() as connection:
            return connection.execute(wanted).first() is not None

    def listing(self) -> list[Listed]:
        """All accounts that are not deleted, by name."""
        left = select(func.count()).select_from(recovery_code).where(*_good(account.c.id)).scalar_subquery()
        wanted = select(left, *ACCOUNT).where(account.c.deleted_at.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(account.c.name, account.c.id))
            return [Listed(as_account(*columns), count) for count, *columns in rows]


def prune(connection: Connection) -> None:
    """Forget recovery codes that are void; for `serve` at start, when no login with one is on its way."""
    connection.execute(delete(recovery_code).where(recovery_code.c.revoked_at.is_not(None)))


def _without(connection: Connection, name: str) -> Account:
    person = required(connection, name)
    if person.factor is not None:
        words = f"to replace it, type first: securechat totp disable {person.name}"
        raise FactorExists(f"account {person.name!r} has a second factor already; {words}")
    return person


def _with(connection: Connection, name: str) -> Account:
    person = required(connection, name)
    if person.factor is None:
        raise NoFactor(f"account {person.name!r} has no second factor; type: securechat totp enable {person.name}")
    return person


def _good(owner: AccountId | ColumnElement[int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return recovery_code.c.account_id == owner, recovery_code.c.revoked_at.is_(None)


def _add_recovery_codes(connection: Connection, owner: AccountId, digests: Collection[str]) -> None:
    connection.execute(insert(recovery_code), [{"digest": digest, "account_id": owner} for digest in digests])
