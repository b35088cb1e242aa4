"""The link is cut behind every byte of one send, and of its echo: repeated with its id, it is stored and shown once.

A block of several lines that our own client sends is cut in a few places.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest

from securechat.client.address import Address
from securechat.client.client import Client
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.events import Entered, Event, Missed, Said
from securechat.client.history import Seen
from securechat.client.outbox import Outbox
from securechat.client.past import outages
from securechat.client.trust import ByCA, connect
from securechat.protocol.message import Message
from securechat.server.event import RETRY_ID, timestamp
from securechat.store.rows import Entry
from tests.relay import DOWN, UP, Relay
from tests.running import PASSWORD, Server
from tests.wire import ALL_CAPS, PATIENCE, Wire

CAPS = f"{ALL_CAPS} securechat/retry"
SPEAKERS = 4  # side by side, each in a channel of its own, so that nothing but its own message passes its link
SETTINGS = '[channels]\nautojoin = []\n[limits]\nexempt = ["127.0.0.0/8"]\n'
WAYS = pytest.mark.parametrize("way", [UP, DOWN], ids=["the send", "its echo"])


@dataclass(frozen=True, slots=True)
class Try:
    """One message whose link was cut, and what its sender was told: before the cut, if anything, and when repeating."""

    text: str
    before: tuple[Message, ...]
    again: Message


class Speaker:
    """Somebody in a channel of their own, with a witness who stays."""

    def __init__(self, server: Server, relay: Relay, number: int) -> None:
        self.name = f"speaker{number}"
        self.channel = f"#own{number}"
        self._relay = relay
        self._ca = server.ca
        self.witness = server.login(f"witness{number}")
        self.wire = self._login()
        for wire in (self.wire, self.witness):
            wire.send(f"JOIN {self.channel}")
            wire.wait_for("366")
        self.wire.wait_for("JOIN", lambda line: (line.source or "").startswith("witness"))

    def close(self) -> None:
        self.wire.close()
        self.witness.close()

    def heard(self) -> list[Message]:
        """What the witness was told."""
        self.witness.sync()
        return [line for line in self.witness.seen if line.command == "PRIVMSG"]

    def _login(self) -> Wire:
        wire = Wire(self._relay.address, self._ca)
        wire.register(self.name, PASSWORD, CAPS)
        return wire

    def _say(self, text: str, label: str) -> None:
        """Texts of the same length are lines of the same length, and their echoes too."""
        self.wire.send(f"@label={label};+securechat/id=id-{text} PRIVMSG {self.channel} :{text}")

    def measure(self) -> tuple[int, int]:
        """The bytes that one send and its echo are on their ways."""
        passed = self._relay.link_of(self.wire.sock).passed
        up, down = passed
        self._say("uncut-0000", "1")
        self.wire.wait_for("PRIVMSG", label="1")
        return passed[UP] - up, passed[DOWN] - down

    def cut_and_repeat(self, way: int, offset: int) -> Try:
        """The link that the message is repeated on is the next message's."""
        text = f"{'send' if way == UP else 'echo'}-{offset:05}"
        link = self._relay.link_of(self.wire.sock)
        passed = link.passed[way]
        link.cut_behind(way, offset)
        self._say(text, "1")
        before = [line for line in self.wire.until_closed() if line.command == "PRIVMSG"]
        assert link.over.wait(PATIENCE)
        assert link.passed[way] == passed + offset
        self.wire.close()
        self.wire = self._login()
        self._say(text, "2")
        return Try(text, tuple(before), self.wire.wait_for(label="2"))


@pytest.fixture
def speakers(idle_server: Server) -> Iterator[list[Speaker]]:
    idle_server.configure(SETTINGS)
    idle_server.adduser(*(f"speaker{number}" for number in range(SPEAKERS)))
    idle_server.start()
    with Relay(idle_server.port) as relay:
        people = [Speaker(idle_server, relay, number) for number in range(SPEAKERS)]
        yield people
        for speaker in people:
            speaker.close()


@WAYS
def test_a_link_cut_behind_any_byte_and_a_repeat_leave_one_message(
    way: int, idle_server: Server, speakers: list[Speaker]
) -> None:
    offsets = range(speakers[0].measure()[way] + 1)

    def take_part(number: int) -> list[Try]:
        return [speakers[number].cut_and_repeat(way, offset) for offset in offsets[number::SPEAKERS]]

    with ThreadPoolExecutor(SPEAKERS) as pool:
        tries = list(pool.map(take_part, range(SPEAKERS)))
    assert sum(map(len, tries)) == len(offsets)
    for speaker, own in zip(speakers, tries, strict=True):
        stored = [_as_told(entry) for entry in idle_server.history(speaker.channel) if entry.text[:5] != "uncut"]
        assert stored == [_told(one.again) for one in own]
        assert [_told(line) for line in speaker.heard() if line.params[-1][:5] != "uncut"] == stored
        for one in own:
            assert [_told(line) for line in one.before] in ([], [_told(one.again)])


Told = tuple[str, str, str]  # text, msgid and time


def _told(message: Message) -> Told:
    assert RETRY_ID not in message.tags
    return message.params[-1], message.tags["msgid"], message.tags["time"]


def _as_told(entry: Entry) -> Told:
    return entry.text, entry.msgid, timestamp(entry.time)


PARTS = 6  # of a block and of its echo, between which the link is cut


@WAYS
def test_a_block_of_our_client_stays_one_message_wherever_its_link_is_cut(way: int, idle_server: Server) -> None:
    idle_server.adduser("ada")
    idle_server.start()
    with Relay(idle_server.port) as relay, _client(idle_server, relay) as client:
        passed = relay.links()[-1].passed[way]
        stored = [client.send("#lobby", _block(0)).msgid]
        size = relay.links()[-1].passed[way] - passed
        told: list[Event] = []
        for offset in range(0, size + 1, size // PARTS):
            relay.links()[-1].cut_behind(way, offset)
            stored.append(client.send("#lobby", _block(len(stored))).msgid)
            told += _until_back(client)
    told += client.take()
    entries = [entry for entry in idle_server.history("#lobby") if entry.kind == "PRIVMSG"]
    assert len(entries) > PARTS
    assert [entry.msgid for entry in entries] == stored
    assert [entry.text.replace("\r", "") for entry in entries] == [_block(number) for number in range(len(stored))]
    said = [one for event in told for one in (event.lines if isinstance(event, Missed) else [event])]
    assert [one.text for one in said if isinstance(one, Said)] == [_block(number) for number in range(len(stored))]


def _client(server: Server, relay: Relay) -> Client:
    """It is logged in, and makes a lost link anew at once."""
    dial = partial(connect, Address("localhost", relay.address[1]), ByCA(server.ca))
    conversation = Conversation(Seen(), Outbox())
    client = Client(Credentials("ada", PASSWORD), outages, conversation, dial, delay=lambda tries, lasted: 0.02)
    client.log_in(dial())
    client.enter()
    return client


def _until_back(client: Client) -> list[Event]:
    """What it is told up to the next link."""
    told = client.take(most=1)
    while not isinstance(told[-1], Entered):
        told += client.take(most=1)
    return told


def _block(number: int) -> str:
    return f"block {number}\n\n  {'of words ' * 60}\nthe end"
