"""The store thread: commits one turn at a time, and looks behind each for what administrators changed meanwhile.

While the loop rests it keeps the store up: steps of a few milliseconds, between which it listens for the next turn.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from securechat.errors import SecurechatError
from securechat.store.errors import CommitUncertain, StoreBusy, StoreError
from securechat.store.rows import AccountChanged, Row

LOOKUP_PAUSE = 0.2  # seconds between two looks for a commit's outcome
LOOKUP_TIME = 30.0  # how long a commit's outcome may stay unknown before the process gives up
LULL = 0.002  # seconds without a turn make room for a step of the upkeep, unless the loop is at work on one
ROUND = 1.0  # seconds between two looks whether there is anything to keep up; and a step in each, however busy it is

log = logging.getLogger(__name__)


class ThreadEnded(SecurechatError):
    """A thread that the server cannot do without is no more, and the server ends with it; its log says why."""

    exit_status = 9


class Writer(Protocol):
    """The writing connection; `store.writer.Writer` is it."""

    def commit(self, rows: Sequence[Row]) -> int: ...

    def holds(self, rows: Sequence[Row]) -> bool: ...

    def changed(self) -> list[AccountChanged]: ...

    def keep_up(self) -> bool: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Committed:
    """The open turn's commit ended; with an error nothing of it was kept.

    `newest` is the seq of the newest entry of all; None when the turn had nothing to keep, or it was not kept.
    `changes` is what others wrote. It was read behind the turn and before any later one, so it is newer than all that
    the core holds.
    """

    error: StoreError | None = None
    changes: tuple[AccountChanged, ...] = ()
    newest: int | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A thread cannot go on; neither can the server."""

    thread: str
    error: BaseException


Report = Committed | Broken


class Storage:
    """`post` hands a report to the loop. `submit` takes the rows of one turn; the next only after its Committed.

    A turn without rows commits nothing; it is submitted for the look alone.
    """

    def __init__(self, writer: Writer, post: Callable[[Report], None]) -> None:
        self.loop_rests = True  # set by the loop: it waits for something to happen
        self._writer = writer
        self._post = post
        self._failing = False
        self._blind = False  # cannot look
        self._behind = True  # there is more to keep up
        self._neglected = False  # cannot keep up
        self._due = time.monotonic() + ROUND  # a step is
        self._turns: queue.SimpleQueue[Sequence[Row] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def submit(self, rows: Sequence[Row]) -> None:
        self._turns.put(rows)

    def stop(self, timeout: float) -> None:
        self._turns.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            self._serve()
            self._writer.close()
        except BaseException as error:  # the top of the thread
            log.exception("the store thread ended")
            self._post(Broken("store", error))

    def _serve(self) -> None:
        while (rows := self._next()) is not None:
            error = newest = None
            if rows:
                outcome = settle(self._writer, rows)
                error, newest = (outcome, None) if isinstance(outcome, StoreError) else (None, outcome)
                self._note(error)
            self._post(Committed(error, self._look(), newest))

    def _next(self) -> Sequence[Row] | None:
        while True:
            left = self._due - time.monotonic()
            if left > 0:
                try:
                    return self._turns.get(timeout=min(left, LULL) if self._behind else left)
                except queue.Empty:
                    if not self.loop_rests:  # a flood: what comes in goes before what only the search needs
                        continue
            self._keep_up()

    def _keep_up(self) -> None:
        """Nobody waits for it: what fails is tried again in the next round, and is logged once."""
        try:
            self._behind = self._writer.keep_up()
            self._neglected = False
        except StoreBusy:  # an administrator's command, or a backup
            self._behind = False
        except StoreError as error:
            if not self._neglected:
                log.error("the upkeep of the store (index, retention, erasing) fails: %s; it is tried again", error)
            self._behind, self._neglected = False, True
        self._due = time.monotonic() + ROUND

    def _note(self, error: StoreError | None) -> None:
        """One line when trouble begins and one when it is over; in between every turn fails."""
        if error is not None and not self._failing:
            log.error("cannot store: %s; senders are told to try again later", error)
        elif error is None and self._failing:
            log.warning("the store works again")
        self._failing = error is not None

    def _look(self) -> tuple[AccountChanged, ...]:
        try:
            changes = self._writer.changed()
        except StoreError as error:
            if not self._blind:
                log.error("cannot look for what administrators changed: %s", error)
            self._blind = True
            return ()
        self._blind = False
        return tuple(changes)


def settle(writer: Writer, rows: Sequence[Row]) -> StoreError | int:
    """Commit, and find out for certain how it ended: after an error at the very end it may be durable all the same.

    Gives the seq of the newest entry of all, or why nothing was kept.
    """
    try:
        return writer.commit(rows)
    except CommitUncertain as error:
        return error.newest if _holds(writer, rows) else error
    except StoreError as error:
        return error


def _holds(writer: Writer, rows: Sequence[Row]) -> bool:
    deadline = time.monotonic() + LOOKUP_TIME
    while True:
        try:
            return writer.holds(rows)
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOKUP_PAUSE)
