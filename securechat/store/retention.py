"""Tasks of the upkeep: old entries are deleted as the settings say, and so are rows that count for a time only.

Oldest first, a few hundred in a step, each with its words in the index. The newest entry of all always stays, or its
number would be given again.
"""

from __future__ import annotations

import sqlite3
import time

from securechat import config
from securechat.protocol.names import fold, is_channel_name
from securechat.store import search
from securechat.store.rows import REDACTED

PAUSE = 3600.0  # seconds between two rounds: after each the whole index is merged to erase the words
ROWS = 200  # deleted in a step
COUNTED = 2000  # in a step
TARGETS = 100  # looked at in a step
DAY = 86_400_000  # ms
REPEATS = 7 * DAY  # how long a message's own name is known

_MESSAGE = f"kind IN ('PRIVMSG', 'NOTICE', '{REDACTED}')"
_COUNT = (
    "SELECT count(*), coalesce(max(time), :newest) FROM (SELECT time FROM entry WHERE target = :target "
    f"AND time > :newest AND {_MESSAGE} ORDER BY time LIMIT {COUNTED})"
)
_OLDEST = (
    f"SELECT seq, time, {_MESSAGE} FROM entry WHERE target = ? AND seq < (SELECT max(seq) FROM entry) "
    f"ORDER BY time LIMIT {ROWS}"
)


class Rules:
    """What is kept of each target: (days, messages), where 0 is all. What a channel does not say is as everywhere."""

    def __init__(self, settings: config.History) -> None:
        self._everywhere = settings.retain_days, settings.retain_messages
        self._channels = {}
        for name, own in settings.channels.items():
            if not is_channel_name(name):
                raise config.ConfigError(f"history.channels: {name!r} is no channel name; expected one like '#lobby'")
            wanted = zip((own.retain_days, own.retain_messages), self._everywhere, strict=True)
            days, messages = (general if special is None else special for special, general in wanted)
            self._channels[fold(name)] = days, messages

    def of(self, target: str) -> tuple[int, int]:
        return self._channels.get(target, self._everywhere)

    def any(self) -> bool:
        return any(map(any, (self._everywhere, *self._channels.values())))


class Pruning:
    """Goes through all targets once an hour."""

    def __init__(self, settings: config.History, pause: float = PAUSE) -> None:
        self._rules = Rules(settings)
        self._pause = pause
        self._target = ""  # where the round is
        self._next_round = time.monotonic() if self._rules.any() else float("inf")
        # target → its messages, and the time of the newest one counted. What is new is counted in each round, so that
        # no round reads through all that is kept.
        self._counted: dict[str, tuple[int, int]] = {}

    def step(self, connection: sqlite3.Connection) -> bool:
        if time.monotonic() < self._next_round:
            return False
        for _ in range(TARGETS):
            if self._work(connection):
                return True
            query = "SELECT min(target) FROM entry WHERE target > ?"
            [target] = connection.execute(query, (self._target,)).fetchone()
            self._target = target or ""
            if target is None:
                self._next_round = time.monotonic() + self._pause
                return False
        return True

    def _work(self, connection: sqlite3.Connection) -> bool:
        """Count or prune a little of the target; False when there is nothing left to do."""
        days, messages = self._rules.of(self._target)
        if messages and self._count(connection):
            return True
        held, newest = self._counted.get(self._target, (0, 0))
        surplus = held - messages if messages else 0
        until = time.time_ns() // 1_000_000 - days * DAY if days else 0
        gone = []
        for seq, moment, is_message in connection.execute(_OLDEST, (self._target,)):
            if moment >= until and surplus <= 0:
                break
            gone.append(seq)
            surplus -= is_message
            held -= is_message
        if gone:
            self._delete(connection, gone)
            self._counted[self._target] = held, newest
        return bool(gone)

    def _count(self, connection: sqlite3.Connection) -> bool:
        """Whether there is more to count."""
        held, newest = self._counted.get(self._target, (0, 0))
        values = {"target": self._target, "newest": newest}
        [count, newest] = connection.execute(_COUNT, values).fetchone()
        self._counted[self._target] = held + count, newest
        return bool(count == COUNTED)

    def _delete(self, connection: sqlite3.Connection, seqs: list[int]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            search.forget(connection, seqs)
            connection.executemany("DELETE FROM entry WHERE seq = ?", ((seq,) for seq in seqs))


class Forgetting:
    """Deletes rows of a table that are older than `age` milliseconds; `key` tells them apart."""

    def __init__(self, table: str, key: str, age: int) -> None:
        self._age = age
        self._any = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE time < ?)"
        oldest = f"SELECT {key} FROM {table} WHERE time < ? ORDER BY time LIMIT {ROWS}"
        self._delete = f"DELETE FROM {table} WHERE ({key}) IN ({oldest})"

    def step(self, connection: sqlite3.Connection) -> bool:
        counted_since = time.time_ns() // 1_000_000 - self._age
        [found] = connection.execute(self._any, (counted_since,)).fetchone()
        if found:
            connection.execute(self._delete, (counted_since,))
        return bool(found)
