"""OPER and KILL: who may, for how long, and what the others see."""

from __future__ import annotations

import pytest

from tests.core import HASH, CoreRun, Peer
from tests.running import PASSWORD

OPER = f"OPER ada :{PASSWORD}"


def commands(peer: Peer) -> list[str]:
    return [line.split()[1] for line in peer.take()]


@pytest.fixture
def bob(run: CoreRun) -> Peer:
    """A member who is an operator as ada, by her password."""
    bob = run.login("bob", "")
    run.say(bob, OPER)
    assert bob.take() == [
        ":localhost 381 bob :You are now an IRC operator",
        ":bob!bob@u2.securechat MODE bob +o",
    ]
    return bob


@pytest.mark.parametrize(
    ("said", "numeric"),
    [
        (f"OPER cyd :{PASSWORD}", "491"),
        ("OPER ada wrong", "464"),
        ("OPER nobody wrong", "464"),
        ("OPER cyd wrong", "464"),
    ],
)
def test_a_refusal_tells_of_the_account_only_to_who_knows_its_password(said: str, numeric: str, run: CoreRun) -> None:
    bob = run.login("bob", "")
    run.say(bob, said, "KILL cyd :x")
    assert commands(bob) == [numeric, "481"]


def test_a_suspended_administrator_s_password_is_worth_nothing(run: CoreRun) -> None:
    bob = run.login("bob", "")
    run.accounts.suspend("ada")
    run.look()
    run.say(bob, OPER)
    assert commands(bob) == ["464"]


@pytest.mark.parametrize("change", ["suspend", "set_password", "set_role", "delete"])
def test_an_operator_is_one_as_long_as_the_administrator_is(change: str, bob: Peer, run: CoreRun) -> None:
    more = {"set_password": (HASH,), "set_role": ("member",)}.get(change, ())
    getattr(run.accounts, change)("ada", *more)
    run.look()
    bob.take()
    run.say(bob, "KILL cyd :x", "MODE bob", "WHO bob %f", "LUSERS")
    lines = bob.take()
    assert ":localhost 252 bob 0 :operators online" in lines
    assert lines[:3] == [
        ":localhost 481 bob :Permission denied: you're not an IRC operator",
        ":localhost 221 bob +",
        ":localhost 354 bob H",
    ]


def test_an_operator_is_shown_as_one_until_the_session_ends_or_gives_it_up(bob: Peer, run: CoreRun) -> None:
    cyd, also_bob = run.login("cyd", ""), run.login("bob", "")
    assert flags(run, cyd) == "H*"
    run.say(also_bob, "KILL cyd :x")
    assert commands(also_bob) == ["481"]
    run.say(bob, "MODE bob -o")
    assert bob.take()[-1] == ":bob!bob@u2.securechat MODE bob -o"
    assert flags(run, cyd) == "H"
    run.say(bob, OPER)
    run.say(bob, "QUIT")
    assert flags(run, cyd) == "H"
    assert not run.core.directory.opers


def flags(run: CoreRun, peer: Peer) -> str:
    peer.take()
    run.say(peer, "WHO bob %f")
    return peer.take()[0].split()[-1]


def test_a_kill_ends_all_sessions_of_the_person_and_is_shown_once(bob: Peer, run: CoreRun) -> None:
    first, second, dot = run.login("cyd", ""), run.login("cyd", ""), run.login("dot", "")
    run.say(bob, "KILL CYD :enough of it")
    assert first.closed == second.closed == "Killed by bob: enough of it"
    assert second.take() == ["ERROR :Killed by bob: enough of it"]
    assert dot.take() == [":cyd!cyd@u3.securechat QUIT :Killed by bob: enough of it"]
    assert commands(bob) == ["QUIT"]
    run.login("cyd")  # to keep somebody out, suspend the account


def test_who_may_yet_come_back_is_gone_by_a_kill(bob: Peer, run: CoreRun) -> None:
    dot = run.login("dot", "")
    run.lose(run.login("cyd"))
    run.say(bob, "KILL cyd")
    assert dot.take() == [":cyd!cyd@u3.securechat QUIT :Killed by bob: no reason given"]


def test_an_operator_may_kill_himself(bob: Peer, run: CoreRun) -> None:
    run.say(bob, "KILL bob :so be it", "PING x")
    assert bob.take() == ["ERROR :Killed by bob: so be it"]


def test_a_reason_is_cut_to_what_fits(bob: Peer, run: CoreRun) -> None:
    cyd, dot = run.login("cyd", ""), run.login("dot", "")
    run.say(bob, "KILL cyd :" + "é" * 200)
    assert len(dot.take()[0].encode()) + 2 <= 512
    assert len(cyd.take()[0].encode()) + 2 <= 512
