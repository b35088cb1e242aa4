"""The writing connection of a running server: one synced transaction for all rows of a turn.

Owned by the store thread, which alone calls it. After any error the connection is thrown away and the next commit
opens another, so it heals as soon as the cause is gone. Its statements are text for the driver's own executemany: by
way of SQLAlchemy a lone message's commit takes twice the CPU."""

from __future__ import annotations

import itertools
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, select

from securechat.store import audit, changes, channels, redaction
from securechat.store.database import Database, driver
from securechat.store.errors import CommitUncertain, from_driver, translated
from securechat.store.rows import (
    AccountChanged,
    AddressForgotten,
    AddressKnown,
    Audited,
    CertificateUsed,
    ChannelRemoved,
    ChannelStored,
    CodeUsed,
    EntryRedacted,
    EntryStored,
    InviteUsed,
    ListModeRemoved,
    ListModeStored,
    LoginFailed,
    MemberRemoved,
    MemberStored,
    NamedMessage,
    NameStored,
    PasswordStored,
    PlaceRemoved,
    PlaceStored,
    Proved,
    ReadMarkerStored,
    RecoveryCodeUsed,
    Row,
    TokenRevoked,
    TokensRevoked,
    TokenStored,
    TokenUsed,
)
from securechat.store.schema import change, entry
from securechat.store.upkeep import Upkeep

Write = Callable[[sqlite3.Connection, Iterable[Any]], object]

_IMPATIENT = 0.05  # seconds that a commit waits for the lock after one has failed


