"""What the turns have done since the start, as integers that only rise. Owned by the loop; added to once a turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from securechat.metrics import Histogram
from securechat.store.errors import StoreError
from securechat.store.history import MESSAGES
from securechat.store.rows import EntryStored, Row

COMMIT_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # bounds


class Throughput:
    def __init__(self) -> None:
        self.turns = 0
        self.messages = 0  # accepted: stored by a turn that stands
        self.deliveries = 0  # lines handed to sessions, each session's counted
        self.commits = Histogram(COMMIT_SECONDS)
        self.failures: Counter[str] = Counter()  # commits, by the error's kind
        self.failing = False  # the last commit did

    def committed(self, seconds: float, error: StoreError | None) -> None:
        """A commit ended, so long after its turn had begun."""
        self.commits.observe(seconds)
        self.failing = error is not None
        if error is not None:
            self.failures[type(error).__name__] += 1

    def stands(self, rows: Sequence[Row], deliveries: int) -> None:
        """A turn stands, with what it stored and told."""
        self.turns += 1
        self.messages += sum(isinstance(row, EntryStored) and row.kind in MESSAGES for row in rows)
        self.deliveries += deliveries
