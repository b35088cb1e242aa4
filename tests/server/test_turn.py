"""A turn's undo: whatever was set, put and dropped since a mark is as it was."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.auth.throttle import Throttle
from securechat.chat.directory import Directory
from securechat.config import Settings
from securechat.server.msgids import new_msgid
from securechat.server.services import Services
from securechat.server.session import Session
from securechat.server.turn import StoreUnavailable, Turn
from securechat.store.errors import StoreError
from securechat.store.rows import MemberRemoved

SERVICES = cast(Services, None)  # no handler runs here


class Owner:
    """Two tables and an attribute; `seen` is what the last `changed` saw."""

    def __init__(self) -> None:
        self.name: object = "old"
        self.first: dict[int, int] = {0: 0, 1: 1}
        self.second: dict[int, int] = {}
        self.seen: Any = None

    def state(self) -> Any:
        return deepcopy((self.name, self.first, self.second))

    def changed(self, name: str) -> None:
        self.seen = self.state()


def open_turn(failing: StoreError | None = None) -> Turn:
    return Turn(Directory("test", ()), Throttle(Settings().limits), Settings(), SERVICES, 1000.0, 0.0, failing)


table, key = st.sampled_from(("first", "second")), st.integers(0, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.just("name"), st.integers()),
        st.tuples(st.just("put"), table, key, st.integers()),
        st.tuples(st.just("drop"), table, key),
    )
)


def take(turn: Turn, owner: Owner, steps: list[tuple[Any, ...]]) -> None:
    for step, *words in steps:
        getattr(turn, step)(owner, *words)


@given(before=STEPS, behind=STEPS)
def test_going_back_to_a_mark_undoes_all_that_came_behind_it(before: list[Any], behind: list[Any]) -> None:
    turn, owner = open_turn(), Owner()
    untouched = owner.state()
    take(turn, owner, before)
    mark, kept = turn.mark(), owner.state()
    take(turn, owner, behind)
    turn.back_to(mark)
    assert owner.state() == kept
    turn.undo()
    assert owner.state() == untouched


@given(steps=STEPS)
def test_an_owner_is_told_of_every_change_and_of_its_undoing(steps: list[Any]) -> None:
    turn, owner = open_turn(), Owner()
    owner.changed("name")
    take(turn, owner, steps)
    assert owner.seen == owner.state()
    turn.undo()
    assert owner.seen == owner.state()


def test_rows_output_jobs_and_closings_go_with_what_is_undone() -> None:
    turn, session = open_turn(), Session("127.0.0.1")
    turn.record(MemberRemoved("#kept", 1))
    turn.reply(session, "001", "kept")
    mark = turn.mark()
    turn.record(MemberRemoved("#undone", 1))
    turn.wait("reads", session, list, lambda *_: None)
    turn.close(session, "undone")
    turn.back_to(mark)
    assert turn.rows == [MemberRemoved("#kept", 1)]
    assert [output.data for output in turn.output] == [b":localhost 001 * kept\r\n"]
    assert (turn.jobs, turn.closing) == ([], [])
    assert not session.busy


def test_nothing_is_recorded_once_the_commit_is_known_to_fail() -> None:
    turn = open_turn(StoreError("made to fail"))
    with pytest.raises(StoreUnavailable):
        turn.record(MemberRemoved("#lab", 1))
    assert turn.rows == []


def test_the_entries_of_a_target_are_stamped_with_rising_times_whatever_the_clock_does() -> None:
    turn = open_turn()
    turn.directory.last_times["#lab"] = 5_000_000
    assert [turn.stamp("#lab"), turn.stamp("#lab"), turn.stamp("#other")] == [5_000_001, 5_000_002, 1_000_000]
    turn.undo()
    assert turn.directory.last_times == {"#lab": 5_000_000}


def test_msgids_of_one_moment_differ() -> None:
    assert len({new_msgid(1_000_000) for _ in range(2000)}) == 2000
