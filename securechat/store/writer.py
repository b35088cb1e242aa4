"""The writing connection of a running server: one synced transaction for all rows of a turn.

Owned by the store thread, which alone calls it. After any error the connection is thrown away and the next commit
opens another, so it heals as soon as the cause is gone.
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DBAPIError

from securechat.store import changes
from securechat.store.database import Database, driver
from securechat.store.errors import CommitUncertain, from_driver, translated
from securechat.store.rows import (
    AccountChanged,
    ChannelStored,
    EntryStored,
    ListModeRemoved,
    ListModeStored,
    MemberRemoved,
    MemberStored,
    NameStored,
    PasswordStored,
    Row,
)
from securechat.store.schema import account, change, channel, entry, list_mode, member

_IMPATIENT = 0.05  # seconds that a commit waits for the lock after one has failed


class Writer:
    """Applies rows. `changed` tells what others wrote meanwhile, from the change `after` on."""

    def __init__(self, database: Database, *, after: int = 0) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._failing = False
        self._token = ""  # of the newest turn without entries; empty when there is none
        self._seen = after
        self._version: int | None = None  # the connection's data_version when we last looked

    def commit(self, rows: Sequence[Row]) -> None:
        """Keep the rows, in their order, all or none; they are on disk when this returns.

        Raises StoreError when nothing was kept (StoreBusy, StoreFull among them) and CommitUncertain when only
        `holds` can tell. After a failure the lock is waited for only briefly, until a commit succeeds.
        """
        try:
            connection = self._connected()
            patience = _IMPATIENT if self._failing else self._database.timeout
            transaction = self._database.begin(connection, patience)
            self._apply(connection, rows)
        except BaseException as error:
            self._failing = True
            self._lose()
            if isinstance(error, DBAPIError):
                raise from_driver(error) from error
            raise
        try:
            transaction.commit()
        except DBAPIError as error:
            self._failing = True
            self._lose()
            raise CommitUncertain(f"at the commit: {from_driver(error)}") from error
        self._failing = False

    def holds(self, rows: Sequence[Row]) -> bool:
        """Whether the turn just committed became durable; to be asked after CommitUncertain. Raises StoreError.

        One entry answers for its whole turn, and a token for a turn without entries.
        """
        msgid = next((row.msgid for row in rows if isinstance(row, EntryStored)), None)
        if msgid is not None:
            lookup = select(entry.c.seq).where(entry.c.msgid == msgid)
        else:
            lookup = select(change.c.id).where(change.c.token == self._token)
        with self._database.read() as connection:
            return connection.execute(lookup).first() is not None

    def changed(self) -> list[AccountChanged]:
        """What administrators wrote since the last call; one look at a counter when nobody wrote. Raises StoreError."""
        try:
            with translated():
                version = driver(self._connected()).execute("PRAGMA data_version").fetchone()[0]
                if version == self._version:
                    return []
                with self._database.read() as connection:
                    found = changes.since(connection, self._seen)
        except BaseException:
            self._lose()
            raise
        self._version = version
        self._seen = max((one.change for one in found), default=self._seen)
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._database.connect_writer()
            self._version = None
        return self._connection

    def _lose(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def _apply(self, connection: Connection, rows: Sequence[Row]) -> None:
        marked = False
        for kind, group in itertools.groupby(rows, type):
            _WRITES[kind](connection, list(group))
            marked = marked or kind is EntryStored
        if not marked:
            self._mark(connection)

    def _mark(self, connection: Connection) -> None:
        """Leave a token to look for, in the place of the one before."""
        previous, self._token = self._token, secrets.token_urlsafe(16)
        connection.exec_driver_sql("DELETE FROM change WHERE token = ?", (previous,))
        connection.exec_driver_sql(
            "INSERT INTO change (kind, token, created) VALUES ('turn', ?, ?)",
            (self._token, time.time_ns() // 1_000_000),
        )


# The hot statement, through the driver's own executemany. `seq` is given here, inside the transaction.
_ENTRY = (
    "INSERT INTO entry (target, seq, msgid, time, kind, sender_id, text, tags) "
    "VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM entry WHERE target = ?), ?, ?, ?, ?, ?, ?)"
)
# An administrator may have deleted the account while the turn ran: no membership comes back.
_MEMBER = (
    "INSERT INTO member (channel, account_id, role) "
    "SELECT ?, id, ? FROM account WHERE id = ? AND deleted_at IS NULL "
    "ON CONFLICT (channel, account_id) DO UPDATE SET role = excluded.role"
)


def _store_entries(connection: Connection, rows: Sequence[EntryStored]) -> None:
    values = [(row.target, row.target, row.msgid, row.time, row.kind, row.sender, row.text, row.tags) for row in rows]
    connection.exec_driver_sql(_ENTRY, values)


_CHANNEL_COLUMNS = ("key", "name", "created", "topic", "topic_by", "topic_time", "modes", "password", "user_limit")
_channel = insert(channel)
_CHANNEL = _channel.on_conflict_do_update(
    index_elements=["key"], set_={name: _channel.excluded[name] for name in _CHANNEL_COLUMNS[1:]}
)


def _store_channels(connection: Connection, rows: Sequence[ChannelStored]) -> None:
    connection.execute(_CHANNEL, [{name: getattr(row, name) for name in _CHANNEL_COLUMNS} for row in rows])


def _store_members(connection: Connection, rows: Sequence[MemberStored]) -> None:
    connection.exec_driver_sql(_MEMBER, [(row.channel, row.role, row.account) for row in rows])


_NO_MEMBER = delete(member).where(member.c.channel == bindparam("of"), member.c.account_id == bindparam("who"))


def _remove_members(connection: Connection, rows: Sequence[MemberRemoved]) -> None:
    connection.execute(_NO_MEMBER, [{"of": row.channel, "who": row.account} for row in rows])


_list_mode = insert(list_mode)
_LIST_MODE = _list_mode.on_conflict_do_update(
    index_elements=["channel", "mode", "mask"],
    set_={"set_by": _list_mode.excluded.set_by, "set_at": _list_mode.excluded.set_at},
)


def _store_list_modes(connection: Connection, rows: Sequence[ListModeStored]) -> None:
    values = [
        {"channel": row.channel, "mode": row.mode, "mask": row.mask, "set_by": row.set_by, "set_at": row.set_at}
        for row in rows
    ]
    connection.execute(_LIST_MODE, values)


_NO_LIST_MODE = delete(list_mode).where(
    list_mode.c.channel == bindparam("of"), list_mode.c.mode == bindparam("letter"), list_mode.c.mask == bindparam("it")
)


def _remove_list_modes(connection: Connection, rows: Sequence[ListModeRemoved]) -> None:
    connection.execute(_NO_LIST_MODE, [{"of": row.channel, "letter": row.mode, "it": row.mask} for row in rows])


# Never downwards: should an administrator have set a password while the turn ran, his stays (he counts up by 2, a
# member's own change by 1). The same version again is the same password, hashed at another cost.
_PASSWORD = (
    update(account)
    .where(
        account.c.id == bindparam("who"), account.c.password_version <= bindparam("to"), account.c.deleted_at.is_(None)
    )
    .values(password_hash=bindparam("hash"), password_version=bindparam("to"))
)


def _store_passwords(connection: Connection, rows: Sequence[PasswordStored]) -> None:
    connection.execute(_PASSWORD, [{"who": row.account, "hash": row.hash, "to": row.version} for row in rows])


_NAME = update(account).where(account.c.id == bindparam("who")).values(name=bindparam("spelling"))


def _store_names(connection: Connection, rows: Sequence[NameStored]) -> None:
    connection.execute(_NAME, [{"who": row.account, "spelling": row.name} for row in rows])


_WRITES: dict[type, Callable[[Connection, Any], None]] = {
    EntryStored: _store_entries,
    ChannelStored: _store_channels,
    MemberStored: _store_members,
    MemberRemoved: _remove_members,
    ListModeStored: _store_list_modes,
    ListModeRemoved: _remove_list_modes,
    PasswordStored: _store_passwords,
    NameStored: _store_names,
}
