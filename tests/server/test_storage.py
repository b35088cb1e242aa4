"""The store thread: what it reports of commits, of what others wrote, and of its own end."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from securechat.server.storage import ROUND, Broken, Committed, Report, Storage, settle
from securechat.store.errors import CommitUncertain, StoreBusy, StoreError, StoreFull
from securechat.store.rows import Account, AccountChanged, MemberRemoved, Row

ROWS = [MemberRemoved("#lab", 1)]
NEWEST = 7
CHANGE = AccountChanged(1, Account(1, "ada", "admin", False, False, 1, 0), ())


class Writer:
    """Ends commits as `error` says; `calls` is what was asked of it, in order."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.lookups: list[bool | StoreError] = []
        self.changes: list[AccountChanged] = []
        self.blind: StoreError | None = None
        self.next_turn: Callable[[], None] = lambda: None
        self.neglected: StoreError | None = None
        self.kept_up = threading.Semaphore(0)  # counts the steps of the upkeep
        self.behind = False  # there is always another step to do
        self.calls: list[str] = []

    def commit(self, rows: Sequence[Row]) -> int:
        self.calls.append("commit")
        self.next_turn()
        if self.error is not None:
            raise self.error
        return NEWEST

    def holds(self, rows: Sequence[Row]) -> bool:
        answer = self.lookups.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def changed(self) -> list[AccountChanged]:
        self.calls.append("look")
        if self.blind is not None:
            raise self.blind
        return self.changes

    def keep_up(self) -> bool:
        self.kept_up.release()
        if self.neglected is not None:
            raise self.neglected
        return self.behind

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def reports() -> queue.SimpleQueue[Report]:
    return queue.SimpleQueue()


@pytest.fixture
def storage(writer: Writer, reports: queue.SimpleQueue[Report]) -> Iterator[Storage]:
    storage = Storage(writer, reports.put)
    yield storage
    storage.stop(timeout=5)
    assert writer.calls[-1] == "close" or isinstance(writer.error, RuntimeError)


def test_what_others_wrote_is_read_behind_the_commit_and_told_with_it(
    storage: Storage, writer: Writer, reports: queue.SimpleQueue[Report]
) -> None:
    writer.changes = [CHANGE]
    storage.submit(ROWS)
    assert reports.get(timeout=5) == Committed(None, (CHANGE,), NEWEST)
    assert writer.calls == ["commit", "look"]


def test_a_turn_without_rows_only_looks(storage: Storage, writer: Writer, reports: queue.SimpleQueue[Report]) -> None:
    storage.submit([])
    assert reports.get(timeout=5) == Committed(None, ())
    assert writer.calls == ["look"]


def test_a_failed_commit_is_reported_and_logged_once_until_it_heals(
    storage: Storage, writer: Writer, reports: queue.SimpleQueue[Report], caplog: pytest.LogCaptureFixture
) -> None:
    error = StoreBusy("busy")
    writer.error = error
    for _ in range(3):
        storage.submit(ROWS)
        assert reports.get(timeout=5) == Committed(error, ())
    writer.error = None
    storage.submit(ROWS)
    assert reports.get(timeout=5) == Committed(None, (), NEWEST)
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


def test_a_look_that_fails_is_logged_once_and_fails_no_turn(
    storage: Storage, writer: Writer, reports: queue.SimpleQueue[Report], caplog: pytest.LogCaptureFixture
) -> None:
    writer.blind = StoreError("damaged")
    for _ in range(3):
        storage.submit(ROWS)
        assert reports.get(timeout=5) == Committed(None, (), NEWEST)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_the_store_is_kept_up_while_no_turn_comes(storage: Storage, writer: Writer) -> None:
    for _ in range(2):
        assert writer.kept_up.acquire(timeout=5)


def test_the_store_is_kept_up_even_if_there_is_always_a_turn(
    storage: Storage, writer: Writer, reports: queue.SimpleQueue[Report]
) -> None:
    writer.next_turn = lambda: storage.submit(ROWS)
    storage.submit(ROWS)
    for _ in range(2):
        assert writer.kept_up.acquire(timeout=ROUND + 5)
    writer.next_turn = lambda: None


def test_while_the_loop_is_at_work_the_store_is_kept_up_once_in_a_round_only(storage: Storage, writer: Writer) -> None:
    writer.behind = True
    for _ in range(20):
        assert writer.kept_up.acquire(timeout=5)
    storage.loop_rests = False
    while writer.kept_up.acquire(timeout=ROUND / 2):  # those that were under way
        pass
    assert writer.kept_up.acquire(timeout=ROUND + 5)
    began = time.monotonic()
    assert writer.kept_up.acquire(timeout=ROUND + 5)
    assert time.monotonic() - began > ROUND / 2
    storage.loop_rests = True
    for _ in range(20):
        assert writer.kept_up.acquire(timeout=ROUND / 2)


@pytest.mark.parametrize(("error", "lines"), [(StoreFull("full"), 1), (StoreBusy("busy"), 0)])
def test_an_upkeep_that_fails_is_logged_once_and_tried_again_and_fails_no_turn(
    storage: Storage,
    writer: Writer,
    reports: queue.SimpleQueue[Report],
    caplog: pytest.LogCaptureFixture,
    error: StoreError,
    lines: int,
) -> None:
    """That another process holds the lock for a moment is nothing to speak of."""
    writer.neglected = error
    for _ in range(3):
        assert writer.kept_up.acquire(timeout=5)
        storage.submit(ROWS)
        assert reports.get(timeout=5) == Committed(None, (), NEWEST)
    assert len(caplog.records) == lines


def test_an_error_that_nobody_foresaw_is_the_end_of_the_thread(
    storage: Storage, writer: Writer, reports: queue.SimpleQueue[Report]
) -> None:
    writer.error = RuntimeError("made to break")
    storage.submit(ROWS)
    report = reports.get(timeout=5)
    assert isinstance(report, Broken)
    assert report.error is writer.error


@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_of_unknown_outcome_is_looked_up_until_it_is_known(writer: Writer, kept: bool) -> None:
    writer.error = uncertain = CommitUncertain("at the commit", NEWEST)
    writer.lookups = [StoreBusy("busy"), kept]
    assert settle(writer, ROWS) == (NEWEST if kept else uncertain)
    assert writer.lookups == []
