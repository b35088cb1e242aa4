"""Several sessions are one person: when others see somebody come, go, or be away."""

from __future__ import annotations

import pytest

from tests.core import CoreRun, Peer


@pytest.fixture
def bob(run: CoreRun) -> Peer:
    """Who sees what the others do."""
    return run.login("bob", "")


def seen(peer: Peer) -> list[str]:
    return [line.split(" ", 1)[1] for line in peer.take() if line.startswith(":ada!")]


def test_arrival_and_departure_are_shown_once_however_many_sessions_there_are(run: CoreRun, bob: Peer) -> None:
    first, second = (run.connect_as("ada") for _ in range(2))
    assert seen(bob) == ["JOIN #lobby"]
    run.say(first, "QUIT :one of two")
    assert seen(bob) == []
    run.say(second, "QUIT :the last")
    assert seen(bob) == ["QUIT :Quit: the last"]


def test_who_loses_the_connection_and_comes_back_in_time_has_never_been_gone(run: CoreRun, bob: Peer) -> None:
    ada = run.login("ada")
    run.say(ada, "AWAY :lunch")
    run.lose(ada)
    run.pass_(4.9)
    assert "ada" in names(run, bob)
    run.connect_as("ada")
    run.pass_(60)
    assert seen(bob) == []


def test_who_does_not_come_back_in_time_is_gone(run: CoreRun, bob: Peer) -> None:
    run.lose(run.login("ada"))
    run.pass_(5)
    assert seen(bob) == ["QUIT :closed by the peer"]
    assert "ada" not in names(run, bob)


def test_a_clock_set_back_keeps_nobody_present_who_is_lost(run: CoreRun, bob: Peer) -> None:
    run.lose(run.login("ada"))
    run.now -= 3600
    run.pass_(0)
    assert seen(bob) == ["QUIT :closed by the peer"]


def test_an_account_that_is_deleted_while_its_person_may_yet_come_back_is_gone_at_once(run: CoreRun, bob: Peer) -> None:
    run.lose(run.login("ada"))
    run.accounts.delete("ada")
    run.look()
    assert seen(bob) == ["QUIT :this account was deleted"]
    run.pass_(60)
    assert seen(bob) == []


def test_a_person_is_away_when_every_session_is(run: CoreRun, bob: Peer) -> None:
    first, second = run.login("ada"), run.login("ada")
    run.say(first, "AWAY :lunch")
    assert away(run, bob) == []
    run.say(second, "AWAY :a walk")
    assert away(run, bob) == [":localhost 301 bob ada :a walk"]
    run.say(first, "AWAY :lunch again")
    assert away(run, bob) == [":localhost 301 bob ada :lunch again"]
    run.say(first, "QUIT")
    assert away(run, bob) == [":localhost 301 bob ada :lunch again"]
    run.login("ada")
    assert away(run, bob) == []


def names(run: CoreRun, asker: Peer) -> str:
    asker.take()
    run.say(asker, "NAMES #lobby")
    return asker.take()[0]


def away(run: CoreRun, asker: Peer) -> list[str]:
    asker.take()
    run.say(asker, "PRIVMSG ada :are you there?")
    return asker.take()
