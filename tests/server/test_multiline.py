"""Messages of several lines: one message for who knows them, lines for who does not, one entry in the store."""

from __future__ import annotations

import re

import pytest

from securechat.protocol.capabilities import MULTILINE_BYTES, MULTILINE_LINES
from securechat.server.multiline import event
from tests.core import CoreRun, Peer, plain

CAPS = "message-tags server-time batch"
SAID = (
    "BATCH +1 draft/multiline #lobby",
    "@batch=1 PRIVMSG #lobby :first",
    "@batch=1 PRIVMSG #lobby :",
    "@batch=1 PRIVMSG #lobby :how is ",
    "@batch=1;draft/multiline-concat PRIVMSG #lobby :everyone?",
    "BATCH -1",
)
TEXT = "first\n\nhow is \reveryone?"
TIME = re.compile(r"time=[^; ]+")
REFERENCE = re.compile(r"(?<=[+=-])[A-Za-z0-9-]{20}(?=[; ]|$)")


def timeless(peer: Peer) -> list[str]:
    lines = (TIME.sub("time=?", line) for line in plain(peer.take()))
    return [REFERENCE.sub("REF", line.replace("!ada@u1.securechat", "")) for line in lines]


def test_an_event_of_one_line_is_an_ordinary_one() -> None:
    assert event(":ada PRIVMSG #a", "x", 0, "id", "ada", "").encode(0) == b":ada PRIVMSG #a :x\r\n"


def test_who_knows_multiline_gets_a_batch_and_the_others_get_lines(run: CoreRun) -> None:
    ada = run.login("ada")
    knows, tags, old = run.login("bob", f"{CAPS} draft/multiline"), run.login("cyd", CAPS), run.login("dot", "")
    run.say(ada, *SAID)
    assert timeless(knows) == [
        "@time=?;msgid=? :ada BATCH +REF draft/multiline #lobby",
        "@batch=REF :ada PRIVMSG #lobby :first",
        "@batch=REF :ada PRIVMSG #lobby :",
        "@batch=REF :ada PRIVMSG #lobby :how is ",
        "@batch=REF;draft/multiline-concat :ada PRIVMSG #lobby :everyone?",
        ":ada BATCH -REF",
    ]
    assert timeless(tags) == [
        "@time=?;msgid=? :ada PRIVMSG #lobby :first",
        "@time=? :ada PRIVMSG #lobby :how is ",
        "@time=? :ada PRIVMSG #lobby :everyone?",
    ]
    assert timeless(old) == [f":ada PRIVMSG #lobby :{text}" for text in ("first", "how is ", "everyone?")]
    assert run.texts() == [TEXT]


def test_the_echo_carries_the_label_of_the_opening(run: CoreRun) -> None:
    ada = run.login("ada")
    run.say(ada, f"@label=x;+a/b=c {SAID[0]}", *SAID[1:])
    opening, *_, closing = ada.take()
    assert re.fullmatch(
        r"@label=x;time=.*;account=ada;msgid=.*;\+a/b=c :ada!\S+ BATCH \+1 draft/multiline #lobby", opening
    )
    assert re.fullmatch(r":ada!\S+ BATCH -1", closing)


def test_history_gives_it_back_as_it_was_said(run: CoreRun) -> None:
    ada, old = run.login("ada"), run.login("bob", "message-tags")
    run.say(ada, *SAID)
    for peer in (ada, old):
        peer.take()
        run.say(peer, "CHATHISTORY LATEST #lobby * 5")
    assert timeless(ada) == [
        ":localhost BATCH +1 chathistory #lobby",
        "@batch=1;time=?;account=ada;msgid=? :ada BATCH +2 draft/multiline #lobby",
        "@batch=2 :ada PRIVMSG #lobby :first",
        "@batch=2 :ada PRIVMSG #lobby :",
        "@batch=2 :ada PRIVMSG #lobby :how is ",
        "@batch=2;draft/multiline-concat :ada PRIVMSG #lobby :everyone?",
        "@batch=1 :ada BATCH -2",
        ":localhost BATCH -1",
    ]
    assert timeless(old) == [
        "@msgid=? :ada PRIVMSG #lobby :first",
        ":ada PRIVMSG #lobby :how is ",
        ":ada PRIVMSG #lobby :everyone?",
    ]


