"""Client certificates as logins and administrators see them: those that were used here, and those that were revoked.

Who issued one, and until when it is good, the handshake has checked.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from securechat.errors import SecurechatError
from securechat.protocol.names import fold
from securechat.store import audit, changes
from securechat.store.accounts import MEMBERSHIPS, required
from securechat.store.changes import ACCOUNT_TEXT, as_account
from securechat.store.database import Database, driver
from securechat.store.rows import Account, AccountId, MemberStored
from securechat.store.schema import account, certificate

REVOKE = "certificate.revoke"  # the act in the audit log

_BY_NAME = (
    f"SELECT {ACCOUNT_TEXT} FROM account LEFT JOIN certificate ON serial = ? "
    "WHERE name_key = ? AND deleted_at IS NULL AND revoked_at IS NULL"
)


class NoSuchCertificate(SecurechatError):
    """No certificate of this serial number was used, and whose it is was not said."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What people see of one; times in milliseconds since the epoch."""

    serial: str
    account: str
    first_used: int | None  # None: it was revoked before
    last_used: int | None
    address: str
    not_after: int | None  # None: only its serial number is known
    revoked_at: int | None

    def state(self, now: int) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.not_after is None or self.not_after > now else "expired"


class Named(NamedTuple):
    """One to revoke; of one that was used here the serial number is enough."""

    serial: str
    account: str | None = None
    not_after: int | None = None


class Certificates:
    """The client certificates of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, name: str, serial: str) -> tuple[Account, tuple[MemberStored, ...]] | None:
        """The account of this name and its memberships; None if there is none, or the certificate is revoked."""
        with self._database.look_up() as raw:
            row = raw.execute(_BY_NAME, (serial, fold(name))).fetchone()
            if row is None:
                return None
            members = raw.execute(MEMBERSHIPS, (row[0],)).fetchall()
        return as_account(*row), tuple(MemberStored(*one) for one in members)

    def listing(self, owner: str | None = None) -> list[Certificate]:
        """Everyone's, or those of an account, by account and first use. Raises NoSuchAccount."""
        wanted = select(
            *(certificate.c.serial, account.c.name, certificate.c.first_used, certificate.c.last_used),
            *(certificate.c.address, certificate.c.not_after, certificate.c.revoked_at),
        ).join(account, account.c.id == certificate.c.account_id)
        with self._database.read() as connection:
            if owner is not None:
                wanted = wanted.where(account.c.id == required(connection, owner).id)
            rows = connection.execute(wanted.order_by(account.c.name, certificate.c.first_used, certificate.c.serial))
            return [Certificate(*row) for row in rows]

    def revoke(self, wanted: Sequence[Named]) -> None:
        """All or none; their sessions end. Raises NoSuchCertificate, NoSuchAccount."""
        with self._database.write() as connection:
            owners = [_revoke(connection, one) for one in wanted]
            changes.note(connection, sorted({ident for ident, _ in owners}))
            acts = [audit.local(REVOKE, name, one.serial) for one, (_, name) in zip(wanted, owners, strict=True)]
            audit.append(driver(connection), acts)

    def revoke_all(self, owner: str) -> None:
        """All that were issued to an account up to now, used here or not; their sessions end. Raises NoSuchAccount."""
        now = time.time_ns() // 1_000_000
        with self._database.write() as connection:
            person = required(connection, owner)
            connection.execute(update(account).where(account.c.id == person.id).values(certificates_since=now))
            mine = (certificate.c.account_id == person.id, certificate.c.revoked_at.is_(None))
            connection.execute(update(certificate).where(*mine).values(revoked_at=now))
            changes.note(connection, [person.id])
            audit.append(driver(connection), [audit.local(REVOKE, person.name, "all")])


def prune(connection: Connection) -> None:
    """Forget those that have expired: the handshake refuses them. For `serve` at start."""
    connection.execute(delete(certificate).where(certificate.c.not_after < time.time_ns() // 1_000_000))


def _revoke(connection: Connection, wanted: Named) -> tuple[AccountId, str]:
    """Whose it is: who used it, if somebody did."""
    now, this = time.time_ns() // 1_000_000, certificate.c.serial == wanted.serial
    owner = connection.execute(select(account.c.id, account.c.name).join(certificate).where(this)).first()
    if owner is not None:
        connection.execute(update(certificate).where(this, certificate.c.revoked_at.is_(None)).values(revoked_at=now))
        return owner.id, owner.name
    if wanted.account is None:
        raise NoSuchCertificate(f"no certificate {wanted.serial} was used here; give its file, or --for ACCOUNT")
    person = required(connection, wanted.account)
    values = {"serial": wanted.serial, "account_id": person.id, "address": "", "not_after": wanted.not_after}
    connection.execute(insert(certificate).values(values | {"revoked_at": now}))
    return person.id, person.name
