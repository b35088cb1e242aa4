"""MONITOR: who is told of whom, when, and for how long."""

from __future__ import annotations

from securechat.server.isupport import MONITORED
from tests.core import HASH, CoreRun, Peer
from tests.running import PASSWORD


def numerics(peer: Peer) -> list[str]:
    return [line.split(" ", 1)[1] for line in peer.take() if line.split()[1] in ("730", "731")]


def test_a_watched_person_comes_with_the_first_session_and_goes_with_the_last(run: CoreRun) -> None:
    bob = run.login("bob", "")
    run.say(bob, "MONITOR + dot")
    assert numerics(bob) == ["731 bob dot"]
    first, second = run.connect_as("dot"), run.connect_as("dot")
    assert numerics(bob) == ["730 * dot!dot@u4.securechat"]
    run.say(first, "QUIT")
    assert numerics(bob) == []
    run.say(second, "QUIT")
    assert numerics(bob) == ["731 * dot"]


def test_who_loses_the_connection_is_gone_only_if_it_does_not_come_back(run: CoreRun) -> None:
    bob = run.login("bob", "")
    run.say(bob, "MONITOR + dot")
    dot = run.login("dot")
    run.lose(dot)
    run.pass_(4)
    dot = run.login("dot")
    assert numerics(bob) == []
    run.drop(dot)
    assert numerics(bob) == ["731 * dot"]


def test_a_name_is_watched_before_it_is_an_account(run: CoreRun) -> None:
    """Nor does the answer tell whether it is one."""
    bob = run.login("bob", "")
    run.say(bob, "MONITOR + Fay,dot")
    assert numerics(bob) == ["731 bob Fay,dot"]
    run.accounts.add("fay", HASH)
    run.look()
    fay = run.connect_as("fay")
    assert numerics(bob) == ["730 * fay!fay@u5.securechat"]
    run.say(fay, "QUIT")
    assert numerics(bob) == ["731 * fay"]


def test_a_change_of_letter_case_is_no_coming_and_going(run: CoreRun) -> None:
    bob, dot = run.login("bob", ""), run.login("dot")
    run.say(bob, "MONITOR + dot")
    bob.take()
    run.say(dot, "NICK DOT")
    assert numerics(bob) == []
    run.say(dot, "QUIT")
    assert numerics(bob) == ["731 * DOT"]


def test_a_session_that_ends_is_told_of_nobody_any_more(run: CoreRun) -> None:
    bob, also_bob = run.login("bob", ""), run.login("bob", "")
    run.say(bob, "MONITOR + dot,cyd")
    run.say(also_bob, "MONITOR + dot")
    run.lose(bob)
    dot = run.core.directory.names["dot"]
    assert run.core.directory.watchers == {"dot": (also_bob.session,)}
    run.say(also_bob, "MONITOR - DOT,cyd,dot")
    assert not run.core.directory.watchers
    assert not dot.present


def test_the_list_is_bounded_and_what_is_in_it_stays(run: CoreRun) -> None:
    bob = run.login("bob", "")
    names = [f"n{number}" for number in range(MONITORED + 3)]
    run.say(bob, "MONITOR + " + ",".join(names[:60]), "MONITOR + " + ",".join(names[60:]))
    assert bob.take()[1:] == [
        f":localhost 734 bob {MONITORED} n100,n101,n102 :Monitor list is full",
        ":localhost 731 bob " + ",".join(names[60:MONITORED]),
    ]
    run.say(bob, "MONITOR + n1,n2")  # which it has
    assert numerics(bob) == ["731 bob n1,n2"]


def test_long_lists_are_told_in_lines_that_fit(run: CoreRun) -> None:
    bob = run.login("bob", "")
    names = ["n" * 20 + str(number) for number in range(80)]
    for first in range(0, 80, 20):
        run.say(bob, "MONITOR + " + ",".join(names[first : first + 20]))
    bob.take()
    run.say(bob, "MONITOR L")
    *lists, end = bob.take()
    assert ",".join(line.rpartition(" ")[2] for line in lists).split(",") == names
    assert all(len(line) + 2 <= 512 for line in lists)
    assert " 733 " in end


def test_news_of_a_watched_person_is_no_part_of_a_labelled_answer(run: CoreRun) -> None:
    ada, _dot = run.login("ada"), run.login("dot")
    run.say(ada, "MONITOR + dot", f"OPER ada :{PASSWORD}")
    ada.take()
    run.say(ada, "@label=7 KILL dot")
    lines = ada.take()
    assert [line for line in lines if "label=7" in line] == ["@label=7 :localhost ACK"]
    assert [line for line in lines if line.endswith(" 731 * dot")]


def test_a_failed_turn_leaves_no_watcher_behind(run: CoreRun) -> None:
    bob = run.login("bob", "")
    before = run.state()
    run.writer.outcomes.append("failed")
    run.queue(bob, "MONITOR + dot", "PRIVMSG #lobby :lost", "MONITOR C")
    run.run()
    assert run.state() == before
