"""Who gets to know what was said: every way of reading, for everyone who could try."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.core import CoreRun, Peer

SECRET = "the-secret"
TOPIC = "the-secret-topic"
WHENEVER = "timestamp=2000-01-01T00:00:00Z timestamp=2040-01-01T00:00:00Z"


class Way(NamedTuple):
    """Lines by which a reader tries to learn of #lab; `{msgid}` is of what was said there."""

    name: str
    lines: tuple[str, ...]
    shows: str = SECRET  # what a member finds in the answers


# A new way of reading is a row here.
WAYS = (
    Way("latest", ("CHATHISTORY LATEST #lab * 10",)),
    Way("latest behind a time", ("CHATHISTORY LATEST #lab timestamp=2000-01-01T00:00:00Z 10",)),
    Way("before a time", ("CHATHISTORY BEFORE #lab timestamp=2040-01-01T00:00:00Z 10",)),
    Way("after a time", ("CHATHISTORY AFTER #lab timestamp=2000-01-01T00:00:00Z 10",)),
    Way("around a msgid", ("CHATHISTORY AROUND #lab msgid={msgid} 10",)),
    Way("between two times", (f"CHATHISTORY BETWEEN #lab {WHENEVER} 10",)),
    Way("targets", (f"CHATHISTORY TARGETS {WHENEVER} 10",), "#lab"),
    Way("redaction of what another said", ("REDACT #lab {msgid}",), "REDACT_FORBIDDEN #lab"),
    Way("redaction of what nobody said", ("REDACT #lab none",), "UNKNOWN_MSGID #lab"),
    Way("a read marker", ("MARKREAD #lab timestamp=2020-01-01T00:00:00.000Z",), "MARKREAD #lab timestamp"),
)


def member(run: CoreRun, ada: Peer, eve: Peer) -> None:
    run.say(eve, "JOIN #lab")


def member_before(run: CoreRun, ada: Peer, eve: Peer) -> None:
    run.say(eve, "JOIN #lab", "PART #lab")


def thrown_out(run: CoreRun, ada: Peer, eve: Peer) -> None:
    run.say(eve, "JOIN #lab")
    run.say(ada, "KICK #lab dot")


def banned(run: CoreRun, ada: Peer, eve: Peer) -> None:
    run.say(eve, "JOIN #lab")
    run.say(ada, "MODE #lab +b dot")


def stranger(run: CoreRun, ada: Peer, eve: Peer) -> None:
    pass


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("become", [member, member_before, thrown_out, banned, stranger])
@pytest.mark.parametrize("modes", ["+nt", "+s"])
def test_members_read_all_of_a_channel_and_nobody_else_anything(
    run: CoreRun, way: Way, become: Callable[[CoreRun, Peer, Peer], None], modes: str
) -> None:
    ada, eve = run.login("ada"), run.login("dot")
    run.say(ada, "JOIN #lab", f"MODE #lab {modes}", f"PRIVMSG #lab :{SECRET}", f"TOPIC #lab :{TOPIC}")
    become(run, ada, eve)
    eve.take()
    run.say(eve, *(line.format(msgid=run.msgid(SECRET, "#lab")) for line in way.lines))
    answers = eve.take()
    assert any(way.shows in line for line in answers) is (become is member)
    if become is not member:
        assert not any(SECRET in line for line in answers)
        run.say(eve, *(line.format(msgid="none").replace("#lab", "#none") for line in way.lines))
        assert answers == [line.replace("#none", "#lab") for line in eve.take()]  # as if there were no such channel


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_direct_messages_are_between_two(run: CoreRun, way: Way) -> None:
    ada, eve = run.login("ada"), run.login("dot")
    run.say(ada, f"PRIVMSG bob :{SECRET}")
    msgid = run.msgid(SECRET, "1:2")
    for name in ("ada", "bob"):
        run.say(eve, *(line.format(msgid=msgid).replace("#lab", name) for line in way.lines))
    answers = eve.take()
    assert not any(SECRET in line or "REDACT_FORBIDDEN" in line for line in answers)


@pytest.mark.parametrize("become", [member, member_before, thrown_out, banned, stranger])
def test_what_is_said_redacted_and_reacted_to_now_reaches_members_alone(
    run: CoreRun, become: Callable[[CoreRun, Peer, Peer], None]
) -> None:
    ada, eve = run.login("ada"), run.login("dot")
    run.say(ada, "JOIN #lab", f"PRIVMSG #lab :{SECRET}")
    become(run, ada, eve)
    eve.take()
    msgid = run.msgid(SECRET, "#lab")
    lines = (f"PRIVMSG #lab :{SECRET}", f"@+draft/react=x;+reply={msgid} TAGMSG #lab", f"REDACT #lab {msgid}")
    run.say(ada, *lines)
    assert len(eve.take()) == (len(lines) if become is member else 0)
