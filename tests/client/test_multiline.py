"""Messages of several lines: whatever batch they come in, a face is told of one message."""

from __future__ import annotations

import pytest

from securechat.client.events import Acknowledged, Entered, Kind, Missed, Queued, Refused, Said
from securechat.client.multiline import MOST_CHARACTERS, MOST_LINES, Limits, packed, read_limits
from securechat.protocol.message import ProtocolError
from tests.client.conftest import CAPABILITIES, ECHO, Script

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
    for number in range(11):
        entered.server(*batch(*["x"] * 1000, reference=f"b{number}"))
        entered.server(*batch(*["x"] * 1000, command="TAGMSG", reference=f"b{number}"))
        entered.server("BATCH +h netsplit", *batch(*["x"] * 2000, opening="batch=h"), "BATCH -h")


LIMITS = Limits(40, 4)


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ("one", ["one"]),
        ("one\ntwo", ["one\ntwo"]),
        ("\n \n  one\n\t\n\n two \n \n", ["  one\n\n\n two "]),
        ("a\nb\nc\nd\ne\nf", ["a\nb\nc\nd", "e\nf"]),
        ("a\n\n\n\n\n\n\nb\n", ["a", "b"]),
        ("the quick brown fox", ["the quick \rbrown fox"]),
        ("x" * 45, ["\r".join(["x" * 10] * 4), "x" * 5]),
        ("x" * 15 + "\n" + "y" * 25, ["x" * 10 + "\r" + "x" * 5 + "\n" + "\r".join(["y" * 10] * 2), "y" * 5]),
        ("é" * 5 + "\n" + "é" * 5 + "\n" + "é" * 5 + "\n" + "é" * 5, ["\n".join(["é" * 5] * 3), "é" * 5]),
        (" " * 30 + "\nx", ["x"]),
        ("", []),
        (" \n\n", []),
    ],
)
def test_a_text_becomes_as_few_messages_as_the_limits_allow(words, messages):
    assert list(packed(words, 10, LIMITS)) == messages
    assert all(LIMITS.hold(one) for one in messages)


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        ("max-bytes=8192,max-lines=100", Limits(8192, 100)),
        ("max-lines=24,x,max-bytes=4096,", Limits(4096, 24)),
        ("max-bytes=4096", Limits(4096, MOST_LINES)),
        (f"max-bytes={10**8},max-lines={10**8}", Limits(MOST_CHARACTERS, MOST_LINES)),
        ("", None),
        ("max-lines=100", None),
        ("max-bytes=511", None),
        ("max-bytes=8192,max-lines=1", None),
        ("max-bytes=8192,max-lines=", None),
        ("max-bytes=-1,max-lines=٣٣", None),
        (f"max-bytes={'9' * 5000}", None),
    ],
)
def test_what_a_server_says_of_its_limits_is_bounded(value, limits):
    assert read_limits(value) == limits


MULTILINE = f"{CAPABILITIES} draft/multiline=max-bytes=8192,max-lines=100"


def test_a_text_of_several_lines_leaves_in_one_batch_and_its_echo_acknowledges():
    script = Script(MULTILINE + " securechat/retry")
    script.enter()
    script.say(7, "#lobby", "one\n\n:" + "x" * 600)
    opening, *lines, end = script.sent()
    tags, _, rest = opening.partition(" ")
    label = tags.partition(";")[0].removeprefix("@label=")
    assert (rest, end) == (f"BATCH +{label} draft/multiline #lobby", f"BATCH -{label}")
    assert "+securechat/id=" in tags
    first, blank, long, more = lines
    assert (first, blank) == (f"@batch={label} PRIVMSG #lobby one", f"@batch={label} PRIVMSG #lobby :")
    assert long.startswith(f"@batch={label} PRIVMSG #lobby ::xx")
    assert more.startswith(f"@batch={label};draft/multiline-concat PRIVMSG #lobby xx")
    echo = batch("one", "", ":" + "x" * 600, opening=f"label={label};msgid=m1;{AT}")
    acknowledged, said = script.server(*(line.replace(BOB, f":{ECHO}") for line in echo))
    assert acknowledged == Acknowledged(7)
    assert (said.text, said.own) == ("one\n\n:" + "x" * 600, True)


@pytest.mark.parametrize(
    "capabilities",
    [
        CAPABILITIES,
        MULTILINE.replace("labeled-response ", ""),
        MULTILINE.replace("echo-message ", ""),
        MULTILINE.replace("max-bytes=8192", "max-bytes=x"),
    ],
)
def test_where_several_lines_are_no_message_each_is_one(capabilities):
    script = Script(capabilities.replace("draft/chathistory", ""))
    script.log_in()
    script.burst("#lobby")
    script.say(7, "#lobby", "one\n\ntwo")
    said = [line.partition("PRIVMSG")[2] for line in script.sent() if "PRIVMSG" in line]
    assert said == [" #lobby one", " #lobby two"]


def test_an_action_of_several_lines_is_several():
    script = Script(MULTILINE)
    script.enter()
    script.say(7, "#lobby", "waves\nand goes", action=True)
    assert [line.partition(" :")[2] for line in script.sent()] == ["\x01ACTION waves\x01", "\x01ACTION and goes\x01"]


@pytest.mark.parametrize(("code", "told"), [("MULTILINE_MAX_LINES 100", Refused), ("TIMEOUT 3", Queued)])
def test_a_refused_batch_is_a_refused_text(code, told):
    script = Script(MULTILINE, patience=60.0)
    script.enter()
    script.say(7, "#lobby", "one\ntwo")
    label = script.sent()[0].partition(" ")[0]
    (event,) = script.server(f"{label} :s FAIL BATCH {code} :No")
    assert (type(event), event.text) == (told, "one\ntwo")
