"""Passwords that turned out wrong of late, for a server that starts."""

from __future__ import annotations

from sqlalchemy import Connection, select

from securechat.store.rows import LoginFailed
from securechat.store.schema import login_failure

COUNTED_MS = 60 * 60 * 1000  # no rule looks further back


def load(connection: Connection) -> list[LoginFailed]:
    """Oldest first; some of them may count no longer."""
    columns = login_failure.c.time, login_failure.c.account_key, login_failure.c.network
    return [LoginFailed(*row) for row in connection.execute(select(*columns).order_by(login_failure.c.time))]
