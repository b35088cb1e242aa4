"""The calendar against a model: whoever is due is found, up to a grain early, once, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from securechat.server.calendar import GRAIN, Calendar


class One:
    """All that the calendar knows of a connection."""

    day = 0


MOMENTS = st.floats(0, 100, allow_nan=False)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4), MOMENTS),
        st.tuples(st.just("remove"), st.integers(0, 4)),
        st.tuples(st.just("take"), MOMENTS),
    ),
    max_size=60,
)


@given(STEPS)
def test_everyone_due_is_found_once(steps) -> None:
    calendar, ones = Calendar(), [One() for _ in range(5)]
    expected: dict[One, float] = {}
    now = 0.0
    for step in steps:
        match step:
            case ("put", who, later):
                expected[ones[who]] = now + later
                calendar.put(ones[who], now + later)
            case ("remove", who):
                expected.pop(ones[who], None)
                calendar.remove(ones[who])
            case ("take", later):
                now += later
                found = calendar.take(now)
                assert len(found) == len(set(found))
                assert all(expected[one] <= now + GRAIN for one in found)
                for one in found:
                    del expected[one]
                assert all(moment > now for moment in expected.values())
        if expected:
            assert calendar.next is not None
            assert calendar.next <= min(expected.values())
