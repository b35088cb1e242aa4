"""The network is pulled while somebody types in the full screen: nothing is lost or doubled, and the ticks are true."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest

from securechat.ui.full.buffer import ON_ITS_WAY, QUEUED, STORED
from securechat.ui.full.model import MOST_UNSTORED
from tests.relay import Relay
from tests.running import Server
from tests.terminal import Terminal

SECONDS = [1.0, pytest.param(60.0, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
ROW = re.compile(r"(?:\d\d:\d\d| {5})(.) +(ada|bob) │ (.*?) *$", re.MULTILINE)
QUICKLY = 5.0  # seconds until what is typed is shown; it takes far less where the machine has nothing else to do


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    server.adduser("ada", "bob")
    with Relay(server.port) as relay:
        yield relay


@pytest.fixture
def ada(full: Callable[..., Terminal], relay: Relay) -> Terminal:
    """On a screen so long that nothing leaves it, behind the relay."""
    ada = full("ada", size=(80, 250), port=relay.address[1])
    ada.wait_for("you are ada in #lobby")
    return ada


def stored(server: Server) -> list[str]:
    return [entry.text for entry in server.history("#lobby") if entry.kind == "PRIVMSG"]


def shown(ada: Terminal, *ticks: str) -> list[str]:
    """What stands at one of these ticks, oldest first; a blank one is what others said."""
    return [text for tick, _, text in ROW.findall(ada.text) if tick in ticks]


def type_for(seconds: float, ada: Terminal, lines: list[str], tick: str) -> None:
    """Type a line, see it and its tick at once, and so on."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        lines.append(f"line {len(lines) + 1}")
        began = time.monotonic()
        ada.enter(lines[-1])
        ada.wait_for(rf"(?m){tick} +ada │ {lines[-1]} *$")
        assert time.monotonic() - began < QUICKLY
        ada.read_until(min(until, time.monotonic() + 0.4))


def watch(server: Server, ada: Terminal, last: str) -> None:
    """Until this is shown as stored; whatever is meanwhile is in the store."""
    deadline = time.monotonic() + 90  # tries come more and more slowly, and the server takes only so much at once
    ticked: list[str] = []
    while last not in ticked:
        assert time.monotonic() < deadline, ada.text
        ada.read_until(time.monotonic() + 0.1)
        ticked = shown(ada, STORED)
        assert set(ticked) <= set(stored(server))


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_network_that_comes_back_is_as_if_it_had_been_slow(server, relay, ada, login, seconds):
    bob = login("bob")
    lines: list[str] = []
    relay.freeze()
    type_for(seconds, ada, lines, ON_ITS_WAY)
    bob.send("PRIVMSG #lobby :from bob")
    bob.sync()
    assert stored(server) == ["from bob"]
    assert shown(ada, STORED, QUEUED, " ") == []
    assert shown(ada, ON_ITS_WAY) == lines[-MOST_UNSTORED:]
    ada.type("half a li")
    ada.wait_for("#lobby> half a li")
    relay.thaw()
    watch(server, ada, lines[-1])
    assert shown(ada, STORED, ON_ITS_WAY, QUEUED, " ") == stored(server) == ["from bob", *lines]
    ada.wait_for("#lobby> half a li")
    ada.enter("ne")
    watch(server, ada, "half a line")
    assert "connection lost" not in ada.text
    ada.type("\x11")
    assert ada.status() == 0
    assert stored(server) == ["from bob", *lines, "half a line"]


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_link_that_breaks_meanwhile_is_made_anew_and_nothing_is_lost_or_doubled(server, relay, ada, login, seconds):
    bob = login("bob")
    lines = ["before"]
    ada.enter(lines[0])
    watch(server, ada, lines[0])
    relay.freeze()
    type_for(seconds / 2, ada, lines, ON_ITS_WAY)
    for link in relay.links():
        link.close()
    ada.wait_for("connection lost")
    ada.wait_for("no connection, trying again")
    type_for(seconds / 2, ada, lines, QUEUED)
    bob.send("PRIVMSG #lobby :from bob")
    bob.sync()
    ada.wait_for(f"trying again · {len(lines) - 1} queued")
    assert stored(server) == ["before", "from bob"]
    assert shown(ada, STORED, ON_ITS_WAY, " ") == ["before"]
    assert shown(ada, QUEUED) == lines[1:][-MOST_UNSTORED:]
    ada.type("half a li")
    ada.wait_for("#lobby> half a li")
    relay.thaw()
    watch(server, ada, lines[-1])
    assert "connected again" in ada.text
    assert shown(ada, STORED, ON_ITS_WAY, QUEUED, " ") == stored(server) == ["before", "from bob", *lines[1:]]
    ada.wait_for(r"TLS 1\.3 *$")
    ada.enter("ne")
    watch(server, ada, "half a line")
    ada.type("\x11")
    assert ada.status() == 0
    assert stored(server) == ["before", "from bob", *lines[1:], "half a line"]
