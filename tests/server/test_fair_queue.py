"""Who is served next, and who finds no room."""

from __future__ import annotations

import threading
from typing import Any

from securechat.server.fair_queue import FairQueue
from securechat.server.job import Job
from securechat.server.session import Session, Stage


def job(address: str, label: str = "", *, first: bool = False) -> Job:
    return Job("passwords", Session(address), lambda: None, lambda *_: None, label, first)


def names(jobs: Any) -> list[str]:
    return [f"{one.session.address}{one.label}" for one in jobs]


def filled(*jobs: Job, limit: int = 10) -> FairQueue:
    queue = FairQueue(limit)
    for one in jobs:
        assert queue.put(one) == []
    return queue


def served(queue: FairQueue) -> list[str]:
    return names(queue.take() for _ in range(len(queue)))


def test_one_network_after_the_other_has_its_turn() -> None:
    queue = filled(*(job("a", str(number)) for number in range(4)), job("b", "0"), job("b", "1"), job("c", "0"))
    assert served(queue) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_ipv6_addresses_of_one_network_have_one_turn() -> None:
    queue = filled(job("2001:db8::1", " 0"), job("2001:db8::2", " 1"), job("2001:db8:0:1::1", " 2"))
    assert served(queue) == ["2001:db8::1 0", "2001:db8:0:1::1 2", "2001:db8::2 1"]


def test_who_comes_first_goes_before_all_others() -> None:
    queue = filled(*(job(address) for address in "abc"), job("d", first=True), job("e", first=True))
    assert served(queue) == ["d", "e", "a", "b", "c"]


def test_who_goes_before_all_others_keeps_nobody_waiting_for_ever() -> None:
    queue = filled(*(job("d", str(number), first=True) for number in range(7)), job("a"), job("b"))
    assert served(queue) == ["d0", "d1", "d2", "a", "d3", "d4", "d5", "b", "d6"]


def test_without_room_the_newest_of_the_network_with_the_most_is_left_out() -> None:
    queue = filled(*(job("a", str(number)) for number in range(3)), job("b", "0"), limit=4)
    assert names(queue.put(job("c", "0"))) == ["a2"]
    assert names(queue.put(job("a", "3"))) == ["a3"]
    assert names(queue.put(job("d", "0"))) == ["a1"]
    assert names(queue.put(job("e", "0"))) == ["e0"]
    assert served(queue) == ["a0", "b0", "c0", "d0"]


def test_without_room_those_that_come_first_are_left_out_last() -> None:
    queue = filled(job("a", first=True), job("b"), limit=2)
    assert names(queue.put(job("c", first=True))) == ["b"]
    assert names(queue.put(job("d"))) == ["d"]
    assert names(queue.put(job("e", first=True))) == ["e"]
    assert served(queue) == ["a", "c"]


def test_those_that_nobody_waits_for_make_room_first() -> None:
    jobs = [job("a", "0"), job("a", "1"), job("b", "0"), job("c", "0", first=True)]
    queue = filled(*jobs, limit=4)
    for one in (jobs[0], jobs[2], jobs[3]):
        one.session.stage = Stage.CLOSED
    assert sorted(names(queue.put(job("d", "0")))) == ["a0", "b0", "c0"]
    assert served(queue) == ["a1", "d0"]


def test_a_thread_waits_for_a_job_and_ends_when_the_queue_is_closed() -> None:
    queue, taken = FairQueue(10), []
    thread = threading.Thread(target=lambda: taken.extend(iter(queue.take, None)))
    thread.start()
    queue.put(job("a"))
    queue.put(job("b"))
    while len(queue):
        pass
    queue.close()
    queue.put(job("c"))
    thread.join(10)
    assert not thread.is_alive()
    assert names(taken) == ["a", "b"]
