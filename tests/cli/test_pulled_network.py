"""The network is pulled while somebody types in line mode: nothing is lost or doubled, and what is shown is true."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Login
from tests.relay import Relay
from tests.running import Server
from tests.terminal import Terminal

SECONDS = [3.0, pytest.param(60.0, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]


@pytest.fixture
def relay(team: Login) -> Iterator[Relay]:
    with Relay(team.server.port) as relay:
        yield relay


@pytest.fixture
def ada(team: Login, relay: Relay) -> Iterator[Terminal]:
    """On a screen so long that nothing leaves it, behind the relay."""
    ada = Terminal(team.words("ada", "--line", port=relay.address[1]), team.env, columns=80, lines=400)
    ada.wait_for("#lobby>")
    yield ada
    ada.child.close(force=True)


def stored(server: Server) -> list[str]:
    return [entry.text for entry in server.history("#lobby") if entry.kind == "PRIVMSG"]


def said(ada: Terminal) -> list[str]:
    """What the screen shows as said, oldest first."""
    return re.findall(r"^\[[\d:]+\] <\w+> (.*)$", ada.text, re.MULTILINE)


def type_for(seconds: float, ada: Terminal, lines: list[str]) -> None:
    """Type a line, look at the screen, and so on."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        lines.append(f"line {len(lines) + 1}")
        ada.enter(lines[-1])
        ada.read_until(min(until, time.monotonic() + 0.5))


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_network_that_comes_back_is_as_if_it_had_been_slow(team, relay, ada, login, seconds):
    bob = login("bob")
    lines: list[str] = []
    relay.freeze()
    type_for(seconds, ada, lines)
    bob.send("PRIVMSG #lobby :from bob")
    bob.sync()
    assert stored(team.server) == ["from bob"]
    assert said(ada) == []
    ada.type("half a li")
    relay.thaw()
    ada.wait_for(f"(?m)<ada> {lines[-1]}$")
    assert said(ada) == stored(team.server) == ["from bob", *lines]
    ada.wait_for("#lobby> half a li$")
    ada.enter("ne")
    ada.wait_for("<ada> half a line")
    ada.enter("/quit")
    assert ada.status() == 0
    assert stored(team.server) == ["from bob", *lines, "half a line"]


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_link_that_breaks_meanwhile_is_made_anew_and_nothing_is_lost_or_doubled(team, relay, ada, login, seconds):
    bob = login("bob")
    lines: list[str] = []
    relay.freeze()
    type_for(seconds / 2, ada, lines)
    for link in relay.links():
        link.close()
    ada.wait_for("connection lost")
    type_for(seconds / 2, ada, lines)
    bob.send("PRIVMSG #lobby :from bob")
    bob.sync()
    ada.wait_for(f"(?m)queued for #lobby: {lines[-1]}$")
    assert re.findall(r"queued for #lobby: (.*)$", ada.text, re.MULTILINE) == lines
    assert said(ada) == []
    assert stored(team.server) == ["from bob"]
    relay.thaw()
    ada.patience = 60.0  # tries come more and more slowly
    ada.wait_for(f"(?m)<ada> {lines[-1]}$")
    ada.enter("/quit")
    assert ada.status() == 0
    assert "connected again" in ada.text
    assert stored(team.server) == ["from bob", *lines]
    assert said(ada) == stored(team.server)
