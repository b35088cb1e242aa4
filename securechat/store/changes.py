"""The table `change`: how a running server learns what an administrator wrote."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select, union_all

from securechat.store.rows import Account, AccountChanged, AccountId, MemberStored
from securechat.store.schema import account, certificate, change, invite, member, recovery_code, token, totp


def note(connection: Connection, accounts: Iterable[AccountId]) -> None:
    """Say that these accounts or their memberships changed; in the transaction that changes them."""
    now = time.time_ns() // 1_000_000
    rows = [{"kind": "account", "account_id": one, "created": now} for one in accounts]
    if rows:
        connection.execute(insert(change), rows)


def newest_id(connection: Connection) -> int:
    """The id to begin `since` from. Read it in the transaction of the snapshot, or before it."""
    newest: int = connection.execute(select(func.coalesce(func.max(change.c.id), 0))).scalar_one()
    return newest


def since(connection: Connection, after: int) -> list[AccountChanged]:
    """What changed behind the id `after`, oldest first, each account once, as it is now."""
    newest = select(func.max(change.c.id).label("id"), change.c.account_id).where(change.c.id > after)
    changed = newest.where(change.c.kind == "account").group_by(change.c.account_id).subquery()
    rows = connection.execute(
        select(changed.c.id, *ACCOUNT).join(account, account.c.id == changed.c.account_id).order_by(changed.c.id)
    ).all()
    members = connection.execute(
        select(member.c.channel, member.c.account_id, member.c.role)
        .join(changed, changed.c.account_id == member.c.account_id)
        .order_by(member.c.channel)
    ).all()
    void = (
        select(table.c.account_id, ident)
        .join(changed, changed.c.account_id == table.c.account_id)
        .where(table.c.revoked_at.is_not(None))
        for table, ident in (
            (token, token.c.id),
            (invite, invite.c.id),
            (certificate, certificate.c.serial),
            (recovery_code, recovery_code.c.digest),
        )
    )
    of: defaultdict[AccountId, list[MemberStored]] = defaultdict(list)
    for channel, owner, role in members:
        of[owner].append(MemberStored(channel, owner, role))
    revoked: defaultdict[AccountId, set[str]] = defaultdict(set)
    for owner, ident in connection.execute(union_all(*void)):
        revoked[owner].add(ident)
    return [
        AccountChanged(number, as_account(ident, *columns), tuple(of[ident]), frozenset(revoked[ident]))
        for number, ident, *columns in rows
    ]


def prune(connection: Connection, upto: int) -> None:
    """Forget the changes up to this id; for `serve` at start, which reads everything anyway."""
    connection.execute(delete(change).where(change.c.id <= upto))


ACCOUNT = (
    account.c.id,
    account.c.name,
    account.c.role,
    account.c.suspended,
    account.c.deleted_at,
    account.c.password_version,
    func.coalesce(account.c.certificates_since, account.c.created),
    select(totp.c.since).where(totp.c.account_id == account.c.id).scalar_subquery(),
)
ACCOUNT_TEXT = (  # the same for statements of the driver's own
    "account.id, account.name, account.role, account.suspended, account.deleted_at, account.password_version, "
    "coalesce(account.certificates_since, account.created), (SELECT since FROM totp WHERE account_id = account.id)"
)


def as_account(
    ident: int,
    name: str,
    role: str,
    suspended: int,
    deleted_at: int | None,
    version: int,
    certificates_since: int,
    factor: int | None,
) -> Account:
    """The columns `ACCOUNT` as a value."""
    return Account(ident, name, role, bool(suspended), deleted_at is not None, version, certificates_since, factor)
