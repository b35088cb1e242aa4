"""Whoever says it with WeeChat, irssi or catgirl, each of them shows it once, as text, with its author.

In a channel, to one person, in the second session of whoever says it, and to those who were away. What our own client
says in one block, they show as its lines.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from securechat.protocol.multiline import KIND
from tests.cli.conftest import Login as Person
from tests.clients import Client, Login
from tests.looks import CATGIRL, IRSSI, WEECHAT
from tests.running import PASSWORD, Server
from tests.terminal import Terminal
from tests.wire import Wire

pytestmark = pytest.mark.real_client

KINDS = {"weechat": WEECHAT, "irssi": IRSSI, "catgirl": CATGIRL}
CHANNEL = "#lobby"
ADA = "ada"  # says everything, from every kind of client; and has every kind open a second time
OTHERS = {"weechat": "wes", "irssi": "ira", "catgirl": "cat"}  # each at one kind
TARGETS = (CHANNEL, *OTHERS.values())
BEFORE, AFTER = "while they were away", "when they were there"  # the others
END = "that was all"
BLOCK = ("for word in words:", "    print(word)", "ends here")

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
def full(server: Server, tmp_path: Path) -> Iterator[Callable[[str], Terminal]]:
    """`full("ada")` is our own client on a screen."""
    person = Person(server, tmp_path)
    with ExitStack() as stack:

        def full(name: str) -> Terminal:
            surroundings = {key: value for key, value in person.env.items() if key not in ("COLUMNS", "LINES")}
            opened = Terminal(person.words(name), surroundings | {"TERM": "xterm-256color"}, 100, 30)
            stack.callback(opened.close)
            return opened

        yield full


@pytest.fixture
def witness(server: Server, login: Callable[[str], Wire]) -> Wire:
    """One more session of ada's, which tells what has arrived."""
    return login(ADA)


def test_what_any_client_says_every_client_shows_once(server: Server, start: Start, witness: Wire) -> None:
    speaking = {kind: start(kind, ADA) for kind in KINDS}
    beside = {kind: start(kind, ADA) for kind in KINDS}
    for name in OTHERS.values():
        visit(server, name)
    for kind, client in speaking.items():
        say(client, kind, BEFORE, witness)
    listening = {kind: start(kind, name) for kind, name in OTHERS.items()}
    for kind, client in speaking.items():
        say(client, kind, AFTER, witness)
    for target in TARGETS:
        witness.send(f"PRIVMSG {target} :{END}")
    wrong: list[str] = []
    for kind, name in OTHERS.items():
        wrong += faults(kind, listening[kind], CHANNEL, CHANNEL)
        wrong += faults(kind, listening[kind], ADA, name)
        for target in TARGETS:
            wrong += faults(kind, beside[kind], target, target)
    assert wrong == []


def test_a_block_pasted_into_our_client_is_its_lines_in_every_other(
    server: Server, start: Start, full: Callable[[str], Terminal], witness: Wire
) -> None:
    listening = {kind: start(kind, name) for kind, name in OTHERS.items()}
    ours = full(ADA)
    ours.wait_for("#lobby>")
    ours.type("\x1b[200~" + "\n\n".join(BLOCK) + "\x1b[201~")
    ours.wait_for("Send these 5 lines")
    ours.enter("")
    batch = witness.wait_for("BATCH", lambda line: line.params[1:] == (KIND, CHANNEL))
    witness.send(f"PRIVMSG {CHANNEL} :{END}")
    ours.wait_for(END)
    for kind, client in listening.items():
        client.go(CHANNEL)
        lines = client.see(END).splitlines()
        shown = [line for line in lines if re.search(KINDS[kind].said.format(nick=ADA, text=".*"), line)]
        assert [text for line in shown for text in BLOCK if line.endswith(text)] == list(BLOCK), kind
    [entry] = [entry for entry in server.history(CHANNEL) if BLOCK[0] in entry.text]
    assert (entry.text, entry.msgid) == ("\n\n".join(BLOCK), batch.tags["msgid"])


def visit(server: Server, name: str) -> None:
    """Come and go, as these clients do: from then on what is said is missed."""
    with server.login(name, "") as wire:
        wire.send("QUIT")
        wire.until_closed()


def text(sender: str, when: str, target: str) -> str:
    return f"{when}, from {sender} to {target}"


def say(client: Client, kind: str, when: str, witness: Wire) -> None:
    """To everybody; returns when all of it has arrived."""
    for target in TARGETS:
        words = text(kind, when, target)
        client.type(words if target == CHANNEL else f"/msg {target} {words}")
    for target in TARGETS:
        witness.wait_for("PRIVMSG", text=text(kind, when, target))


def faults(kind: str, client: Client, window: str, target: str) -> Iterator[str]:
    """A sentence for each text that the client does not show once in this window as ada's."""
    client.go(window)
    shown = client.see(END)
    for sender, when in itertools.product(KINDS, (BEFORE, AFTER)):
        words = text(sender, when, target)
        said = KINDS[kind].said.format(nick=ADA, text=words)
        if shown.count(words) != 1 or len(re.findall(said, shown, re.MULTILINE)) != 1:
            yield f"{kind} does not show {words!r} once as {ADA}'s in {window}"
