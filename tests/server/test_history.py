"""CHATHISTORY: what it gives to whom, and that paging through it neither doubles nor drops."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from securechat.server import playback
from securechat.server.services import PoolFull
from securechat.store.errors import StoreBusy
from tests.core import CoreRun, Peer
from tests.wire import ALL_CAPS

TARGETS = "CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00Z timestamp=2040-01-01T00:00:00Z 10"
PLAIN = "message-tags server-time batch draft/chathistory"
EVENTS = f"{PLAIN} draft/event-playback"
HOUR = 3600.0


def asked(run: CoreRun, peer: Peer, line: str) -> list[str]:
    """The lines of the answer, without the batch around them."""
    run.say(peer, line)
    return [one for one in peer.take() if " BATCH " not in one]


def words(lines: Sequence[str]) -> list[str]:
    """Who said what, without tags and hosts."""
    return [re.sub(r"^(@\S+ )?:([^! ]+)\S*", r"\2", line) for line in lines]


def tag(line: str, key: str) -> str:
    found = re.search(rf"[@;]{key}=([^; ]+)", line)
    assert found is not None, line
    return found[1]


@pytest.fixture
def ada(run: CoreRun) -> Peer:
    """In #lab, where she has said and done a few things."""
    ada, bob = run.login("ada"), run.login("bob")
    run.say(ada, "JOIN #lab", "PRIVMSG #lab :hello", "TOPIC #lab :what is new", "TOPIC #lab :")
    run.say(bob, "JOIN #lab", "@+typing=active TAGMSG #lab", "PART #lab :so long", "JOIN #lab", "PART #lab")
    run.say(bob, "JOIN #lab", f"@+draft/react=:-);+reply={run.msgid('hello', '#lab')} TAGMSG #lab")
    run.say(ada, "MODE #lab +m", "KICK #lab bob :out of here")
    ada.take()
    return ada


HAPPENED = [
    "ada JOIN #lab",
    "ada PRIVMSG #lab :hello",
    "ada TOPIC #lab :what is new",
    "ada TOPIC #lab :",
    "bob JOIN #lab",
    "bob PART #lab :so long",
    "bob JOIN #lab",
    "bob PART #lab",
    "bob JOIN #lab",
    "bob TAGMSG #lab",
    "ada KICK #lab bob :out of here",
]


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        (PLAIN, ["ada PRIVMSG #lab :hello"]),
        (f"{PLAIN} draft/message-redaction", ["ada PRIVMSG #lab :hello"]),
        (EVENTS, HAPPENED),
        (EVENTS.replace("message-tags", ""), [line for line in HAPPENED if "TAGMSG" not in line]),
        ("", ["ada PRIVMSG #lab :hello"]),
    ],
)
@pytest.mark.usefixtures("ada")
def test_events_are_played_back_to_who_asked_for_them(run: CoreRun, caps: str, expected: list[str]) -> None:
    reader = run.login("ada", caps)
    assert words(asked(run, reader, "CHATHISTORY LATEST #lab * 50")) == expected


def test_a_join_is_played_back_in_its_extended_form_where_that_is_known(run: CoreRun, ada: Peer) -> None:
    lines = asked(run, ada, "CHATHISTORY BEFORE #lab timestamp=2040-01-01T00:00:00Z 50")
    assert words(lines)[0] == "ada JOIN #lab ada :Ada Test"


def test_a_reaction_comes_back_with_its_tags_and_msgid(run: CoreRun, ada: Peer) -> None:
    [stored] = run.entries("#lab", "TAGMSG")
    reaction = asked(run, ada, "CHATHISTORY LATEST #lab * 2")[0]
    assert tag(reaction, "msgid") == stored.msgid
    assert f"+draft/react=:-);+reply={run.msgid('hello', '#lab')} :bob!" in reaction


@pytest.mark.parametrize("tags", ["+typing=active", "+x=y", "+reply=x", "label=1", ""])
def test_tags_alone_that_are_no_reaction_are_not_stored(run: CoreRun, tags: str) -> None:
    ada, bob = run.login("ada"), run.login("bob")
    run.say(ada, f"@{tags} TAGMSG bob" if tags else "TAGMSG bob")
    assert words(bob.take()) == ["ada TAGMSG bob"]
    assert run.entries("1:2", "TAGMSG") == []


def test_what_is_true_for_a_moment_only_is_relayed_but_not_stored(run: CoreRun) -> None:
    ada, bob = run.login("ada"), run.login("bob")
    run.say(ada, "@+reply=x;+typing=done;+other PRIVMSG bob :hello", "@+typing=done;+draft/react=x TAGMSG bob")
    assert [";+typing=done" in line for line in bob.take()] == [True, True]
    assert [entry.tags for entry in run.entries("1:2", "PRIVMSG", "TAGMSG")] == ["+reply=x;+other", "+draft/react=x"]


def test_lines_carry_the_names_of_today(run: CoreRun) -> None:
    ada, bob = run.login("ada"), run.login("bob")
    run.say(ada, "PRIVMSG bob :hello")
    run.say(bob, "PRIVMSG ada :hi")
    run.say(ada, "NICK Ada")
    run.say(bob, "NICK BOB")
    bob.take()
    assert words(asked(run, bob, "CHATHISTORY LATEST ada * 5")) == ["Ada PRIVMSG BOB :hello", "BOB PRIVMSG Ada :hi"]


def test_the_batch_names_the_target_as_it_was_asked_for(run: CoreRun) -> None:
    ada = run.login("ada")
    run.say(ada, "CHATHISTORY LATEST #LOBBY * 5", "CHATHISTORY LATEST BOB * 5")
    assert [line.partition("chathistory ")[2] for line in ada.take() if " BATCH +" in line] == ["#LOBBY", "BOB"]


