"""Private channels leak through no command: each way to read, for each kind of person who may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.core import CoreRun, Peer

HIDDEN, MISSING = "#hidden", "#misdeed"  # of one length; the second does not exist
SECRETS = ("a secret topic", "a secret text", "sesame", "999", "*!*@secretmask", "ada")

# What asks about a channel by its name: answered as if there were none.
BY_NAME = (
    "TOPIC {}",
    "TOPIC {} :mine",
    "NAMES {}",
    "LIST {}",
    "WHO {}",
    "WHO {} %cnfar",
    "MODE {}",
    "MODE {} b",
    "MODE {} e",
    "MODE {} I",
    "MODE {} +o dot",
    "INVITE dot {}",
    "KICK {} cyd",
    "PART {}",
    "PRIVMSG {} :hello",
    "NOTICE {} :hello",
    "@+typing=active TAGMSG {}",
    "PRIVMSG @{} :hello",
    "NOTICE +{} :hello",
    "CHATHISTORY LATEST {} * 10",
    "CHATHISTORY AROUND {} timestamp=2026-01-01T00:00:00.000Z 10",
    "SEARCH in={}",
    "SEARCH in={};text=secret;from=ada",
    "MONITOR + {}",
    "WHOIS {}",
    "WHOWAS {}",
    "USERHOST {}",
    "ISON {}",
    "HELP {}",
)
# What does not name a channel: the hidden one is not mentioned.
ALL_THE_SAME = (
    *("LIST", "NAMES", "WHO *", "WHO * %cnfar", "WHO cy?", "WHOIS cyd", "WHOIS ada", "WHOWAS cyd"),
    "CHATHISTORY TARGETS timestamp=2020-01-01T00:00:00.000Z timestamp=2040-01-01T00:00:00.000Z 50",
    *("SEARCH text=secret", "SEARCH from=ada", "SEARCH limit=100"),
)


@pytest.fixture
def run_with_hidden(run: CoreRun) -> CoreRun:
    """#hidden is secret; ada (its operator), cyd, dot and bob were members, and dot has left."""
    people = {name: run.login(name) for name in ("ada", "cyd", "dot", "bob")}
    for name in people:
        run.say(people[name], f"JOIN {HIDDEN}")
    run.say(people["dot"], f"PART {HIDDEN}")
    run.say(people["ada"], f"MODE {HIDDEN} +skl-n sesame 999", f"MODE {HIDDEN} +eI *!*@secretmask *!*@secretmask")
    run.say(people["ada"], f"TOPIC {HIDDEN} :a secret topic", f"PRIVMSG {HIDDEN} :a secret text")
    run.accounts.add("eve", b"")
    run.look()
    for peer in people.values():
        peer.take()
    return run


def stranger(run: CoreRun) -> Peer:
    """Like everybody it shares the lobby with the members, and may so know who they are."""
    return next(peer for peer in run.peers if peer.session.nick == "dot")


def banned(run: CoreRun) -> Peer:
    ada, bob = (next(peer for peer in run.peers if peer.session.nick == name) for name in ("ada", "bob"))
    run.say(ada, f"MODE {HIDDEN} +b bob")
    bob.take()
    return bob


def answers(run: CoreRun, peer: Peer, line: str) -> list[str]:
    """Without what is random or passes."""
    run.say(peer, line)
    return [one.partition(" :")[0] if "BATCH" in one else one for one in peer.take()]


@pytest.mark.parametrize("line", BY_NAME)
def test_a_hidden_channel_is_answered_like_none_to_who_is_no_member(line: str, run_with_hidden: CoreRun) -> None:
    """dot is an ex-member, which is no more than a stranger."""
    peer = stranger(run_with_hidden)
    missing = answers(run_with_hidden, peer, line.format(MISSING))
    hidden = answers(run_with_hidden, peer, line.format(HIDDEN))
    assert [one.replace(HIDDEN, MISSING) for one in hidden] == missing


@pytest.mark.parametrize("kind", [stranger, banned])
@pytest.mark.parametrize("line", ALL_THE_SAME)
def test_a_hidden_channel_is_not_mentioned(
    line: str, kind: Callable[[CoreRun], Peer], run_with_hidden: CoreRun
) -> None:
    told = answers(run_with_hidden, kind(run_with_hidden), line)
    assert told
    assert not [one for one in told if HIDDEN in one]


@pytest.mark.parametrize("line", [line for line in BY_NAME if "PART" not in line])
def test_a_member_who_is_banned_learns_nothing_from_it(line: str, run_with_hidden: CoreRun) -> None:
    peer = banned(run_with_hidden)
    told = answers(run_with_hidden, peer, line.format(HIDDEN))
    assert not [one for one in told for secret in SECRETS if secret in one.split(" ", 2)[2]]


def test_a_member_who_is_banned_hears_nothing_and_is_told_nothing_at_a_login(run_with_hidden: CoreRun) -> None:
    run = run_with_hidden
    bob, ada = banned(run), next(peer for peer in run.peers if peer.session.nick == "ada")
    run.say(ada, f"PRIVMSG {HIDDEN} :more", f"TOPIC {HIDDEN} :other", f"MODE {HIDDEN} +i", f"PRIVMSG +{HIDDEN} :x")
    assert bob.take() == []
    again = run.connect_as("bob", "")
    burst = [line for line in again.take() if HIDDEN in line]
    assert burst == [
        f":bob!bob@u2.securechat JOIN {HIDDEN}",
        f":localhost 366 bob {HIDDEN} :End of NAMES list",
    ]


def test_a_member_who_is_banned_may_still_leave(run_with_hidden: CoreRun) -> None:
    run = run_with_hidden
    bob = banned(run)
    run.say(bob, f"PART {HIDDEN}")
    assert f" PART {HIDDEN}" in bob.take()[0]


@pytest.mark.parametrize(
    "line", ["TOPIC {}", "NAMES {}", "LIST {}", "WHO {}", "MODE {}", "CHATHISTORY LATEST {} * 10", "SEARCH in={}"]
)
def test_a_member_reads_it_all(line: str, run_with_hidden: CoreRun) -> None:
    """So that the tests above would notice an empty answer."""
    cyd = next(peer for peer in run_with_hidden.peers if peer.session.nick == "cyd")
    told = answers(run_with_hidden, cyd, line.format(HIDDEN))
    assert [one for one in told if HIDDEN in one and any(secret in one for secret in SECRETS)]


def test_a_banned_member_of_an_open_channel_is_told_as_much_as_a_stranger(run: CoreRun) -> None:
    ada, bob = run.login("ada", ""), run.login("bob", "")
    for peer in (ada, bob):
        run.say(peer, "JOIN #open")
    run.say(ada, "TOPIC #open :everybody's", "MODE #open +b bob")
    bob.take()
    run.say(bob, "TOPIC #open", "LIST #open", "INVITE cyd #open")
    assert [line.split()[1] for line in bob.take()] == ["442", "321", "322", "323", "442"]
