"""When a turn may begin: at once for few, a moment later for many."""

from __future__ import annotations

from securechat.server.gathering import MANY, PAUSE, SPAN, Gathering
from securechat.server.session import Session

PEOPLE = [Session("here") for _ in range(2 * MANY)]


def talk(gathering: Gathering, people: list[Session], seconds: float, start: float = 0.0) -> float:
    """One turn for each message, a hundred a second from each; gives the time of the last turn."""
    now = start
    while now < start + seconds:
        for person in people:
            now += 0.01 / len(people)
            gathering.begun(now, [person])
    return now


def test_who_talks_alone_is_never_held_up() -> None:
    gathering = Gathering()
    now = talk(gathering, PEOPLE[:1], 1.0)
    assert gathering.over(now, waiting=1)


def test_few_who_answer_one_another_are_never_held_up() -> None:
    gathering = Gathering()
    now = talk(gathering, PEOPLE[: MANY - 1], 1.0)
    assert gathering.over(now, waiting=1)


def test_a_turn_for_many_waits_for_the_next_of_them() -> None:
    gathering = Gathering()
    now = talk(gathering, PEOPLE, 1.0)
    assert not gathering.over(now, waiting=1)
    assert gathering.over(now, waiting=MANY)
    assert gathering.over(now + PAUSE, waiting=1)


def test_once_the_many_are_silent_nobody_is_held_up() -> None:
    gathering = Gathering()
    now = talk(gathering, PEOPLE, 1.0) + 3 * SPAN
    gathering.begun(now, PEOPLE[:1])
    assert gathering.over(now, waiting=1)
