"""What the store does behind the turns, in steps of a few milliseconds that no turn notices."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from securechat import config
from securechat.store.audit import Announcing
from securechat.store.index import Erasing, Indexing
from securechat.store.login_failures import COUNTED_MS
from securechat.store.retention import REPEATS, Forgetting, Pruning


class Task(Protocol):
    def step(self, connection: sqlite3.Connection) -> bool:
        """Do a little, in transactions of its own; False when the rest can wait for a round. Raises sqlite3.Error."""
        ...


class Upkeep:
    """Tasks that take turns. Owned by the store thread, like the connection that it is given."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = deque(tasks)

    def step(self, connection: sqlite3.Connection) -> bool:
        """A step of the next task that has anything to do; False when none has."""
        for _ in range(len(self._tasks)):
            task = self._tasks[0]
            self._tasks.rotate(-1)
            if task.step(connection):
                return True
        return False


def upkeep(settings: config.History) -> Upkeep:
    """All that a server's store needs. Raises ConfigError."""
    repeats = Forgetting("client_message", "account_id, name", REPEATS)
    failures = Forgetting("login_failure", "rowid", COUNTED_MS)
    return Upkeep([Indexing(), Pruning(settings), repeats, failures, Erasing(), Announcing()])
