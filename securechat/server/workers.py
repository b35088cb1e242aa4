"""A few threads for what takes long: hashing and reading the store. Their answers become items of a later turn."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from securechat.server.fair_queue import FairQueue
from securechat.server.items import Answer
from securechat.server.job import Job
from securechat.server.services import PoolFull
from securechat.server.session import Stage
from securechat.server.storage import Broken

NICENESS = 3  # who talks goes before who logs in, who still has a third of a processor that others are busy on, too

log = logging.getLogger(__name__)


class Pool:
    """Threads that share a queue of at most `limit` jobs; `post` hands an answer to the loop."""

    def __init__(
        self, name: str, threads: int, limit: int, post: Callable[[Answer | Broken], None], *, nice: bool = False
    ) -> None:
        self.limit = limit
        self._jobs = FairQueue(limit)
        self._post = post
        self._nice = nice
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Never waits: not to be done is an answer, too."""
        for left_out in self._jobs.put(job):
            self._post(Answer(left_out, PoolFull()))

    @property
    def waiting(self) -> int:
        """Jobs that no thread has begun."""
        return len(self._jobs)

    def stop(self) -> None:
        """Let each thread end after the job it has; those in the queue are dropped."""
        self._jobs.close()

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
        while (job := self._jobs.take()) is not None:
            # The stage is a hint, read without a lock: nobody waits, unless the turn that closed the session is undone.
            self._post(Answer(job, _done(job) if job.session.stage is not Stage.CLOSED else PoolFull()))
            del job  # it may hold a password


def _done(job: Job) -> object:
    try:
        return job.work()
    except Exception as error:  # the core raises it again, within its guard
        return error
