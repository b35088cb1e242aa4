"""Channels as the store's own operations need them: those that everyone joins.

That admins are operators of them is no fact of the store: `chat.channel` derives it from the account's role.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, insert, literal, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from securechat.config import ConfigError
from securechat.protocol.names import fold, is_channel_name
from securechat.store.rows import AccountId
from securechat.store.schema import account, channel, member

DEFAULT_MODES = "nt"


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
