"""Messages to a channel's operators or voices: who gets them, and that they are not stored."""

from __future__ import annotations

import pytest

from tests.core import CoreRun, Peer


@pytest.fixture
def lab(run: CoreRun) -> dict[str, Peer]:
    """In #lab bob is operator, cyd has voice, dot is a plain member and ada is none."""
    people = {name: run.login(name, "") for name in ("ada", "bob", "cyd", "dot")}
    for name in ("bob", "cyd", "dot"):
        run.say(people[name], "JOIN #lab")
    run.say(people["bob"], "MODE #lab +v cyd")
    for peer in people.values():
        peer.take()
    return people


def heard(people: dict[str, Peer]) -> dict[str, list[str]]:
    told = {name: [line.split(" ", 1)[1] for line in peer.take()] for name, peer in people.items()}
    return {name: lines for name, lines in told.items() if lines}


def test_the_mark_says_who_gets_it(run: CoreRun, lab: dict[str, Peer]) -> None:
    run.say(lab["dot"], "PRIVMSG @#LAB :to you")
    assert heard(lab) == {"bob": ["PRIVMSG @#lab :to you"]}
    run.say(lab["dot"], "NOTICE +#lab :to both")
    assert heard(lab) == {name: ["NOTICE +#lab :to both"] for name in ("bob", "cyd")}
    run.say(lab["bob"], "PRIVMSG @#lab :to nobody else")
    assert heard(lab) == {}


def test_it_is_not_stored(run: CoreRun, lab: dict[str, Peer]) -> None:
    run.say(lab["bob"], "PRIVMSG @#lab :for operators", "PRIVMSG #lab :for all")
    assert run.texts("#lab")[-1] == "for all"
    assert "for operators" not in run.texts("#lab")
    assert "for operators" not in run.texts("@#lab")


def test_the_sender_s_other_sessions_see_it_and_the_echo_is_the_sender_s(run: CoreRun, lab: dict[str, Peer]) -> None:
    also_dot = run.login("dot")
    heard(lab)
    run.say(also_dot, "@label=1 PRIVMSG @#lab :to you")
    assert " PRIVMSG @#lab :to you" in also_dot.take()[0]
    assert heard(lab) == {name: ["PRIVMSG @#lab :to you"] for name in ("bob", "dot")}


def test_who_may_not_speak_or_read_is_left_out(run: CoreRun, lab: dict[str, Peer]) -> None:
    run.say(lab["ada"], "PRIVMSG @#lab :let me in")
    assert heard(lab) == {"ada": ["404 ada #lab :Cannot send to channel"]}
    run.say(lab["bob"], "MODE #lab +b cyd")
    heard(lab)
    run.say(lab["cyd"], "PRIVMSG @#lab :why")
    assert heard(lab) == {"cyd": ["404 cyd #lab :Cannot send to channel"]}
    run.say(lab["dot"], "PRIVMSG +#lab :without him")
    assert heard(lab) == {"bob": ["PRIVMSG +#lab :without him"]}


def test_a_text_that_does_not_fit_is_refused(run: CoreRun, lab: dict[str, Peer]) -> None:
    room = 512 - 2 - len(":dot!dot@u4.securechat PRIVMSG @#lab :")
    run.say(lab["dot"], "PRIVMSG @#lab :" + "x" * room)
    assert list(heard(lab)) == ["bob"]
    run.say(lab["dot"], "PRIVMSG @#lab :" + "x" * (room + 1))
    assert heard(lab) == {"dot": ["417 dot :Input line was too long"]}


def test_tags_alone_reach_those_who_read_tags(run: CoreRun, lab: dict[str, Peer]) -> None:
    reader = run.login("bob", "message-tags")
    writer = run.login("dot", "message-tags")
    heard(lab)
    run.say(writer, "@+typing=active TAGMSG @#lab")
    assert reader.take()[0].endswith(" TAGMSG @#lab")
    assert heard(lab) == {}
