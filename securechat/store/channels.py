"""Channels as the store's own operations need them: those that everyone joins, and those that nobody needs any more.

That admins are operators of them is no fact of the store: `chat.channel` derives it from the account's role.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, delete, insert, literal, select, text
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from securechat.config import ConfigError
from securechat.protocol.names import fold, is_channel_name
from securechat.store.rows import AccountId, ChannelRemoved
from securechat.store.schema import account, channel, member, read_marker

DEFAULT_MODES = "nt"

_EMPTY = text(
    "SELECT key FROM channel WHERE topic = '' AND modes = :modes AND password IS NULL AND user_limit IS NULL "
    "AND key NOT IN (SELECT channel FROM member) AND key NOT IN (SELECT channel FROM list_mode) "
    "AND (SELECT coalesce(max(time), 0) FROM entry WHERE target = key) <= created"
)


def ensure(connection: Connection, autojoin: Sequence[str]) -> None:
    """Make the channels that everyone joins, where they are missing.

    All accounts become members of a channel made here. A channel that was there already keeps its members as they
    are: who left it, left it.
    """
    for name in autojoin:
        if not is_channel_name(name):
            raise ConfigError(f"channels.autojoin: {name!r} is no channel name; expected one like '#lobby'")
        if _made(connection, name):
            _join_everyone(connection, fold(name))


def join(connection: Connection, accounts: Collection[AccountId], channels: Sequence[str]) -> None:
    """Make the accounts members."""
    keys = dict.fromkeys(fold(name) for name in channels)
    rows = [{"channel": key, "account_id": one, "role": 0} for key in keys for one in accounts]
    if rows:
        connection.execute(sqlite_insert(member).on_conflict_do_nothing(), rows)


def remove(connection: sqlite3.Connection, rows: Iterable[ChannelRemoved]) -> None:
    """Within the turn's transaction, and behind the removal of the member."""
    for row in rows:
        connection.execute("DELETE FROM read_marker WHERE account_id = ? AND target = ?", (row.member, row.key))
        connection.execute("DELETE FROM channel WHERE key = ?", (row.key,))


def remove_empty(connection: Connection, autojoin: Sequence[str]) -> None:
    """Remove the channels without members that hold nothing: nothing is set, and nobody can have said anything.

    A running server does so when the last member leaves; here are those whose members were deleted, or whose messages
    were pruned meanwhile.
    """
    kept = {fold(name) for name in autojoin}
    for key in connection.execute(_EMPTY, {"modes": DEFAULT_MODES}).scalars().all():
        if key not in kept:
            connection.execute(delete(read_marker).where(read_marker.c.target == key))
            connection.execute(delete(channel).where(channel.c.key == key))


def _made(connection: Connection, name: str) -> bool:
    now = time.time_ns() // 1_000_000
    values = {
        "key": fold(name),
        "name": name,
        "created": now,
        "topic": "",
        "topic_by": "",
        "topic_time": 0,
        "modes": DEFAULT_MODES,
    }
    if connection.execute(select(channel.c.key).where(channel.c.key == fold(name))).first():
        return False
    connection.execute(insert(channel).values(values))
    return True


def _join_everyone(connection: Connection, key: str) -> None:
    people = select(literal(key), account.c.id, literal(0)).where(account.c.deleted_at.is_(None))
    connection.execute(insert(member).from_select(["channel", "account_id", "role"], people))
