"""What others are told of a person without asking: away-notify, setname, account-notify, invite-notify."""

from __future__ import annotations

import pytest

from tests.core import CoreRun, Peer

NOTIFY = "away-notify setname account-notify invite-notify"


def shown(peer: Peer, command: str) -> list[str]:
    """Lines of this command, without tags."""
    lines = [line.split(" ", 1)[1] if line.startswith("@") else line for line in peer.take()]
    return [line for line in lines if line.split()[1] == command]


def test_away_is_told_to_those_who_share_a_channel_and_asked_for_it_each_once(run: CoreRun) -> None:
    ada, bob, cyd = run.login("ada", NOTIFY), run.login("bob", NOTIFY), run.login("cyd", "")
    for peer in (ada, bob):
        run.say(peer, "JOIN #lab")
        peer.take()
    ada.take()
    run.say(bob, "AWAY :lunch")
    assert shown(ada, "AWAY") == [":bob!bob@u2.securechat AWAY :lunch"]
    assert shown(bob, "AWAY") == []
    assert shown(cyd, "AWAY") == []
    run.say(bob, "AWAY")
    assert shown(ada, "AWAY") == [":bob!bob@u2.securechat AWAY"]


def test_away_is_told_when_the_person_is_and_not_for_each_session(run: CoreRun) -> None:
    ada, first, second = run.login("ada", NOTIFY), run.login("bob"), run.login("bob")
    run.say(first, "AWAY :lunch")
    assert shown(ada, "AWAY") == []
    run.say(second, "QUIT")  # the one that was here
    assert shown(ada, "AWAY") == [":bob!bob@u2.securechat AWAY :lunch"]
    run.connect_as("bob")
    assert shown(ada, "AWAY") == [":bob!bob@u2.securechat AWAY"]


def test_who_joins_while_away_is_shown_to_be(run: CoreRun) -> None:
    ada, bob = run.login("ada", NOTIFY), run.login("bob")
    run.say(ada, "JOIN #lab")
    run.say(bob, "AWAY :lunch")
    ada.take(), bob.take()
    run.say(bob, "JOIN #lab")
    assert shown(ada, "AWAY") == [":bob!bob@u2.securechat AWAY :lunch"]
    assert shown(bob, "AWAY") == []


def test_who_arrives_in_the_quiet_time_and_is_away_by_then_is_shown_to_be(run: CoreRun) -> None:
    run.now = run.core.started
    ada, bob = run.login("ada", NOTIFY), run.login("bob")
    run.say(bob, "AWAY :lunch")
    run.pass_(1)
    last = ada.take()[-1]
    assert last.endswith(" AWAY :lunch")


@pytest.mark.parametrize(
    ("said", "command", "capability"),
    [("AWAY :lunch", "AWAY", "away-notify"), ("SETNAME :A name", "SETNAME", "setname")],
)
def test_with_extended_monitor_a_watcher_sees_what_those_in_a_channel_see(
    said: str, command: str, capability: str, run: CoreRun
) -> None:
    both, one, other = (
        run.login("ada", caps) for caps in (f"extended-monitor {capability}", "extended-monitor", capability)
    )
    bob = run.login("bob")
    for peer in (both, one, other):
        run.say(peer, "PART #lobby", "MONITOR + bob")
    for peer in (both, one, other):
        peer.take()
    run.say(bob, said)
    assert [len(shown(peer, command)) for peer in (both, one, other)] == [1, 0, 0]


def test_a_watcher_who_shares_a_channel_is_told_once(run: CoreRun) -> None:
    ada, bob = run.login("ada", f"extended-monitor {NOTIFY}"), run.login("bob")
    run.say(ada, "MONITOR + bob")
    run.say(bob, "SETNAME :A name")
    assert len(shown(ada, "SETNAME")) == 1


def test_a_new_real_name_is_every_session_s_and_shown_to_who_knows_it(run: CoreRun) -> None:
    ada, bob, also_bob, old = run.login("ada"), run.login("bob"), run.login("bob"), run.login("bob", "")
    run.say(bob, "SETNAME :Robert B.")
    for peer in (ada, bob, also_bob):
        assert shown(peer, "SETNAME") == [":bob!bob@u2.securechat SETNAME :Robert B."]
    assert old.take() == []
    run.say(old, "SETNAME Bob")  # without the capability it is done without a word
    assert old.take() == []
    assert shown(also_bob, "SETNAME") == [":bob!bob@u2.securechat SETNAME :Bob"]
    run.say(ada, "WHOIS bob")
    assert shown(ada, "311") == [":localhost 311 ada bob bob u2.securechat * Bob"]


def test_another_spelling_of_the_account_is_told_behind_that_of_the_nick(run: CoreRun) -> None:
    ada, bob = run.login("ada"), run.login("bob", "account-notify")
    run.say(ada, "@label=1 NICK AdA")
    for peer in (ada, bob):
        lines = [line for line in peer.take() if " NICK " in line or " ACCOUNT " in line]
        assert [line.split("!")[1].split(" ", 1)[1] for line in lines] == ["NICK AdA", "ACCOUNT AdA"]


def test_an_invitation_is_told_to_the_channel_s_members_who_asked_for_it(run: CoreRun) -> None:
    ada, bob, cyd, dot = run.login("ada", NOTIFY), run.login("bob", NOTIFY), run.login("cyd", ""), run.login("dot", "")
    for peer in (ada, bob, cyd):
        run.say(peer, "JOIN #lab")
    for peer in (ada, bob, cyd, dot):
        peer.take()
    run.say(ada, "INVITE dot #lab")
    line = ":ada!ada@u1.securechat INVITE dot #lab"
    assert [shown(peer, "INVITE") for peer in (ada, bob, cyd, dot)] == [[], [line], [], [line]]


def test_no_implicit_names_takes_the_names_out_of_joins_and_bursts_alone(run: CoreRun) -> None:
    ada = run.connect_as("ada", "no-implicit-names")
    run.say(ada, "JOIN #lab")
    assert not [line for line in ada.take() if line.split()[1] in ("353", "366")]
    run.say(ada, "NAMES #lab")
    assert [line.split()[1] for line in ada.take()] == ["353", "366"]
