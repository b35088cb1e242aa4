"""What is asked for at the start of a visit, and what becomes of lines that are said meanwhile."""

from datetime import UTC, datetime

import pytest

from securechat.client.events import Entered, Missed, Said, Since
from securechat.client.history import Place, Seen, read_time
from securechat.protocol.message import ProtocolError

from .conftest import Script

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def line(number: int, target: str = "#lobby", sender: str = "bob") -> str:
    time = f"2026-03-01T12:00:{number // 1000:02d}.{number % 1000:03d}Z"
    return f";msgid=m{number};time={time} :{sender}!b@h PRIVMSG {target} :line {number}"


def visitor(seen: Seen, *channels: str) -> Script:
    script = Script(seen=seen)
    script.log_in()
    script.burst(*channels)
    return script


def texts(events: list) -> list[str]:
    return [said.text for event in events if isinstance(event, Missed) for said in event.lines]


def test_a_first_visit_shows_the_last_fifty_of_the_lobby_and_every_direct_message():
    script = visitor(Seen(), "#lobby", "#ops")
    events = script.history(
        "draft/chathistory-targets",
        " :s CHATHISTORY TARGETS #ops 2026-03-01T12:00:00.000Z",
        " :s CHATHISTORY TARGETS eve 2026-03-01T12:00:00.000Z",
    )
    request = script.session.take_output().decode()
    assert "CHATHISTORY LATEST #lobby * 50" in request
    label = request.partition("label=")[2].partition(" ")[0]
    script.server(f"@label={label} BATCH +a chathistory #lobby", f"@batch=a{line(1)}", "BATCH -a")
    request = script.sent()[-1]
    assert "CHATHISTORY LATEST eve * 50" in request
    label = request.partition("label=")[2].partition(" ")[0]
    events = script.server(f"@label={label} BATCH +a chathistory eve", f"@batch=a{line(2, 'ada', 'eve')}", "BATCH -a")
    lobby, missed, entered = events
    assert (lobby.target, [said.text for said in lobby.lines]) == ("#lobby", ["line 1"])
    assert (missed.target, missed.direct, missed.since) == ("eve", True, Since.NOTHING)
    assert isinstance(entered, Entered)


def test_a_later_visit_asks_for_what_came_behind_the_last_line_seen():
    seen = Seen(NOON, {"#lobby": Place(NOON.replace(second=1), "m1000")})
    script = visitor(seen, "#lobby", "#ops")
    assert (
        "CHATHISTORY TARGETS timestamp=2026-02-28T12:00:00.000Z timestamp=2999-12-31"
        in script.session.take_output().decode()
    )


def asked(script: Script) -> tuple[str, str]:
    """The label and the rest of the last request."""
    tag, _, request = script.sent()[-1].partition(" ")
    return tag.removeprefix("@label="), request


def answer(script: Script, label: str, lines: list[str]) -> list:
    return script.server(f"@label={label} BATCH +a chathistory", *(f"@batch=a{line}" for line in lines), "BATCH -a")


def test_pages_are_taken_behind_the_last_msgid_until_one_is_not_full():
    script = visitor(Seen(NOON, {"#lobby": Place(NOON.replace(second=1), "m1000")}), "#lobby")
    label, _ = asked(script)
    answer(script, label, [" CHATHISTORY TARGETS #lobby 2026-03-01T12:00:02.000Z"])
    label, request = asked(script)
    assert request == "CHATHISTORY AFTER #lobby msgid=m1000 100"
    answer(script, label, [line(number) for number in range(1001, 1101)])
    label, request = asked(script)
    assert request == "CHATHISTORY AFTER #lobby msgid=m1100 100"
    events = answer(script, label, [line(1101)])
    assert texts(events) == [f"line {number}" for number in range(1001, 1102)]
    assert isinstance(events[-1], Entered)


