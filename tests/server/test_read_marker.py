"""MARKREAD: an account's place in each conversation, which only rises and is nobody else's business."""

from __future__ import annotations

import re

import pytest

from securechat.server.event import timestamp
from tests.core import CoreRun, Peer
from tests.wire import ALL_CAPS

EARLY, LATE = "timestamp=2020-01-01T00:00:00.000Z", "timestamp=2020-06-01T12:30:00.123Z"


@pytest.fixture
def ada(run: CoreRun) -> Peer:
    return run.login("ada")


def said(run: CoreRun, peer: Peer, *lines: str) -> list[str]:
    run.say(peer, *lines)
    return shown(peer)


def shown(peer: Peer) -> list[str]:
    return [line.removeprefix(":localhost ") for line in peer.take()]


@pytest.mark.parametrize("target", ["#lobby", "bob", "ada"])
def test_a_marker_is_told_as_it_was_set(run: CoreRun, ada: Peer, target: str) -> None:
    unset, was_set, again = said(run, ada, f"MARKREAD {target}", f"MARKREAD {target} {LATE}", f"MARKREAD {target}")
    assert unset == f"MARKREAD {target} *"
    assert was_set == again == f"MARKREAD {target} {LATE}"
    assert run.held() == run.stored()


def test_a_marker_only_rises(run: CoreRun, ada: Peer) -> None:
    said(run, ada, f"MARKREAD #lobby {LATE}")
    rows = run.writer.commits["kept"]
    assert said(run, ada, f"MARKREAD #lobby {EARLY}", f"MARKREAD #lobby {LATE}") == [f"MARKREAD #lobby {LATE}"] * 2
    assert run.writer.commits["kept"] == rows


def test_a_marker_is_never_ahead_of_now_nor_of_the_newest_entry(run: CoreRun, ada: Peer) -> None:
    future = "MARKREAD #lobby timestamp=9999-12-31T23:59:59.999Z"
    assert said(run, ada, future) == [f"MARKREAD #lobby timestamp={timestamp(int(run.now * 1000))}"]
    run.now += 5
    run.say(ada, "PRIVMSG #lobby :x")
    run.now -= 3600
    ada.take()
    assert said(run, ada, future) == [f"MARKREAD #lobby timestamp={timestamp(run.entries('#lobby')[-1].time)}"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59.999Z"])
def test_a_time_before_all_times_is_the_first_one(run: CoreRun, ada: Peer, time: str) -> None:
    [answer] = said(run, ada, f"MARKREAD #lobby timestamp={time}")
    assert answer == "MARKREAD #lobby timestamp=1970-01-01T00:00:00.000Z"


def test_the_account_s_other_sessions_are_told_when_a_marker_moves(run: CoreRun, ada: Peer) -> None:
    other, old, bob = run.login("ada"), run.login("ada", ALL_CAPS.replace("draft/read-marker", "")), run.login("bob")
    said(run, ada, f"MARKREAD bob {LATE}", f"MARKREAD bob {EARLY}")
    assert shown(other) == [f"MARKREAD bob {LATE}"]
    assert [shown(one) for one in (old, bob)] == [[], []]


def test_a_marker_is_told_after_each_join_and_before_the_end_of_names(run: CoreRun, ada: Peer) -> None:
    run.say(run.login("bob"), "JOIN #lab")  # or the channel would go with its last member
    said(run, ada, "JOIN #lab", f"MARKREAD #lab {LATE}", "PART #lab")
    lines = said(run, ada, "JOIN #lab")
    assert lines[-2:] == [f"MARKREAD #lab {LATE}", "366 ada #lab :End of NAMES list"]
    again = [re.sub("^:localhost ", "", line) for line in run.connect_as("ada").take()]
    place = again.index(f"MARKREAD #lab {LATE}")
    assert again[place + 1] == "366 ada #lab :End of NAMES list"
    assert [line for line in again if line.startswith("MARKREAD #lobby")] == ["MARKREAD #lobby *"]


def test_nobody_else_s_marker_is_told(run: CoreRun, ada: Peer) -> None:
    bob = run.login("bob")
    said(run, ada, f"MARKREAD #lobby {LATE}", f"MARKREAD bob {LATE}")
    assert said(run, bob, "MARKREAD #lobby", "MARKREAD ada") == ["MARKREAD #lobby *", "MARKREAD ada *"]


def test_a_deleted_account_s_markers_are_gone(run: CoreRun, ada: Peer) -> None:
    bob = run.login("bob")
    said(run, bob, f"MARKREAD #lobby {LATE}")
    said(run, ada, f"MARKREAD bob {LATE}")
    run.accounts.delete("bob", release_name=True)
    run.look()
    assert run.held() == run.stored()
    assert [marker.account for marker in run.stored().read_markers] == [1]
    run.accounts.add("bob", b"")
    run.look()
    assert said(run, ada, "MARKREAD bob")[-1] == "MARKREAD bob *"


def test_a_marker_that_could_not_be_stored_has_not_moved(run: CoreRun, ada: Peer) -> None:
    other = run.login("ada")
    run.writer.outcomes.append("failed")
    [answer] = said(run, ada, f"MARKREAD #lobby {LATE}")
    assert "TEMPORARILY_UNAVAILABLE" in answer
    assert shown(other) == []
    assert said(run, ada, "MARKREAD #lobby") == ["MARKREAD #lobby *"]


def test_of_a_channel_that_one_may_not_read_nothing_is_told_and_nothing_set(run: CoreRun, ada: Peer) -> None:
    bob = run.login("bob")
    said(run, ada, "JOIN #Closed", "MODE #closed +s")
    assert said(run, bob, "MARKREAD #CLOSED", "MARKREAD #none") == ["MARKREAD #CLOSED *", "MARKREAD #none *"]
    refused = said(run, bob, f"MARKREAD #CLOSED {LATE}", f"MARKREAD #none {LATE}")
    assert [re.sub("#(CLOSED|none)", "#x", line) for line in refused] == [
        "FAIL MARKREAD INVALID_TARGET #x :nothing to read here for you"
    ] * 2
