"""The checker finds nothing wrong in a good record, and every lost, doubled, swapped and invented message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from tests.linearity.checker import Echo, Presence, Record, Said, Sending, check

CHANNEL = "#a"
SENDERS = ("ann", "bea", "cyd")
MESSAGES = tuple(
    Said(f"m{number}", f"12:00:{number:02}", SENDERS[number % 3], f"text-{number}") for number in range(12)
)
FOREIGN = Said("m99", "12:00:99", "ann", "text-99")

# One after the other: each is sent when the one before it has been acknowledged.
SENT = tuple(
    Sending(said.sender, CHANNEL, said.text, number, (number // 6,), (Echo(said.msgid, number + 0.5),))
    for number, said in enumerate(MESSAGES)
)
PARTS = (MESSAGES[:4], MESSAGES[4:7], MESSAGES[7:9], MESSAGES[9:])  # live, fetched, live, fetched


def record(
    sent: Sequence[Sending] = SENT, stored: Sequence[Said] = MESSAGES, parts: Sequence[Sequence[Said]] = PARTS
) -> Record:
    """Two listeners: one was there all the time, one had the four parts."""
    first, second, third, fourth = map(tuple, parts)
    presences = (Presence((), first), Presence(second, third), Presence(fourth, ()))
    everything = (Presence((), tuple(stored)),)
    return Record(sent, {CHANNEL: stored}, {("rob", CHANNEL): presences, ("sue", CHANNEL): everything})


def listened(*presences: Presence) -> list[str]:
    return check(Record(SENT, {CHANNEL: MESSAGES}, {("rob", CHANNEL): presences}))


def names(sentences: Sequence[str], text: str) -> bool:
    return any(repr(text) in sentence for sentence in sentences)


Plant = Callable[[Sequence[Said]], Iterator[tuple[str, list[Said]]]]  # gives the text to name, and the bad list


def lost(good: Sequence[Said]) -> Iterator[tuple[str, list[Said]]]:
    for place, said in enumerate(good):
        yield said.text, [*good[:place], *good[place + 1 :]]


def doubled(good: Sequence[Said]) -> Iterator[tuple[str, list[Said]]]:
    for place, said in enumerate(good):
        for later in range(place, len(good)):
            yield said.text, [*good[: later + 1], said, *good[later + 1 :]]


def swapped(good: Sequence[Said]) -> Iterator[tuple[str, list[Said]]]:
    for place in range(len(good) - 1):
        yield good[place].text, [*good[:place], good[place + 1], good[place], *good[place + 2 :]]


def invented(good: Sequence[Said]) -> Iterator[tuple[str, list[Said]]]:
    for place in range(len(good) + 1):
        yield FOREIGN.text, [*good[:place], FOREIGN, *good[place:]]


def changed(good: Sequence[Said]) -> Iterator[tuple[str, list[Said]]]:
    for place, said in enumerate(good):
        for other in (replace(said, sender="eve"), replace(said, msgid="m98"), replace(said, time="12:01:00")):
            yield said.text, [*good[:place], other, *good[place + 1 :]]


FAULTS = pytest.mark.parametrize("plant", [lost, doubled, swapped, invented, changed])


def test_a_good_record_is_good() -> None:
    assert check(record()) == []


@FAULTS
def test_a_fault_in_what_a_listener_got_is_named_wherever_it_is(plant: Plant) -> None:
    for number, part in enumerate(PARTS):
        for text, bad in plant(part):
            parts = [*PARTS[:number], bad, *PARTS[number + 1 :]]
            assert names(check(record(parts=parts)), text), parts


@FAULTS
def test_a_fault_in_the_store_is_named_wherever_it_is(plant: Plant) -> None:
    for text, bad in plant(MESSAGES):
        assert names(check(record(stored=bad)), text), bad


@pytest.mark.parametrize("plant", [lost, doubled, swapped, invented])
def test_a_fault_that_nobody_could_see_is_named_by_the_senders_part_alone(plant: Plant) -> None:
    """Stored and shown alike."""
    for text, bad in plant(MESSAGES):
        nobody = Record(SENT, {CHANNEL: bad}, {})
        assert names(check(nobody), text), bad


def test_a_swap_between_two_parts_is_named() -> None:
    for number in range(len(PARTS) - 1):
        before, after = list(PARTS[number]), list(PARTS[number + 1])
        text = before[-1].text
        before[-1], after[0] = after[0], before[-1]
        parts = [*PARTS[:number], before, after, *PARTS[number + 2 :]]
        assert names(check(record(parts=parts)), text), parts


def test_what_is_in_doubt_may_be_stored_or_not() -> None:
    doubtful = [replace(one, echoes=()) if one.text in ("text-3", "text-4") else one for one in SENT]
    without = [said for said in MESSAGES if said.text != "text-3"]
    assert check(Record(doubtful, {CHANNEL: MESSAGES}, {})) == []
    assert check(Record(doubtful, {CHANNEL: without}, {})) == []


def test_what_is_repeated_until_it_is_acknowledged_may_not_stay_in_doubt() -> None:
    sent = [replace(one, repeated=True, echoes=one.echoes if one.text != "text-3" else ()) for one in SENT]
    assert names(check(record(sent)), "text-3")


def test_a_repeat_that_is_answered_with_another_msgid_is_named() -> None:
    sent = [replace(one, echoes=(*one.echoes, Echo("m97", 50))) if one.text == "text-7" else one for one in SENT]
    assert names(check(record(sent)), "text-7")


def test_what_was_under_way_at_the_same_time_may_stand_in_either_order() -> None:
    both = [replace(one, at=3.0, links=()) if one.text == "text-4" else one for one in SENT]
    order = [*MESSAGES[:3], MESSAGES[4], MESSAGES[3], *MESSAGES[5:]]
    assert check(Record(both, {CHANNEL: MESSAGES}, {})) == []
    assert check(Record(both, {CHANNEL: order}, {})) == []


def test_one_connections_messages_stand_as_they_were_said_even_when_none_was_acknowledged() -> None:
    sent = [replace(one, sender="ann", echoes=()) for one in SENT]
    for text, order in swapped([replace(said, sender="ann") for said in MESSAGES]):
        across = text == "text-5"  # between two connections nothing is known
        assert names(check(Record(sent, {CHANNEL: order}, {})), text) != across


def test_history_may_reach_into_what_came_live() -> None:
    start = Presence((), MESSAGES[:2])
    assert listened(start, Presence(MESSAGES[2:8], MESSAGES[5:])) == []
    assert listened(start, Presence(MESSAGES[2:8], MESSAGES[5:7]), Presence(MESSAGES[8:], ())) == []


@FAULTS
def test_a_fault_where_history_reaches_into_what_came_live_is_named(plant: Plant) -> None:
    for text, bad in plant(MESSAGES[5:8]):
        ends_earlier = bad == list(MESSAGES[5:7])  # no fault: it was read a moment before
        wrong = Presence((*MESSAGES[:5], *bad), MESSAGES[5:])
        assert names(listened(wrong), text) != ends_earlier, bad


def test_live_messages_count_when_the_gap_before_them_is_closed() -> None:
    """Until then they are what is fetched next time."""
    cut = Presence(MESSAGES[2:4], MESSAGES[6:8], closed=False)
    rest = Presence(MESSAGES[4:], ())
    assert listened(Presence((), MESSAGES[:2]), cut, rest) == []
    for plant in (doubled, swapped, invented, changed):
        for text, bad in plant(MESSAGES[5:9]):
            wrong = replace(cut, live=tuple(bad))
            assert names(listened(Presence((), MESSAGES[:2]), wrong, rest), text), bad
    gap = replace(cut, live=(MESSAGES[5], MESSAGES[7]))
    assert names(listened(Presence((), MESSAGES[:2]), gap, rest), "text-6")
