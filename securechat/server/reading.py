"""History for the workers: a selection becomes one read of the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set

from securechat.server.services import Selection
from securechat.store import history, missed, retry, search
from securechat.store.database import Database
from securechat.store.rows import AccountId, Entry, NamedMessage
from securechat.store.search import Query


class StoredHistory:
    def __init__(self, database: Database) -> None:
        self._database = database

    def select(self, selection: Selection) -> Sequence[Entry]:
        target, limit, kinds = selection.target, selection.limit, selection.kinds
        first, *rest = selection.references
        with self._database.read() as connection:
            if selection.subcommand == "LATEST":
                return history.latest(connection, target, limit, first, kinds=kinds)
            assert first is not None
            match selection.subcommand:
                case "BEFORE":
                    return history.before(connection, target, first, limit, kinds=kinds)
                case "AFTER":
                    return history.after(connection, target, first, limit, kinds=kinds)
                case "AROUND":
                    return history.around(connection, target, first, limit, kinds=kinds)
                case _:
                    assert rest[0] is not None
                    return history.between(connection, target, first, rest[0], limit, kinds=kinds)

    def find(self, target: str, msgid: str) -> Entry | None:
        with self._database.read() as connection:
            return history.find(connection, target, msgid)

    def named(self, account: AccountId, name: str) -> NamedMessage | None:
        with self._database.look_up() as connection:
            return retry.find(connection, account, name)

    def targets(
        self, account: AccountId, channels: Sequence[str], after: int, before: int, limit: int, kinds: Sequence[str]
    ) -> Sequence[tuple[str, int]]:
        with self._database.read() as connection:
            return history.targets(connection, account, channels, after, before, limit, kinds=kinds)

    def search(self, query: Query) -> Sequence[Entry]:
        with self._database.read() as connection:
            return search.find(connection, query)

    def missed_targets(self, account: AccountId, channels: Collection[str], after: int, upto: int) -> Set[str]:
        with self._database.read() as connection:
            return missed.targets(connection, account, channels, after, upto)

    def missed(self, target: str, after: int, upto: int, limit: int) -> Sequence[Entry]:
        with self._database.read() as connection:
            return missed.messages(connection, target, after, upto, limit)