def test_what_is_said_meanwhile_comes_behind_the_history_and_only_once():
    script = visitor(Seen(NOON), "#lobby")
    label, _ = asked(script)
    answer(script, label, [" CHATHISTORY TARGETS #lobby 2026-03-01T12:00:02.000Z"])
    label, _ = asked(script)
    assert script.server(f"@x{line(3)}", f"@x{line(4)}") == []
    events = answer(script, label, [line(1), line(2), line(3)])
    assert texts(events) == ["line 1", "line 2", "line 3"]
    assert [event.text for event in events if isinstance(event, Said)] == ["line 4"]


def test_the_further_lines_of_a_message_share_the_fate_of_its_first():
    script = visitor(Seen(NOON), "#lobby")
    label, _ = asked(script)
    answer(script, label, [" CHATHISTORY TARGETS #lobby 2026-03-01T12:00:02.000Z"])
    label, _ = asked(script)
    further = line(3).replace("msgid=m3;", "").replace("line 3", "}")
    assert script.server(f"@x{line(3)}", f"@x{further}", f"@x{further}", f"@x{line(4)}") == []
    events = answer(script, label, [line(2), line(3), further, further])
    assert texts(events) == ["line 2", "line 3", "}", "}"]
    assert [event.text for event in events if isinstance(event, Said)] == ["line 4"]


def test_a_refused_request_does_not_stop_the_others():
    script = visitor(Seen(NOON), "#lobby")
    label, _ = asked(script)
    answer(
        script,
        label,
        [" CHATHISTORY TARGETS #lobby 2026-03-01T12:00:02.000Z", " CHATHISTORY TARGETS eve 2026-03-01T12:00:02.000Z"],
    )
    label, _ = asked(script)
    assert script.server(f"@label={label} :s FAIL CHATHISTORY INVALID_TARGET AFTER #lobby :No") == []
    label, request = asked(script)
    assert " eve " in request
    events = answer(script, label, [line(1, "ada", "eve")])
    assert texts(events) == ["line 1"]


def test_a_server_that_is_busy_is_asked_again_a_little_later_and_not_for_ever():
    script = visitor(Seen(NOON), "#lobby")
    label, _ = asked(script)
    answer(script, label, [" CHATHISTORY TARGETS #lobby 2026-03-01T12:00:02.000Z"])
    label, request = asked(script)
    for seconds in (1, 2, 4, 8):
        script.server(f"@label={label} :s FAIL CHATHISTORY MESSAGE_ERROR AFTER #lobby :Busy")
        script.later(seconds - 0.1)
        assert script.sent() == []
        script.later(0.1)
        label, again = asked(script)
        assert again == request
    missed, entered = script.server(f"@label={label} :s FAIL CHATHISTORY MESSAGE_ERROR AFTER #lobby :Busy")
    assert (missed.target, missed.lines, missed.cut) == ("#lobby", (), True)
    assert isinstance(entered, Entered)


def test_a_msgid_that_the_server_no_longer_knows_is_replaced_by_its_time():
    script = visitor(Seen(NOON, {"#lobby": Place(NOON.replace(second=1), "gone")}), "#lobby")
    label, _ = asked(script)
    answer(script, label, [" CHATHISTORY TARGETS #lobby 2026-03-01T12:00:02.000Z"])
    label, request = asked(script)
    assert request == "CHATHISTORY AFTER #lobby msgid=gone 100"
    assert script.server(f"@label={label} :s FAIL CHATHISTORY INVALID_PARAMS AFTER :no such msgid here") == []
    label, request = asked(script)
    assert request == "CHATHISTORY AFTER #lobby timestamp=2026-03-01T12:00:01.000Z 100"
    assert texts(answer(script, label, [line(1001)])) == ["line 1001"]


def test_an_answer_that_does_not_come_ends_the_link():
    script = visitor(Seen(NOON), "#lobby")
    script.later(59)
    with pytest.raises(ProtocolError, match="no answer to a request for history"):
        script.later(1)


def test_more_being_said_than_can_be_held_ends_the_connection():
    script = visitor(Seen(NOON), "#lobby")
    with pytest.raises(Exception, match="more is being said"):
        script.server(*(f"@x{line(number)}" for number in range(10_001)))


@pytest.mark.parametrize("text", ["", "x", "2026-03-01T10:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_that_no_person_could_mean_is_none(text):
    assert read_time(text) is None
