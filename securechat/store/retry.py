"""The messages that clients named: whether one has been sent already."""

from __future__ import annotations

from sqlalchemy import Connection

from securechat.store.database import driver
from securechat.store.rows import AccountId, NamedMessage

# For every message of a client that names them; by way of SQLAlchemy it would take thrice as long.
_FIND = "SELECT account_id, name, target, digest, msgid, time FROM client_message WHERE account_id = ? AND name = ?"


def find(connection: Connection, account: AccountId, name: str) -> NamedMessage | None:
    row = driver(connection).execute(_FIND, (account, name)).fetchone()
    return NamedMessage(*row) if row else None
