"""What leaves when, told by tables of answers; no server is needed."""

from datetime import UTC, datetime

import pytest

from securechat.client.outbox import MOST_BYTES, Line, Outbox

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Sender:
    """Numbers what leaves the outbox, as a session does with labels."""

    def __init__(self, window: int = 8, patience: float = 60.0) -> None:
        self.outbox = Outbox(window, patience)
        self.labels: dict[str, str] = {}  # text to label
        self.order: list[str] = []

    def put(self, ticket: int, *texts: str) -> None:
        line = Line(ticket, "#lobby", "".join(texts), NOON)
        line.cut(texts)
        self.outbox.put(line)

    def send(self, now: float = 0.0) -> list[str]:
        sent = []
        for piece in self.outbox.due(now):
            label = str(len(self.order))
            self.outbox.sent(piece, label)
            self.labels[piece.wire_text] = label
            self.order.append(piece.wire_text)
            sent.append(piece.wire_text)
        return sent

    def acknowledge(self, text: str, now: float = 0.0) -> bool:
        return self.outbox.acknowledged(self.labels[text], now).line.done

    def refuse(self, text: str, now: float = 0.0, *, temporary: bool = False) -> Line | None:
        return self.outbox.refused(self.labels[text], now, temporary=temporary)


@pytest.fixture
def sender():
    return Sender()


def test_at_most_eight_messages_are_unacknowledged(sender):
    for number in range(1, 21):
        sender.put(number, f"line {number}")
    assert len(sender.send()) == 8
    assert sender.send() == []
    sender.acknowledge("line 1")
    assert sender.send() == ["line 9"]


def test_a_line_of_several_messages_is_done_with_the_last(sender):
    sender.put(1, "a", "b")
    sender.send()
    assert not sender.acknowledge("b")
    assert sender.acknowledge("a")


def test_the_first_line_without_an_acknowledgement_is_known(sender):
    for number in (1, 2, 3):
        sender.put(number, f"line {number}")
    sender.send()
    sender.acknowledge("line 2")
    assert sender.outbox.lines[0].ticket == 1
    sender.acknowledge("line 1")
    assert sender.outbox.lines[0].ticket == 3


def test_the_rest_of_a_refused_line_is_not_sent(sender):
    sender = Sender(window=1)
    sender.put(1, "a", "b")
    sender.put(2, "c")
    sender.send()
    assert sender.refuse("a").ticket == 1
    assert sender.send() == ["c"]


def test_a_lost_link_puts_all_that_was_not_answered_before_the_rest_and_in_order(sender):
    sender.outbox.window = 3
    for text in "abcd":
        sender.put(ord(text), text)
    sender.send()
    sender.acknowledge("b")
    sender.refuse("a", temporary=True)
    sender.send()
    ids = {piece.wire_text: piece.id for line in sender.outbox.lines for piece in line.pieces}
    sender.outbox.link_lost()
    assert [piece.wire_text for piece in sender.outbox.doubts] == ["c"]
    assert sender.send() == ["a", "c", "d"]
    assert {piece.wire_text: piece.id for line in sender.outbox.lines for piece in line.pieces} == ids


def test_a_line_that_is_given_up_is_not_sent_and_its_answers_harm_nothing(sender):
    sender.outbox.window = 1
    sender.put(1, "a", "b")
    sender.send()
    sender.outbox.give_up(sender.outbox.lines[0])
    assert not sender.acknowledge("a")
    assert sender.send() == []
    assert sender.outbox.lines == []


def test_what_waits_is_bounded(sender):
    sender.put(1, "x" * (MOST_BYTES + 1))
    line = Line(2, "#lobby", "y", NOON)
    assert not sender.outbox.put(line)
    while sender.send():
        pass
    sender.acknowledge("x" * (MOST_BYTES + 1))
    assert sender.outbox.put(line)


def test_what_could_not_be_stored_is_sent_again_in_order_before_anything_new(sender):
    for text in "abcd":
        sender.put(ord(text), text)
    sender.outbox.window = 3
    assert sender.send() == ["a", "b", "c"]
    assert sender.refuse("a", temporary=True) is None
    assert sender.send() == []  # b and c may still be stored, and d must not overtake a
    sender.refuse("b", temporary=True)
    sender.refuse("c", temporary=True)
    assert sender.send() == []
    assert sender.send(sender.outbox.deadline) == ["a"]  # one at a time until the server stores again
    sender.acknowledge("a", 1.0)
    assert sender.send(1.0) == ["b", "c", "d"]


def test_waiting_grows_and_patience_ends(sender):
    sender.put(1, "a")
    delays, now = [], 0.0
    sender.send(now)
    while (line := sender.refuse("a", now, temporary=True)) is None:
        delays.append(sender.outbox.deadline - now)
        now = sender.outbox.deadline
        assert sender.send(now) == ["a"]
    assert line.ticket == 1
    assert delays[:5] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert max(delays) == 10.0
    assert 60.0 <= now <= 70.0


def test_without_patience_the_first_no_counts(sender):
    sender = Sender(patience=0.0)
    sender.put(1, "a")
    sender.send()
    assert sender.refuse("a", temporary=True).ticket == 1
