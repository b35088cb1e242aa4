"""Lines as people read them; nothing remote but text gets into them."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from securechat.client import events
from securechat.client.events import Found, Joined, Kind, Missed, Person, Queued, Refused, Said, Since, Topic
from securechat.ui.render import dated, rendered

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC).astimezone()
STAMP = f"[{NOW:%H:%M}]"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (Said("#lobby", "bob", "hi"), "<bob> hi"),
        (Said("#ops", "bob", "hi"), "#ops <bob> hi"),
        (Said("#lobby", "bob", "waves", Kind.ACTION), "* bob waves"),
        (Said("#lobby", "bob", "hi", Kind.NOTICE), "-bob- hi"),
        (Said("bob", "bob", "psst", direct=True), "[bob → you] psst"),
        (Said("bob", "ada", "psst", own=True, direct=True), "[you → bob] psst"),
        (Said("bob", "bob", "waves", Kind.ACTION, direct=True), "[bob → you] * waves"),
    ],
)
def test_a_message_says_who_and_where(said, line):
    assert rendered(dataclasses.replace(said, time=NOW), "#Lobby", NOW) == [f"{STAMP} {line}"]


def test_a_message_of_another_day_carries_its_date():
    then = NOW - timedelta(days=2)
    assert rendered(Said("#lobby", "bob", "hi", time=then), "#lobby", NOW) == [f"[{then:%Y-%m-%d %H:%M}] <bob> hi"]


def test_what_was_missed_has_a_heading():
    said = Said("#ops", "bob", "hi", time=NOW)
    lines = rendered(Missed("#ops", (said,), since=Since.VISIT, cut=True), "#lobby", NOW)
    assert lines == [
        "-!- #ops: 1 line since your last visit",
        f"{STAMP} <bob> hi",
        "-!- #ops: more was said after that than is shown here",
    ]


def test_a_topic_set_is_told_apart_from_a_topic_told():
    assert rendered(Topic("#lobby", "tea"), "#lobby", NOW) == [f"{STAMP} -!- topic of #lobby: tea"]
    assert rendered(Topic("#lobby", "tea", by="bob"), "#lobby", NOW) == [
        f"{STAMP} -!- bob set the topic of #lobby: tea"
    ]
    assert rendered(Joined("#lobby", "bob"), "#lobby", NOW) == [f"{STAMP} -!- bob is in #lobby"]


@pytest.mark.parametrize(("channel", "shown"), [("#ops", "bob (Bob, away) #ops"), ("*", "bob (Bob, away)")])
def test_a_person_is_shown_with_a_channel_where_there_is_one(channel, shown):
    assert rendered(Person("bob", channel, True, "Bob"), "#lobby", NOW) == [f"{STAMP} -!- {shown}"]


@pytest.mark.parametrize("target", ["#lobby", "#ops"])
def test_each_line_of_a_message_is_shown_and_only_the_first_says_who(target):
    said = Said(target, "bob", f"one\n\n{STAMP} <eve> two", time=NOW)
    first, *more = rendered(said, "#lobby", NOW)
    assert first.endswith("<bob> one")
    assert more == ["        | ", f"        | {STAMP} <eve> two"]
    assert dated(said)[1:] == more
    missed = rendered(Missed("#ops", (said, said), since=Since.VISIT), "#lobby", NOW)
    assert missed[0] == "-!- #ops: 6 lines since your last visit"
    assert missed[2:4] == more
    assert rendered(Found((said,)), "#lobby", NOW)[1:] == [*more, "-!- 1 message found"]


def test_what_was_not_sent_is_shown_to_its_last_line():
    assert rendered(Queued(1, "#lobby", "one\n\ntwo"), "#lobby", NOW) == [
        f"{STAMP} -!- queued for #lobby: one",
        f"{STAMP} -!- | ",
        f"{STAMP} -!- | two",
    ]
    refused = rendered(Refused(1, "#lobby", "one\ntwo", "no"), "#lobby", NOW)
    assert refused == [f"{STAMP} -!- not sent to #lobby: no: one", f"{STAMP} -!- | two"]


HOSTILE = "a\x1b]0;title\x07\r\n\x9b2J\u202eb\x7f\ud800"
VALUES = {"bool": True, "int": 1, "str": HOSTILE, "datetime | None": NOW, "str | None": HOSTILE, "Kind": Kind.MESSAGE}
VALUES |= {"float": 90.0, "Since": Since.LOSS, "SecurechatError | None": None}
KINDS = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Event)]


def hostile(kind: type, own: bool) -> events.Event:
    """An event all of whose texts try to take over the terminal."""
    values = {
        "tuple[str, ...]": (HOSTILE,),
        "tuple[Said, ...]": (Said(HOSTILE, HOSTILE, HOSTILE, time=NOW),),
        **VALUES,
        "bool": own,
    }
    return kind(**{field.name: values[str(field.type)] for field in dataclasses.fields(kind)})


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_control_byte_of_any_event_reaches_the_screen(kind, own):
    lines = rendered(hostile(kind, own), "#lobby", NOW)
    assert all(line.isprintable() for line in lines)
    assert all(lines)
