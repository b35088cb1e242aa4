"""Messages of several lines: whatever batch they come in, a face is told of one message."""

from __future__ import annotations

import pytest

from securechat.client.events import Acknowledged, Entered, Kind, Missed, Said
from securechat.client.multiline import MOST_CHARACTERS, MOST_LINES
from securechat.protocol.message import ProtocolError
from tests.client.conftest import ECHO, Script

AT = "time=2026-03-01T10:00:00.000Z"
BOB = ":bob!b@h"


def batch(*texts: str, opening: str = "", reference: str = "m", command: str = "PRIVMSG") -> list[str]:
    """The lines of one; a text that begins with `+` goes on where the one before ended."""
    tags = f"@{opening} " if opening else ""
    lines = [f"{tags}{BOB} BATCH +{reference} draft/multiline #lobby"]
    for text in texts:
        concat = ";draft/multiline-concat" if text.startswith("+") else ""
        lines.append(f"@batch={reference}{concat} {BOB} {command} #lobby :{text.removeprefix('+')}")
    return [*lines, f"BATCH -{reference}"]


def test_its_lines_are_one_message_with_the_tags_of_the_batch(entered):
    (said,) = entered.server(*batch("one", "", "how is ", "+everyone?", opening=f"msgid=m1;{AT}"))
    assert (said.target, said.sender, said.text, said.msgid) == ("#lobby", "bob", "one\n\nhow is everyone?", "m1")
    assert said.time is not None
    assert entered.server(*batch("one", "", "how is ", "+everyone?", opening=f"msgid=m1;{AT}")) == []


def test_notices_and_actions_have_several_lines_too(entered):
    (notice,) = entered.server(*batch("one", "two", command="NOTICE"))
    (action,) = entered.server(*batch("\x01ACTION waves", "twice\x01"))
    assert (notice.text, notice.kind) == ("one\ntwo", Kind.NOTICE)
    assert (action.text, action.kind) == ("waves\ntwice", Kind.ACTION)


@pytest.mark.parametrize("inside", [True, False])
def test_an_echo_of_several_lines_acknowledges(entered, inside):
    entered.say(7, "#lobby", "hello")
    label = entered.sent()[0].partition(" ")[0].removeprefix("@")
    echo = [line.replace(BOB, f":{ECHO}") for line in batch("one", "two", opening="batch=r" if inside else label)]
    events = entered.server(*([f"@{label} :s BATCH +r labeled-response", *echo, "BATCH -r"] if inside else echo))
    acknowledged, said = events
    assert acknowledged == Acknowledged(7)
    assert (said.text, said.own) == ("one\ntwo", True)


def test_in_a_history_it_stands_in_its_place():
    script = Script()
    script.log_in()
    script.burst("#lobby")
    script.history("draft/chathistory-targets", f" :s CHATHISTORY TARGETS #lobby {AT.removeprefix('time=')}")
    label = script.sent()[-1].partition("label=")[2].partition(" ")[0]
    missed, entered = script.server(
        f"@label={label} :s BATCH +h chathistory #lobby",
        f"@batch=h;msgid=m1 {BOB} PRIVMSG #lobby :before",
        *batch("one", "two", opening=f"batch=h;msgid=m2;{AT}"),
        f"@batch=h;msgid=m3 {BOB} PRIVMSG #lobby :behind",
        "BATCH -h",
    )
    assert isinstance(missed, Missed)
    assert [said.text for said in missed.lines] == ["before", "one\ntwo", "behind"]
    assert isinstance(entered, Entered)


@pytest.mark.parametrize(
    "lines",
    [
        batch(),
        batch("", ""),
        batch("one", command="TAGMSG"),
        batch("one", command="404"),
        batch("one", "two")[:-1],
        [*batch("one")[:-1], f"@batch=m {BOB} NOTICE #lobby :two", "BATCH -m"],
        [*batch("one")[:-1], f"@batch=m {BOB} PRIVMSG #ops :two", "BATCH -m"],
        [*batch("one")[:-1], f"@batch=m {BOB} PRIVMSG #lobby", "BATCH -m"],
        [f"{BOB} BATCH +m draft/multiline", f"@batch=m {BOB} PRIVMSG #lobby :one", "BATCH -m"],
        [f"{BOB} BATCH +m draft/multiline #lobby", *batch("one", opening="batch=m", reference="n"), "BATCH -m"],
        ["BATCH +h chathistory #lobby", *batch("one", "two", opening="batch=h"), "BATCH -h"],
    ],
)
def test_a_batch_that_is_no_message_is_dropped(entered, lines):
    assert entered.server(*lines) == []
    assert entered.server(f"{BOB} PRIVMSG #lobby :still here")[-1].text == "still here"


@pytest.mark.parametrize("text", ["", "x", "x" * 400])
def test_of_a_message_without_end_so_much_is_kept(entered, text):
    for mark in ("", "+"):
        kept = [said for said in entered.server(*batch("first", *[mark + text] * 19_999)) if isinstance(said, Said)]
        assert all(len(said.text) <= MOST_CHARACTERS + 2 for said in kept)
        assert all(said.text.count("\n") <= MOST_LINES for said in kept)
        assert [said.text.endswith("\n…") for said in kept] == [bool(text) or not mark]


@pytest.mark.parametrize(
    "flood",
    [
        batch(*["x"] * 20_001),
        ["BATCH +h netsplit", *batch(*["x"] * 10_001, opening="batch=h") * 2],
        [f"{BOB} BATCH +b{number} draft/multiline #lobby" for number in range(17)],
    ],
)
def test_a_flood_of_them_ends_the_connection(entered, flood):
    with pytest.raises(ProtocolError):
        entered.server(*flood)


def test_what_is_over_makes_room_for_the_next(entered):
    for number in range(30):
        entered.server(*batch(*["x"] * 1000, reference=f"b{number}"))
        entered.server(*batch(*["x"] * 1000, command="TAGMSG", reference=f"b{number}"))