@pytest.mark.parametrize("outcome", ["KICK #lab bob", "MODE #lab +b bob"])
def test_a_channel_that_is_closed_to_the_reader_meanwhile_is_no_target(run: CoreRun, outcome: str) -> None:
    ada, bob = run.login("ada"), run.login("bob")
    run.say(ada, "JOIN #lab")
    run.say(bob, "JOIN #lab")
    run.say(ada, "PRIVMSG #lab :hello")
    bob.take()
    run.queue(bob, TARGETS)
    run.queue(ada, outcome)
    run.run()
    assert not [line for line in bob.take() if "TARGETS #lab" in line]


@pytest.mark.parametrize(("caps", "expected"), [(PLAIN, ["#lab"]), (EVENTS, ["bob", "#lab"])])
def test_targets_are_those_with_something_the_reader_takes(run: CoreRun, caps: str, expected: list[str]) -> None:
    ada, reader = run.login("ada"), run.login("ada", caps)
    run.say(ada, "JOIN #lab", "PRIVMSG #lab :hello", "@+draft/react=x TAGMSG bob")
    reader.take()
    assert [line.split()[4] for line in asked(run, reader, TARGETS)] == expected


@pytest.mark.parametrize("trouble", [PoolFull(), StoreBusy("locked")])
@pytest.mark.parametrize("line", ["CHATHISTORY LATEST #lobby * 5", TARGETS, "REDACT #lobby x"])
def test_a_store_that_cannot_be_read_now_is_said_to_be_so(run: CoreRun, trouble: Exception, line: str) -> None:
    ada = run.login("ada")
    run.reading_fails_with = trouble
    [answer] = asked(run, ada, line)
    assert re.search(r"FAIL (CHATHISTORY MESSAGE_ERROR|REDACT TEMPORARILY_UNAVAILABLE) ", answer)
    assert not ada.session.strikes


# Paging


class Reader:
    """Reads a channel's whole history backwards in pages."""

    def __init__(self, run: CoreRun, name: str, caps: str, key: str) -> None:
        self._run = run
        self._peer = run.login(name, caps)
        self._key = key

    def pages(self, size: int) -> Iterator[list[str]]:
        page = asked(self._run, self._peer, f"CHATHISTORY LATEST #lab * {size}")
        while page:
            yield page
            oldest = tag(page[0], "msgid" if self._key == "msgid" else "time")
            page = asked(self._run, self._peer, f"CHATHISTORY BEFORE #lab {self._key}={oldest} {size}")

    def everything(self, size: int) -> list[str]:
        return [line for page in reversed(list(self.pages(size))) for line in page]


def fill(run: CoreRun, messages: int) -> list[str]:
    """Said while the clock goes forward, stands still, and is set back an hour in the middle; what was said."""
    ada, bob = run.login("ada"), run.login("bob")
    run.say(ada, "JOIN #lab")
    run.say(bob, "JOIN #lab")
    for number in range(messages):
        if number == messages // 2:
            run.now -= HOUR
        run.now += 0.001 * (number % 3)
        reaction = [f"@+draft/react=x{number};+reply=y TAGMSG #lab"] * (number % 50 == 0)
        run.queue(ada if number % 2 else bob, f"PRIVMSG #lab :{number}", *reaction)
    run.run()
    return [str(number) for number in range(messages)]


@pytest.mark.parametrize("key", ["msgid", "timestamp"])
@pytest.mark.parametrize("caps", [PLAIN, EVENTS])
def test_paging_backwards_gives_every_line_once_though_the_clock_was_set_back(
    run: CoreRun, key: str, caps: str
) -> None:
    said = fill(run, 3000)
    lines = Reader(run, "ada", caps, key).everything(100)
    assert [line.rpartition(":")[2] for line in lines if "PRIVMSG" in line] == said
    assert len({tag(line, "msgid") for line in lines}) == len(lines)
    assert len(lines) == len(said) + (0 if caps == PLAIN else 60 + 2)  # reactions and JOINs
    times = [tag(line, "time") for line in lines]
    assert times == sorted(set(times))


def test_paging_by_the_msgid_of_any_line_goes_on_behind_it(run: CoreRun, ada: Peer) -> None:
    lines = asked(run, ada, "CHATHISTORY LATEST #lab * 50")
    for number, line in enumerate(lines):
        point = f"msgid={tag(line, 'msgid')}"
        assert asked(run, ada, f"CHATHISTORY BEFORE #lab {point} 3") == lines[max(0, number - 3) : number]
        assert asked(run, ada, f"CHATHISTORY AFTER #lab {point} 3") == lines[number + 1 : number + 4]
        assert asked(run, ada, f"CHATHISTORY LATEST #lab {point} 3") == lines[number + 1 :][-3:]
        assert line in asked(run, ada, f"CHATHISTORY AROUND #lab {point} 3")
        start = f"msgid={tag(lines[0], 'msgid')}"
        assert asked(run, ada, f"CHATHISTORY BETWEEN #lab {start} {point} 50") == lines[1:number]


def test_no_page_is_longer_than_announced(run: CoreRun) -> None:
    fill(run, 150)
    ada = run.login("ada", ALL_CAPS)
    assert len(asked(run, ada, "CHATHISTORY LATEST #lab * 999999999")) == 100


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2026-01-01T00:00:00.001Z", 1_767_225_600_001),
        ("2026-01-01T00:00:00.001999Z", 1_767_225_600_001),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("2026-01-01", 1_767_225_600_000),
        ("1969-12-31T23:59:59.000Z", -1000),
        ("9999-12-31T23:59:59.999-14:00", 253_402_351_199_999),
    ],
)
def test_a_time_is_taken_to_the_millisecond(written: str, time: int) -> None:
    assert playback.milliseconds(written) == time
