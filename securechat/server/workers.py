"""A few threads for what takes long: hashing and reading the store. Their answers become items of a later turn."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable

from securechat.server.items import Answer
from securechat.server.services import PoolFull
from securechat.server.session import Stage
from securechat.server.storage import Broken
from securechat.server.turn import Job

NICENESS = 10

log = logging.getLogger(__name__)


class Pool:
    """Threads that share a queue of at most `limit` jobs; `post` hands an answer to the loop."""

    def __init__(
        self, name: str, threads: int, limit: int, post: Callable[[Answer | Broken], None], *, nice: bool = False
    ) -> None:
        self.limit = limit
        self._jobs: queue.Queue[Job | None] = queue.Queue(limit)
        self._post = post
        self._nice = nice
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Never waits: a full queue is an answer, too."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._answer(job, PoolFull())

    @property
    def waiting(self) -> int:
        """Jobs that no thread has begun."""
        return self._jobs.qsize()

    def stop(self) -> None:
        """Let each thread end after the job it has; those in the queue are dropped."""
        while True:
            try:
                self._jobs.get_nowait()
            except queue.Empty:
                break
        for _ in self._threads:
            self._jobs.put(None)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # the top of the thread
            name = threading.current_thread().name
            log.exception("the thread %s ended", name)
            self._post(Broken(name, error))

    def _work(self) -> None:
        if self._nice:  # of this thread alone: that is what Linux makes of it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while (job := self._jobs.get()) is not None:
            # The stage is a hint, read without a lock: nobody waits, unless the turn that closed the session is undone.
            self._answer(job, _done(job) if job.session.stage is not Stage.CLOSED else PoolFull())
            del job  # it may hold a password

    def _answer(self, job: Job, result: object) -> None:
        self._post(Answer(job.session, job.done, job.label, result))


def _done(job: Job) -> object:
    try:
        return job.work()
    except Exception as error:  # the core raises it again, within its guard
        return error