class Writer:
    """Applies rows. `changed` tells what others wrote meanwhile, from the change `after` on."""

    def __init__(self, database: Database, *, after: int = 0, upkeep: Upkeep | None = None) -> None:
        self._database = database
        self._upkeep = upkeep or Upkeep([])
        self._connection: Connection | None = None  # of the pool, which sets it
        self._driver: sqlite3.Connection | None = None  # the same, which does the work
        self._failing = False
        self._token = ""  # of the newest turn without entries; empty when there is none
        self._seen = after
        self._version: int | None = None  # the connection's data_version when we last looked

    def commit(self, rows: Sequence[Row]) -> int:
        """Keep the rows, in their order, all or none; they are on disk when this returns the newest entry's seq.

        Raises StoreError when nothing was kept (StoreBusy, StoreFull among them) and CommitUncertain when only
        `holds` can tell. After a failure the lock is waited for only briefly, until a commit succeeds.
        """
        try:
            with translated():
                connection = self._connected()
                self._database.begin(connection, _IMPATIENT if self._failing else self._database.timeout)
                self._apply(connection, rows)
                newest: int = connection.execute("SELECT coalesce(max(seq), 0) FROM entry").fetchone()[0]
        except BaseException:
            self._failing = True
            self._lose()
            raise
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._failing = True
            self._lose()
            raise CommitUncertain(f"at the commit: {from_driver(error)}", newest) from error
        self._failing = False
        return newest

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
                version = self._connected().execute("PRAGMA data_version").fetchone()[0]
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

    def keep_up(self) -> bool:
        """One step of the upkeep; False when there was nothing to do. Raises StoreError, and is to be tried later.

        Nobody waits for it to be on the disk, so it is not synced. The next turn's sync takes it along: the WAL is
        one sequence.
        """
        try:
            with translated():
                connection = self._connected()
                connection.execute("PRAGMA synchronous=NORMAL")
                done = self._upkeep.step(connection)
                connection.execute(f"PRAGMA synchronous={self._database.synchronous}")
        except BaseException:
            self._lose()
            raise
        return done

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = self._driver = None

    def _connected(self) -> sqlite3.Connection:
        if self._driver is None:
            self._connection = self._database.connect_writer()
            self._driver = driver(self._connection)
            self._version = None
        return self._driver

    def _lose(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self.close()

    def _apply(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        marked = False
        for kind, group in itertools.groupby(rows, type):
            _WRITES[kind](connection, group)
            marked = marked or kind is EntryStored
        if not marked:
            self._mark(connection)

    def _mark(self, connection: sqlite3.Connection) -> None:
        """Leave a token to look for, in the place of the one before."""
        previous, self._token = self._token, secrets.token_urlsafe(16)
        connection.execute("DELETE FROM change WHERE token = ?", (previous,))
        connection.execute(
            "INSERT INTO change (kind, token, created) VALUES ('turn', ?, ?)",
            (self._token, time.time_ns() // 1_000_000),
        )


def _each(statement: str, values: attrgetter[Any]) -> Write:
    """The statement once for each row; its fields are the values, in their order."""
    return lambda connection, rows: connection.executemany(statement, map(values, rows))


# How each kind of row is written.
_WRITES: dict[type, Write] = {
    EntryStored: _each(  # SQLite gives `seq`, inside the transaction
        "INSERT INTO entry (target, msgid, time, kind, sender_id, text, tags) VALUES (?, ?, ?, ?, ?, ?, ?)",
        attrgetter("target", "msgid", "time", "kind", "sender", "text", "tags"),
    ),
    Audited: audit.append,
    EntryRedacted: redaction.erase,
    ReadMarkerStored: _each(  # as with memberships: nothing of a deleted account's comes back
        "INSERT INTO read_marker (account_id, target, time) "
        "SELECT id, ?, ? FROM account WHERE id = ? AND deleted_at IS NULL "
        "ON CONFLICT (account_id, target) DO UPDATE SET time = excluded.time WHERE excluded.time > time",
        attrgetter("target", "time", "account"),
    ),
    ChannelStored: _each(
        "INSERT INTO channel (key, name, created, topic, topic_by, topic_time, modes, password, user_limit) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET name = excluded.name, created = excluded.created, topic = excluded.topic, "
        "topic_by = excluded.topic_by, topic_time = excluded.topic_time, modes = excluded.modes, "
        "password = excluded.password, user_limit = excluded.user_limit",
        attrgetter("key", "name", "created", "topic", "topic_by", "topic_time", "modes", "password", "user_limit"),
    ),
    ChannelRemoved: channels.remove,
    MemberStored: _each(  # an administrator may have deleted the account while the turn ran: no membership comes back
        "INSERT INTO member (channel, account_id, role) "
        "SELECT ?, id, ? FROM account WHERE id = ? AND deleted_at IS NULL "
        "ON CONFLICT (channel, account_id) DO UPDATE SET role = excluded.role",
        attrgetter("channel", "role", "account"),
    ),
    MemberRemoved: _each("DELETE FROM member WHERE channel = ? AND account_id = ?", attrgetter("channel", "account")),
    ListModeStored: _each(
        "INSERT INTO list_mode (channel, mode, mask, set_by, set_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (channel, mode, mask) DO UPDATE SET set_by = excluded.set_by, set_at = excluded.set_at",
        attrgetter("channel", "mode", "mask", "set_by", "set_at"),
    ),
    ListModeRemoved: _each(
        "DELETE FROM list_mode WHERE channel = ? AND mode = ? AND mask = ?",
        attrgetter("channel", "mode", "mask"),
    ),
    # Never downwards: should an administrator have set a password while the turn ran, his stays (he counts up by 2, a
    # member's own change by 1). The same version again is the same password, hashed at another cost.
    PasswordStored: _each(
        "UPDATE account SET password_hash = ?, password_version = ? "
        "WHERE id = ? AND password_version <= ? AND deleted_at IS NULL",
        attrgetter("hash", "version", "account", "version"),
    ),
    NamedMessage: _each(  # should one ever come twice, the first stands
        "INSERT INTO client_message (account_id, name, target, digest, msgid, time) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (account_id, name) DO NOTHING",
        attrgetter("account", "name", "target", "digest", "msgid", "time"),
    ),
    NameStored: _each("UPDATE account SET name = ? WHERE id = ?", attrgetter("name", "account")),
    PlaceStored: _each(
        "INSERT INTO place (account_id, device, seq) "
        "SELECT id, ?, ? FROM account WHERE id = ? AND deleted_at IS NULL "
        "ON CONFLICT (account_id, device) DO UPDATE SET seq = max(seq, excluded.seq)",
        attrgetter("device", "seq", "account"),
    ),
    InviteUsed: _each("UPDATE invite SET used_at = ? WHERE id = ? AND used_at IS NULL", attrgetter("time", "invite")),
    # None outlives a password that an administrator set while the turn ran, or goes round a second factor.
    TokenStored: _each(
        "INSERT INTO token (id, account_id, name, digest, created, expires, address) "
        "SELECT ?, id, ?, ?, ?, ?, '' FROM account WHERE id = ? AND password_version <= ? AND deleted_at IS NULL "
        "AND coalesce((SELECT since FROM totp WHERE account_id = account.id), ?) IS ?",
        attrgetter(
            *("token", "name", "digest", "created", "expires", "account", "password_version", "factor", "factor")
        ),
    ),
    TokenRevoked: _each(
        "UPDATE token SET revoked_at = ? WHERE id = ? AND account_id = ? AND revoked_at IS NULL",
        attrgetter("time", "token", "account"),
    ),
    TokenUsed: _each(
        "UPDATE token SET last_used = ?, address = ? WHERE id = ?", attrgetter("time", "address", "token")
    ),
    TokensRevoked: _each(
        "UPDATE token SET revoked_at = ? WHERE account_id = ? AND id <> ? AND revoked_at IS NULL",
        attrgetter("time", "account", "keep"),
    ),
    CodeUsed: _each(
        "UPDATE totp SET step = ? WHERE account_id = ? AND step < ?", attrgetter("step", "account", "step")
    ),
    RecoveryCodeUsed: _each(
        "UPDATE recovery_code SET revoked_at = ? WHERE digest = ? AND revoked_at IS NULL", attrgetter("time", "digest")
    ),
    CertificateUsed: _each(
        "INSERT INTO certificate (serial, account_id, first_used, last_used, address, not_after) "
        "VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (serial) DO UPDATE SET last_used = excluded.last_used, address = excluded.address",
        attrgetter("serial", "account", "time", "time", "address", "not_after"),
    ),
    Proved: lambda connection, rows: None,  # the turn's mark is enough
    PlaceRemoved: _each("DELETE FROM place WHERE account_id = ? AND device = ?", attrgetter("account", "device")),
    AddressKnown: _each(
        "INSERT INTO known_address (account_id, network, time) "
        "SELECT id, ?, ? FROM account WHERE id = ? AND deleted_at IS NULL "
        "ON CONFLICT (account_id, network) DO UPDATE SET time = excluded.time",
        attrgetter("network", "time", "account"),
    ),
    LoginFailed: _each(
        "INSERT INTO login_failure (time, account_key, network) VALUES (?, ?, ?)",
        attrgetter("time", "account", "network"),
    ),
    AddressForgotten: _each(
        "DELETE FROM known_address WHERE account_id = ? AND network = ?", attrgetter("account", "network")
    ),
}
