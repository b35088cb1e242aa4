"""A conversation whose link is cut between any two lines: all is stored once, told once, and in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest

from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.events import Acknowledged, Entered, Event, LinkBack, Missed, Refused, Said
from securechat.client.history import Seen
from securechat.client.multiline import Limits
from securechat.client.outbox import Outbox
from securechat.client.past import everything
from securechat.client.session import Session

from .host import NOON, Host

TYPED = (("#lobby", "one"), ("#lobby", "two"), ("bob", "psst"), ("#lobby", "word " * 150), ("#lobby", "two"))


class Run:
    """One account's conversation with a host over as many links as a test wants; bob talks every few steps."""

    def __init__(self, host: Host, bob_every: int = 9) -> None:
        self.host = host
        self.now = NOON
        self.conversation = Conversation(Seen(), Outbox(), lambda: self.now)
        self.events: list[Event] = []
        self.bob_every = bob_every
        self._numbers = count(1)
        self._monotonic = 0.0

    def type(self, *lines: tuple[str, str]) -> None:
        for target, text in lines:
            self.conversation.outbox.put(self.conversation.line(next(self._numbers), target, text))

    def link(self, cut_after: int | None = None, *, eager: bool = False) -> int:
        """Carry one link until nothing more is said, or it is cut; gives the number of lines that arrived.

        `eager`: all that the client says arrives before anything that it is told.
        """
        guest = self.host.connect()
        session = Session(Credentials("ada", "pw"), everything("#lobby"), self.conversation)
        session.start(self._monotonic)
        for step, line in enumerate(self._lines(session, guest, eager), 1):
            if step == cut_after:
                break
            if isinstance(line, bytes):
                session.feed(line, self._monotonic)
            else:
                guest.receive(line)
            if step % self.bob_every == 0:
                self.host.say("bob", ("#lobby", "ada")[step % 2], f"bob {len(self.host.stored)}")
        self.events += session.take_events()
        self.conversation.lost(timedelta())
        self.host.guest = None
        return step

    def _lines(self, session: Session, guest, eager: bool) -> Iterator[bytes | str]:
        """The lines one by one as they arrive: text at the host, bytes at the client."""
        to_host: deque[str] = deque()
        to_client: deque[bytes] = deque()
        while True:
            session.tick(self._monotonic)
            to_host += session.take_output().decode().splitlines()
            to_client += (f"{line}\r\n".encode() for line in guest.output)
            guest.output.clear()
            if to_host and (eager or len(to_host) >= len(to_client)):
                yield to_host.popleft()
            elif to_client:
                yield to_client.popleft()
            elif to_host:
                yield to_host.popleft()
            else:
                return

    @property
    def told(self) -> list[Said]:
        lines: list[Said] = []
        for event in self.events:
            lines += event.lines if isinstance(event, Missed) else [event] if isinstance(event, Said) else []
        return lines

    def check(self) -> None:
        pieces = [piece.text for piece in self.host.stored if piece.sender == "ada"]
        assert "".join(pieces) == "".join(text for _, text in TYPED)
        for target in ("#lobby", "bob"):
            stored = [one.text for one in self.host.stored if self._place(one) == target]
            assert [said.text for said in self.told if said.target == target] == stored
        tickets = [event.ticket for event in self.events if isinstance(event, Acknowledged)]
        assert sorted(tickets) == list(range(1, len(TYPED) + 1))
        assert not any(isinstance(event, Refused) for event in self.events)
        assert self.conversation.outbox.lines == []

    @staticmethod
    def _place(stored) -> str:
        return stored.target if stored.sender == "ada" or stored.target == "#lobby" else stored.sender


def runs(knows_ids: bool) -> Run:
    run = Run(Host(knows_ids=knows_ids))
    run.type(*TYPED)
    return run


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("knows_ids", [True, False])
def test_a_link_cut_between_any_two_lines_neither_loses_nor_doubles_anything(knows_ids, eager):
    whole = runs(knows_ids)
    steps = whole.link(eager=eager)
    whole.check()
    assert steps > 30
    for cut in range(1, steps + 2):
        run = runs(knows_ids)
        run.link(cut, eager=eager)
        run.host.say("bob", "#lobby", "while nobody was there")
        run.link(eager=eager)
        run.check()


@pytest.mark.parametrize("knows_ids", [True, False])
def test_a_second_cut_right_behind_the_first_changes_nothing(knows_ids):
    steps = runs(knows_ids).link()
    for first in range(2, steps, 5):
        for second in range(1, steps, 3):
            run = runs(knows_ids)
            run.link(first)
            run.link(second, eager=True)
            run.link()
            run.check()


