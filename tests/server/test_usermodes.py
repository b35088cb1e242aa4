"""MODE of oneself: bots say what they are."""

from __future__ import annotations

import pytest

from tests.core import CoreRun


def test_what_a_bot_says_carries_the_tag_for_those_who_read_tags(run: CoreRun) -> None:
    ada, cyd, bob = run.login("ada", "message-tags"), run.login("cyd", ""), run.login("bob")
    run.say(bob, "MODE bob +B")
    bob.take()
    run.say(bob, "PRIVMSG #lobby :beep", "TOPIC #lobby :x", "PRIVMSG ada :boop")
    tags = [line.split(" ")[0].split(";") for line in ada.take()]
    assert ["bot" in words for words in tags] == [True, True]
    assert not [line for line in cyd.take() if "bot" in line.split(" ")[0]]
    assert ";bot " in bob.take()[0]
    assert run.texts() == ["beep"]
    run.say(bob, "MODE bob -B")
    ada.take()
    run.say(bob, "PRIVMSG #lobby :by hand")
    assert "bot" not in ada.take()[0].split(" ")[0].split(";")


def test_a_bot_is_one_in_all_its_sessions_until_it_leaves(run: CoreRun) -> None:
    bob, also_bob = run.login("bob", ""), run.login("bob", "")
    run.say(bob, "MODE bob +B", "MODE bob +B")
    assert bob.take() == [":bob!bob@u2.securechat MODE bob +B", ":localhost 221 bob +B"]
    assert also_bob.take() == [":bob!bob@u2.securechat MODE bob +B"]
    for peer in (bob, also_bob):
        run.say(peer, "QUIT")
    bob = run.login("bob", "")
    run.say(bob, "MODE bob")
    assert bob.take() == [":localhost 221 bob +"]


@pytest.mark.parametrize(
    ("letters", "answers"),
    [
        ("+i", ["221 bob +"]),
        ("-i", ["221 bob +"]),
        ("+o", ["221 bob +"]),
        ("-o", ["221 bob +"]),
        ("+B-B", ["221 bob +"]),
        ("-B+B", ["MODE bob +B"]),
        ("+Bx", ["MODE bob +B", "501 bob :Unknown mode flag"]),
        ("+xyz" * 50, ["501 bob :Unknown mode flag"]),
        ("+", ["221 bob +"]),
    ],
)
def test_the_last_word_on_a_mode_counts(letters: str, answers: list[str], run: CoreRun) -> None:
    bob = run.login("bob", "")
    run.say(bob, f"MODE BOB {letters}")
    assert [line.split(" ", 1)[1] for line in bob.take()] == answers
