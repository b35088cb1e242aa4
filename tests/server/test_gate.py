"""Who is let in before admission, and who has to go for it."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from securechat.config import Limits
from securechat.server.gate import FULL, FULL_OF_ONE, Full, Gate
from securechat.server.session import Session

LIMITS = Limits(unauthenticated=10, unauthenticated_per_address=3)


class Stranger:
    """What the gate sees of a connection."""

    def __init__(self, address: str) -> None:
        self.session = Session(address)


class Hall:
    """A gate and who is inside, as the doors use it."""

    def __init__(self, *known: str) -> None:
        self.gate = Gate(LIMITS)
        self.known = known
        self.inside: list[Any] = []

    def come(self, address: str, number: int = 1) -> list[Any]:
        """So many newcomers; gives who had to go for them."""
        gone = []
        for _ in range(number):
            newcomer: Any = Stranger(address)
            while (full := self.full(address)) is not None:
                assert full.leaving is not None
                self.go(full.leaving)
                gone.append(full.leaving)
            self.gate.enter(newcomer, address in self.known)
            self.inside.append(newcomer)
        return gone

    def full(self, address: str) -> Full | None:
        return self.gate.full(Session(address).network, address in self.known)

    def go(self, one: Any) -> None:
        self.gate.leave(one)
        self.inside.remove(one)

    def counts(self) -> dict[str, int]:
        return Counter(one.session.address for one in self.inside)


def test_one_too_many_of_an_address_takes_the_place_of_its_oldest() -> None:
    hall = Hall()
    hall.come("a", 3)
    oldest = hall.inside[0]
    assert hall.full("a") == Full(FULL_OF_ONE, oldest)
    assert hall.come("a") == [oldest]
    assert hall.come("b") == []


def test_ipv6_addresses_of_one_network_are_one() -> None:
    hall = Hall()
    hall.come("2001:db8::1", 2)
    hall.come("2001:db8::2")
    assert len(hall.come("2001:db8::3")) == 1
    assert hall.come("2001:db8:0:1::3") == []


def test_one_too_many_in_all_takes_the_place_of_the_oldest_of_the_address_with_the_most() -> None:
    hall = Hall()
    for address, number in (("a", 1), ("b", 3), ("c", 2), ("d", 3), ("e", 1)):
        hall.come(address, number)
    assert hall.full("f") == Full(FULL, hall.inside[1])
    gone = hall.come("f", 3)
    assert [one.session.address for one in gone] == ["b", "d", "c"]
    assert hall.counts() == {"a": 1, "b": 2, "c": 1, "d": 2, "e": 1, "f": 3}


def test_of_single_ones_the_oldest_goes() -> None:
    hall = Hall()
    for number in range(10):
        hall.come(f"s{number}")
    assert [one.session.address for number in range(12) for one in hall.come(f"t{number}")] == [
        *(f"s{number}" for number in range(10)),
        "t0",
        "t1",
    ]


def test_known_addresses_are_held_to_the_total_alone() -> None:
    hall = Hall("a")
    assert hall.come("a", 10) == []
    oldest = hall.inside[0]
    assert hall.come("a") == [oldest]


def test_known_addresses_go_last_while_theirs_is_the_smaller_half() -> None:
    hall = Hall("a")
    hall.come("a", 5)
    hall.come("b", 3)
    hall.come("c", 2)
    assert {one.session.address for number in range(20) for one in hall.come(f"s{number}")} == {"b", "c"} | {
        f"s{number}" for number in range(15)
    }
    assert hall.counts()["a"] == 5


def test_known_addresses_keep_nobody_out() -> None:
    hall = Hall("a")
    hall.come("a", 10)
    for number in range(5):
        assert [one.session.address for one in hall.come(f"s{number}")] == ["a"]
    assert hall.come("a")[0].session.address == "s0"


def test_who_waits_for_us_stays() -> None:
    hall = Hall()
    hall.come("a", 3)
    waiting, other, _ = hall.inside
    hall.gate.waits(waiting)
    assert hall.come("a") == [other]
    hall.gate.goes_on(waiting)
    assert [hall.come("a")[0] is waiting for _ in range(3)] == [False, False, True]


def test_there_is_no_room_when_all_wait_for_us() -> None:
    hall = Hall()
    for number in range(10):
        hall.come(f"s{number}")
        hall.gate.waits(hall.inside[-1])
    assert hall.full("b") == Full(FULL, None)
    hall.go(hall.inside[0])
    assert hall.full("b") is None


@pytest.mark.parametrize("seed", range(20))
def test_it_counts_right_whatever_happens(seed: int) -> None:
    """Against a plain count of everyone."""
    chance = random.Random(seed)
    hall = Hall("a", "b")
    waiting: set[Any] = set()
    for _ in range(2000):
        what = chance.random()
        if what < 0.6:
            address = chance.choice("abcdefgh")
            full = hall.full(address)
            if full is None or full.leaving is not None:
                candidates = Counter(one.session.address for one in hall.inside if one not in waiting)
                if full is not None and full.reason == FULL:
                    left = full.leaving.session.address  # type: ignore[union-attr]  # it is not None
                    crowd = {one: candidates[one] for one in candidates if (one in "ab") == (left in "ab")}
                    assert crowd[left] == max(crowd.values())
                hall.come(address)
        elif what < 0.8 and hall.inside:
            one = chance.choice(hall.inside)
            hall.go(one)
            waiting.discard(one)
        elif what < 0.9 and hall.inside:
            one = chance.choice(hall.inside)
            waiting.add(one)
            hall.gate.waits(one)
        elif waiting:
            hall.gate.goes_on(waiting.pop())
        assert len(hall.inside) <= LIMITS.unauthenticated
        assert all(count <= 3 for address, count in hall.counts().items() if address not in "ab")
    for one in list(hall.inside):
        hall.go(one)
    assert hall.full("c") is None
    assert hall.come("c", 3) == []
