"""The messages that clients named: whether one has been sent already."""

from __future__ import annotations

import sqlite3

from securechat.store.rows import AccountId, NamedMessage

_FIND = "SELECT account_id, name, target, digest, msgid, time FROM client_message WHERE account_id = ? AND name = ?"


def find(connection: sqlite3.Connection, account: AccountId, name: str) -> NamedMessage | None:
    row = connection.execute(_FIND, (account, name)).fetchone()
    return NamedMessage(*row) if row else None