def test_a_direct_message_of_several_lines_arrives(run: CoreRun) -> None:
    ada, bob = run.login("ada"), run.login("bob", "")
    run.say(ada, *(line.replace("#lobby", "bob") for line in SAID))
    assert timeless(bob) == [f":ada PRIVMSG bob :{text}" for text in ("first", "how is ", "everyone?")]


def test_a_named_batch_is_sent_once(run: CoreRun) -> None:
    ada, bob = run.login("ada"), run.login("bob", "")
    for label in "12":
        run.say(ada, f"@label={label};+securechat/id=m {SAID[0]}", *SAID[1:])
    assert len(timeless(bob)) == 3
    echoes = [line for line in ada.take() if " BATCH +" in line]
    assert [line.partition(";")[0] for line in echoes] == ["@label=1", "@label=2"]
    assert len({re.search("msgid=([^ ;]+)", line)[1] for line in echoes}) == 1  # type: ignore[index]


OPEN = "BATCH +1 draft/multiline #lobby"
LINE = "@batch=1 PRIVMSG #lobby :x"
FAULTS = {
    ("@batch=2 PRIVMSG #lobby :x",): "MULTILINE_INVALID",
    (LINE, "@batch=1 NOTICE #lobby :x"): "MULTILINE_INVALID",
    ("@batch=1 TAGMSG #lobby",): "MULTILINE_INVALID",
    ("@batch=1 PRIVMSG #lobby",): "MULTILINE_INVALID",
    ("@batch=1 PRIVMSG #other :x",): "MULTILINE_INVALID_TARGET #lobby #other",
    (LINE, "@batch=1;draft/multiline-concat PRIVMSG #lobby :"): "MULTILINE_INVALID",
    ("@batch=1;draft/multiline-concat PRIVMSG #lobby :x",): "MULTILINE_INVALID",
    ("BATCH -1",): "MULTILINE_INVALID",
    ("@batch=1 PRIVMSG #lobby :", "BATCH -1"): "MULTILINE_INVALID",
    ("BATCH +2 draft/multiline #lobby",): "MULTILINE_INVALID",
    (LINE,) * (MULTILINE_LINES + 1): f"MULTILINE_MAX_LINES {MULTILINE_LINES}",
    ("@batch=1 PRIVMSG #lobby :" + "x" * 400,) * 21: f"MULTILINE_MAX_BYTES {MULTILINE_BYTES}",
}


@pytest.mark.parametrize("lines", FAULTS, ids=lambda lines: lines[-1][:60])
def test_a_batch_that_is_not_as_it_must_be_is_refused_once_and_sent_never(run: CoreRun, lines: tuple[str, ...]) -> None:
    ada, bob = run.login("ada"), run.login("bob", "")
    run.say(ada, OPEN, *lines)
    (line,) = ada.take()
    assert re.match(rf":localhost FAIL BATCH {FAULTS[lines]} :", line)
    run.say(ada, LINE)
    if lines[-1] != "BATCH -1":
        assert ada.take() == []
        run.say(ada, "BATCH -1")
        assert ada.take() == []
    assert bob.take() == []
    run.say(ada, OPEN, LINE, "BATCH -1")
    assert len(bob.take()) == 1


def test_a_line_too_long_to_be_relayed_refuses_the_whole(run: CoreRun) -> None:
    ada, bob = run.login("ada"), run.login("bob", "")
    run.say(ada, OPEN, LINE, "@batch=1 PRIVMSG #lobby :" + "x" * 480, "BATCH -1")
    assert " 417 " in ada.take()[0]
    assert bob.take() == []


def test_a_batch_that_stays_open_for_too_long_is_given_up(run: CoreRun) -> None:
    ada = run.login("ada")
    run.say(ada, OPEN)
    run.now += 61
    run.say(ada, LINE)
    assert " FAIL BATCH TIMEOUT 1 :" in ada.take()[0]
