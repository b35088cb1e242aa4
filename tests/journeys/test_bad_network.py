"""A client on a network that cuts it off all the time, and on a server that is killed: nothing is lost or doubled."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from securechat.client.address import Address
from securechat.client.client import Client
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.events import Acknowledged, Event, Missed, Said
from securechat.client.history import Seen
from securechat.client.outbox import Outbox
from securechat.client.past import everything
from securechat.client.trust import ByCA, connect
from tests.relay import DOWN, UP, Link, Relay
from tests.running import PASSWORD, Server

PATIENCE = 60.0


class Person:
    """A client that tries again at once, and what it was told."""

    def __init__(self, server: Server, port: int, name: str) -> None:
        self.connect = partial(connect, Address("localhost", port), ByCA(server.ca))
        conversation = Conversation(Seen(), Outbox())
        credentials = Credentials(name, PASSWORD)
        self.client = Client(
            credentials, everything("#lobby"), conversation, self.connect, delay=lambda failures, chance: 0.02
        )
        self.acknowledged: list[int] = []
        self.lines: list[str] = []
        self.said = 0

    def say(self) -> None:
        self.said += 1
        more = "\n\n  and more" if self.said % 3 == 0 else ""
        self.client.say("#lobby", f"line {self.said} {'x' * (self.said % 5 * 90)}{more}")

    def listen(self, seconds: float) -> None:
        for event in self.client.take(seconds):
            self._hear(event)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Acknowledged):
            self.acknowledged.append(event.ticket)
        elif isinstance(event, Said):
            self.lines.append(event.text)
        elif isinstance(event, Missed):
            self.lines += [said.text for said in event.lines]

    def listen_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, (self.said, self.acknowledged, self.lines[-3:])
            self.listen(0.2)


@pytest.fixture
def person(server: Server) -> Iterator[Callable[..., Person]]:
    clients: list[Client] = []

    def person(name: str, port: int) -> Person:
        made = Person(server, port, name)
        clients.append(made.client)
        return made

    yield person
    for client in clients:
        client.close()


def stored(server: Server) -> list[str]:
    return [entry.text for entry in server.history("#lobby") if entry.kind == "PRIVMSG"]


def check(server: Server, ada: Person) -> None:
    """All that was typed is stored once and in order, acknowledged once, and told as it is stored."""
    texts = stored(server)
    ada.listen_until(lambda: len(ada.lines) >= len(texts))
    assert ada.lines == texts
    assert ada.acknowledged == list(range(1, ada.said + 1))
    own = [text for text in texts if text.startswith("line ")]
    assert [int(text.split()[1]) for text in own] == list(range(1, ada.said + 1))


def test_a_link_cut_at_random_bytes_fifty_times_neither_loses_nor_doubles_a_line(server, person, login):
    server.adduser("ada")
    bob = login("bob")
    chance = random.Random(7)
    numbers = itertools.count()

    def prepare(link: Link) -> None:
        if next(numbers) and relay.cuts < 50:  # the first one is whole: on it the client logs in
            for way in (UP, DOWN):
                link.cut_behind(way, chance.randrange(14_000))

    with Relay(server.port, prepare) as relay:
        ada = person("ada", relay.address[1])
        ada.client.log_in(ada.connect())
        relay.drop()
        while relay.cuts < 50:
            ada.say()
            bob.send(f"PRIVMSG #lobby :bob {ada.said}")
            ada.listen_until(lambda: len(ada.acknowledged) > ada.said - 4 or relay.cuts >= 50)
        ada.listen_until(lambda: len(ada.acknowledged) == ada.said)
        bob.sync()
        check(server, ada)


def test_a_server_that_is_killed_again_and_again_neither_loses_nor_doubles_a_line(server, person):
    server.adduser("ada")
    ada = person("ada", server.port)
    ada.client.log_in(ada.connect())
    for _ in range(5):
        for _ in range(20):
            ada.say()
        ada.listen(0.05)
        server.kill()
        ada.say()
        server.start()
    ada.listen_until(lambda: len(ada.acknowledged) == ada.said)
    check(server, ada)
