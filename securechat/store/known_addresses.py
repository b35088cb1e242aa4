"""From where accounts logged in: how long that counts."""

from __future__ import annotations

import time

from sqlalchemy import Connection, delete

from securechat.store.schema import known_address

DAY_MS = 24 * 60 * 60 * 1000
REMEMBERED_MS = 30 * DAY_MS  # since the last login from there


def prune(connection: Connection) -> None:
    """Forget what counts no longer; for `serve` at start, before it reads everything."""
    oldest = time.time_ns() // 1_000_000 - REMEMBERED_MS
    connection.execute(delete(known_address).where(known_address.c.time < oldest))
