"""Jobs that wait for a thread: one network after the other has its turn, however many another one has queued."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from securechat.server.job import Job
from securechat.server.session import Stage

IN_A_ROW = 3  # jobs that come first, while others wait


class FairQueue:
    """`put` and `close` never wait; any number of threads `take`.

    The lock guards all that is here, for a few moves at a time; no other is taken under it.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._first, self._then = Lane(), Lane()
        self._in_a_row = 0  # of those that come first
        self._closed = False
        self._changed = threading.Condition(threading.Lock())

    def __len__(self) -> int:
        """A moment's truth, read without the lock."""
        return len(self._first) + len(self._then)

    def put(self, job: Job) -> list[Job]:
        """Queue it; gives the jobs that are not to be done.

        Those are none while there is room; then those that nobody waits for any more; then the newest of the network
        with the most.
        """
        with self._changed:
            (self._first if job.first else self._then).put(job)
            self._changed.notify()
            if len(self) <= self._limit:
                return []
            abandoned = [*self._first.take_abandoned(), *self._then.take_abandoned()]
            return abandoned or [(self._then if len(self._then) else self._first).take_newest()]

    def take(self) -> Job | None:
        """Wait for a job; None once the queue is closed."""
        with self._changed:
            while not (self._closed or len(self)):
                self._changed.wait()
            if self._closed:
                return None
            return self._lane().take()

    def _lane(self) -> Lane:
        """Those that come first, but one of the others after so many of them: nobody waits for ever."""
        if len(self._first) and not (len(self._then) and self._in_a_row >= IN_A_ROW):
            self._in_a_row += 1
            return self._first
        self._in_a_row = 0
        return self._then

    def close(self) -> None:
        """What waits is dropped."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Lane:
    """Networks in turn; within one the oldest job comes first."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, deque[Job]] = OrderedDict()  # by network; whose turn is next stands first
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, job: Job) -> None:
        self._jobs.setdefault(job.session.network, deque()).append(job)
        self._size += 1

    def take(self) -> Job:
        network, jobs = self._jobs.popitem(last=False)
        job = jobs.popleft()
        if jobs:
            self._jobs[network] = jobs
        self._size -= 1
        return job

    def take_newest(self) -> Job:
        """Of the network with the most; of several that have as many the one that came last."""
        network = max(reversed(self._jobs), key=lambda one: len(self._jobs[one]))
        job = self._jobs[network].pop()
        if not self._jobs[network]:
            del self._jobs[network]
        self._size -= 1
        return job

    def take_abandoned(self) -> list[Job]:
        """Those whose session has ended."""
        abandoned: list[Job] = []
        for network, jobs in list(self._jobs.items()):
            abandoned += (job for job in jobs if job.session.stage is Stage.CLOSED)
            self._jobs[network] = deque(job for job in jobs if job.session.stage is not Stage.CLOSED)
            if not self._jobs[network]:
                del self._jobs[network]
        self._size -= len(abandoned)
        return abandoned