BLOCKS = (("#lobby", "one\n\nthree"), ("bob", "word " * 150), ("#lobby", "after"), ("#lobby", "one\n\nthree"))


@pytest.mark.parametrize("knows_ids", [True, False])
def test_a_message_of_several_lines_stays_one_wherever_the_link_is_cut(knows_ids):
    def begun() -> Run:
        run = Run(Host(knows_ids=knows_ids, multiline=True))
        run.conversation.limits = Limits(2000, 10)  # of a link before
        run.type(*BLOCKS)
        return run

    steps = begun().link()
    assert steps > 30
    for cut in range(1, steps + 2):
        run = begun()
        run.link(cut, eager=cut % 2 == 0)
        run.link()
        assert [(one.target, one.text.replace("\r", "")) for one in run.host.stored if one.sender == "ada"] == [*BLOCKS]
        assert sorted(said.text for said in run.told if said.own) == sorted(text for _, text in BLOCKS)
        assert [type(event) for event in run.events if isinstance(event, Acknowledged | Refused)] == [Acknowledged] * 4


@pytest.mark.parametrize(
    ("limits", "stored"),
    [
        ("", ["after"]),
        (" draft/multiline", ["after"]),
        (" draft/multiline=max-bytes=600,max-lines=10", ["one\n\nthree", "after", "one\n\nthree"]),
        (" draft/multiline=max-bytes=2000,max-lines=2", ["word " * 150, "after"]),
    ],
)
def test_a_server_that_takes_less_than_before_gets_nothing_else_instead(limits, stored):
    run = Run(Host(multiline=True))
    run.conversation.limits = Limits(2000, 10)
    run.type(*BLOCKS)
    run.host.capabilities = run.host.capabilities.partition(" draft/multiline")[0] + limits
    run.link()
    refused = [event for event in run.events if isinstance(event, Refused)]
    assert len(refused) == len(BLOCKS) - len(stored)
    assert all("no longer takes a message of so many lines" in event.reason for event in refused)
    assert [one.text.replace("\r", "") for one in run.host.stored if one.sender == "ada"] == stored


def test_what_a_link_brought_back_is_told_after_how_long_it_was_and_how_much():
    run = Run(Host(), bob_every=1000)
    run.link()
    run.events.clear()
    run.now += timedelta(hours=2)
    for number in range(250):
        run.host.say("bob", "#lobby", f"line {number}")
    run.host.say("eve", "ada", "psst")
    run.host.say("ada", "#lobby", "from another device")
    run.link()
    _, back, lobby, eve, entered = run.events
    assert back == LinkBack(7200.0, 251)
    assert [said.text for said in lobby.lines] == [*(f"line {number}" for number in range(250)), "from another device"]
    assert (eve.target, eve.direct, [said.text for said in eve.lines]) == ("eve", True, ["psst"])
    assert (type(entered), entered.again) == (Entered, True)


def test_a_link_that_is_lost_before_the_gap_is_whole_tells_nothing_of_it():
    run = Run(Host(), bob_every=1000)
    run.link()
    for number in range(250):
        run.host.say("bob", "#lobby", f"line {number}")
    run.events.clear()
    run.link(cut_after=200)
    assert not any(isinstance(event, Missed | LinkBack) for event in run.events)
    run.link()
    assert [said.text for said in run.told] == [f"line {number}" for number in range(250)]


def test_a_server_without_history_and_ids_leaves_what_is_in_doubt_to_the_person():
    doubtful = 0
    for cut in range(1, 45):
        run = runs(knows_ids=False)
        run.host.capabilities = "sasl=PLAIN message-tags server-time"
        run.link(cut, eager=True)
        run.link()
        refused = [event for event in run.events if isinstance(event, Refused)]
        assert all("nobody can tell whether it is stored" in event.reason for event in refused)
        ended = [event.ticket for event in run.events if isinstance(event, Acknowledged | Refused)]
        assert sorted(ended) == list(range(1, len(TYPED) + 1))
        pieces = [one.text for one in run.host.stored if one.sender == "ada"]
        assert all(pieces.count(text) <= (2 if text == "two" else 1) for text in pieces)
        doubtful += len(refused)
    assert doubtful


def test_what_waits_for_a_week_is_left_to_the_person():
    run = runs(knows_ids=True)
    run.now += timedelta(days=7)
    assert [line.text for line in run.conversation.forget_old_lines()] == [text for _, text in TYPED]
    run.link()
    assert [one for one in run.host.stored if one.sender == "ada"] == []
