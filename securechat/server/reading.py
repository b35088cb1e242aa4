"""History for the workers: a selection becomes one read of the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set

from securechat.server.services import Selection
from securechat.store import history, missed
from securechat.store.database import Database
from securechat.store.rows import AccountId, Entry


class StoredHistory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def select(self, selection: Selection) -> Sequence[Entry]:
        target, limit = selection.target, selection.limit
        first, *rest = selection.references
        with self._database.read() as connection:
            if selection.subcommand == "LATEST":
                return history.latest(connection, target, limit, first)
            assert first is not None
            match selection.subcommand:
                case "BEFORE":
                    return history.before(connection, target, first, limit)
                case "AFTER":
                    return history.after(connection, target, first, limit)
                case "AROUND":
                    return history.around(connection, target, first, limit)
                case _:
                    assert rest[0] is not None
                    return history.between(connection, target, first, rest[0], limit)

    def targets(
        self, account: AccountId, channels: Sequence[str], after: int, before: int, limit: int
    ) -> Sequence[tuple[str, int]]:
        with self._database.read() as connection:
            return history.targets(connection, account, channels, after, before, limit)

    def missed_targets(self, account: AccountId, channels: Collection[str], after: int, upto: int) -> Set[str]:
        with self._database.read() as connection:
            return missed.targets(connection, account, channels, after, upto)

    def missed(self, target: str, after: int, upto: int, limit: int) -> Sequence[Entry]:
        with self._database.read() as connection:
            return missed.messages(connection, target, after, upto, limit)
