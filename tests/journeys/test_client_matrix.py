"""Whoever says it with WeeChat, irssi or catgirl, each of them shows it once, as text, with its author.

In a channel, to one person, and in the second session of whoever says it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients import Client, Login
from tests.looks import CATGIRL, IRSSI, WEECHAT
from tests.running import PASSWORD, Server
from tests.wire import Wire

pytestmark = pytest.mark.real_client

KINDS = {"weechat": WEECHAT, "irssi": IRSSI, "catgirl": CATGIRL}
CHANNEL = "#lobby"
ADA = "ada"  # says everything, from every kind of client; and has every kind open a second time
OTHERS = {"weechat": "wes", "irssi": "ira", "catgirl": "cat"}  # each at one kind
END = "that was all"

Clients = dict[str, Client]  # by kind
Start = Callable[[str, str], Client]


@pytest.fixture
def start(server: Server, tmp_path: Path) -> Iterator[Start]:
    """`start("irssi", "ada")` gives a client that is logged in; an account may have more than one of a kind."""
    server.adduser(ADA, *OTHERS.values())
    homes = (tmp_path / f"home-{number}" for number in itertools.count())
    with ExitStack() as stack:

        def begin(kind: str, account: str) -> Client:
            looks = KINDS[kind]
            login = Login(server.port, server.ca, account, PASSWORD)
            client = stack.enter_context(looks.kind(next(homes), login))
            client.go(CHANNEL)
            client.see(looks.joined.format(nick=account, channel=CHANNEL))
            return client

        yield begin


@pytest.fixture
def wires(server: Server, login: Callable[[str], Wire]) -> dict[str, Wire]:
    """A session beside the client of each of the others, which tells what has arrived there."""
    return {name: login(name) for name in OTHERS.values()}


def test_what_any_client_says_every_client_shows_once(start: Start, wires: dict[str, Wire]) -> None:
    speaking = {kind: start(kind, ADA) for kind in KINDS}
    beside = {kind: start(kind, ADA) for kind in KINDS}
    listening = {kind: start(kind, name) for kind, name in OTHERS.items()}
    for kind, client in speaking.items():
        say(client, kind, wires)
    for wire in wires.values():
        wire.send(f"PRIVMSG {CHANNEL},{ADA} :{END}")
    wrong = [
        fault
        for kind, name in OTHERS.items()
        for fault in (
            *faults("channel", kind, listening[kind], CHANNEL, [to_channel(sender) for sender in KINDS]),
            *faults("direct", kind, listening[kind], ADA, [to_person(sender, name) for sender in KINDS]),
            *faults("own", kind, beside[kind], CHANNEL, [to_channel(sender) for sender in KINDS]),
            *faults("own", kind, beside[kind], name, [to_person(sender, name) for sender in KINDS]),
        )
    ]
    assert wrong == []


def to_channel(kind: str) -> str:
    return f"to all from {kind}"


def to_person(kind: str, name: str) -> str:
    return f"to {name} from {kind}"


def say(client: Client, kind: str, wires: dict[str, Wire]) -> None:
    """Returns when it has arrived."""
    client.type(to_channel(kind))
    for name in wires:
        client.type(f"/msg {name} {to_person(kind, name)}")
    for name, wire in wires.items():
        wire.wait_for("PRIVMSG", text=to_person(kind, name))


def faults(case: str, kind: str, client: Client, window: str, texts: list[str]) -> Iterator[str]:
    """A sentence for each text that the client does not show once in this window as ada's."""
    client.go(window)
    shown = client.see(END)
    for text in texts:
        said = re.findall(KINDS[kind].said.format(nick=ADA, text=text), shown, re.MULTILINE)
        if len(said) != 1 or shown.count(text) != 1:
            yield f"{case}: {kind} shows {text!r} {shown.count(text)} times, {len(said)} of them as text of {ADA}"
