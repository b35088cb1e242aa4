"""A named message is sent once, however often it is said, and each repeat is answered like the first."""

from __future__ import annotations

import re

import pytest

from securechat.server.retry import KEPT, NAME_CHARACTERS
from tests.core import CoreRun, Peer

ECHO = re.compile(r"@label=(\w+);time=([^;]+);account=ada;msgid=([^ ;]+) :ada!\S+ (.*)")


@pytest.fixture
def bob(run: CoreRun) -> Peer:
    return run.login("bob", "")


def said(name: str, text: str = "hello", target: str = "#lobby", label: str = "1") -> str:
    return f"@label={label};+securechat/id={name} PRIVMSG {target} :{text}"


def heard(peer: Peer) -> list[str]:
    return [line.split(" :", 1)[1] for line in peer.take() if " PRIVMSG " in line]


def test_a_repeat_is_answered_like_the_first_and_reaches_nobody_again(run: CoreRun, bob: Peer) -> None:
    ada, other = run.login("ada"), run.login("ada")
    run.say(ada, said("m1", label="1"))
    first = ECHO.fullmatch(ada.take()[0])
    assert first is not None
    assert len(other.take()) == 1
    run.now += 100
    run.say(ada, said("m1", label="2"))
    again = ECHO.fullmatch(ada.take()[0])
    assert again is not None
    assert again.groups() == ("2", *first.groups()[1:])
    assert heard(bob) == ["hello"]
    assert not other.take()
    assert run.texts() == ["hello"]


def test_a_repeat_is_known_in_another_session_and_after_a_restart(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    run.say(ada, said("m1"))
    first = ECHO.fullmatch(ada.take()[0])
    assert first is not None
    run.drop(ada)
    run.core.directory.names["ada"].named.clear()  # as a core that has just started
    back = run.connect_as("ada")
    back.take()
    run.say(back, said("m1", label="9"))
    assert back.take()[0] == first[0].replace("label=1;", "label=9;")
    assert heard(bob) == ["hello"]


@pytest.mark.parametrize(
    "other", [said("m1", "else"), said("m1", target="bob"), said("m1").replace("PRIVMSG", "NOTICE")]
)
def test_a_name_that_was_used_for_something_else_is_refused(run: CoreRun, bob: Peer, other: str) -> None:
    ada = run.login("ada")
    run.say(ada, said("m1"))
    ada.take()
    run.say(ada, other)
    assert re.fullmatch(r"@label=1 :localhost FAIL (PRIVMSG|NOTICE) ID_REUSED m1 :.*", ada.take()[0])
    assert heard(bob) == ["hello"]


def test_a_name_belongs_to_its_account(run: CoreRun, bob: Peer) -> None:
    ada, cyd = run.login("ada"), run.login("cyd")
    run.say(ada, said("m1"))
    run.say(cyd, said("m1", "mine"))
    assert heard(bob) == ["hello", "mine"]


def test_the_name_is_not_relayed_and_means_nothing_without_the_capability(run: CoreRun) -> None:
    ada, bob = run.login("ada", "message-tags echo-message"), run.login("bob", "message-tags")
    run.say(ada, said("m1"), said("m1"))
    lines = bob.take()
    assert len(lines) == 2
    assert not any("securechat/id" in line for line in lines)


@pytest.mark.parametrize("name", ["", "x" * (NAME_CHARACTERS + 1)])
def test_an_impossible_name_is_refused(run: CoreRun, bob: Peer, name: str) -> None:
    ada = run.login("ada")
    run.say(ada, said(name))
    assert " FAIL PRIVMSG INVALID_PARAMS " in ada.take()[0]
    assert heard(bob) == []


def test_a_named_message_has_one_target(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    run.say(ada, said("m1", target="#lobby,bob"))
    assert " FAIL PRIVMSG INVALID_PARAMS m1 " in ada.take()[0]
    assert heard(bob) == []


def test_what_was_refused_may_be_sent_under_the_same_name(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    run.say(ada, said("m1", target="#none"), "JOIN #none", said("m1", target="#none"))
    assert run.texts("#none") == ["hello"]


def test_two_sessions_that_send_the_same_message_at_once_send_it_once(run: CoreRun, bob: Peer) -> None:
    """Both look-ups are over before either message is stored."""
    one, two = run.login("ada"), run.login("ada")
    run.queue(one, said("m1"))
    run.queue(two, said("m1"))
    run.run()
    assert heard(bob) == ["hello"]
    assert ECHO.fullmatch(one.take()[0])
    assert any(ECHO.fullmatch(line) for line in two.take())


def test_a_message_whose_commit_failed_is_sent_by_its_repeat(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    run.writer.outcomes.extend(["failed"])
    run.say(ada, said("m1"))
    assert " FAIL * TEMPORARILY_UNAVAILABLE " in ada.take()[0]
    run.say(ada, said("m1"))
    assert ECHO.fullmatch(ada.take()[0])
    assert heard(bob) == ["hello"]


def test_what_is_said_behind_a_named_message_stays_behind_it(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    run.say(ada, said("m1", "1"), "PRIVMSG #lobby :2", said("m3", "3"), said("m1", "1"), "PRIVMSG #lobby :4")
    assert heard(bob) == ["1", "2", "3", "4"]


def test_the_core_keeps_only_the_newest_names_of_an_account(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    for number in range(KEPT + 5):
        run.say(ada, said(f"m{number}"))
    assert len(run.core.directory.names["ada"].named) == KEPT
    bob.take()
    run.say(ada, *(said(f"m{number}") for number in range(KEPT + 5)))
    assert heard(bob) == []


def test_a_message_to_somebody_who_was_deleted_since_is_acknowledged_all_the_same(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada", "batch labeled-response securechat/retry")
    run.say(ada, said("m1", target="dot"))
    assert ada.take() == ["@label=1 :localhost ACK"]
    run.accounts.suspend("dot")
    run.look()
    run.say(ada, said("m1", target="dot", label="2"))
    assert ada.take() == ["@label=2 :localhost ACK"]
