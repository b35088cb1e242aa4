"""What the benchmark counts as delivered, lost and out of order."""

from __future__ import annotations

from scripts.benchmark.stream import Stream


def line(sender: int, sequence: int) -> bytes:
    return f":nick!nick@host PRIVMSG #lobby :{sender}.{sequence} xxx\r\n".encode()


def test_messages_are_found_however_the_bytes_are_cut() -> None:
    whole = b":server PRIVMSG\r\n" + line(0, 0) + b":other JOIN #lobby\r\n" + line(1, 0) + line(0, 1)
    stream = Stream(1)
    found = [message for byte in whole for message in stream.add(bytes([byte]))]
    assert found == stream.messages == [(0, 0), (1, 0), (0, 1)]
    assert stream.ends[-1] == len(whole)
    assert stream.misplaced == 0


def test_a_lost_a_doubled_and_an_early_message_are_misplaced() -> None:
    for sequences, misplaced in (((0, 2), 1), ((0, 0, 1), 1), ((1, 0), 2), ((0, 1, 2), 0)):
        stream = Stream(1)
        stream.add(b"".join(line(0, sequence) for sequence in sequences))
        assert stream.misplaced == misplaced, sequences


def test_a_message_counts_as_read_by_all_when_the_last_reader_has_it() -> None:
    stream = Stream(2)
    stream.add(line(0, 0) + line(0, 1))
    assert stream.messages_before(len(line(0, 0)), 0) == 1
    assert stream.move(0, 2) == []
    assert stream.move(0, 1) == [(0, 0)]
    assert stream.move(1, 2) == [(0, 1)]


def test_a_reader_that_gets_something_else_is_followed_apart() -> None:
    stream = Stream(2)
    stream.add(line(0, 0) + line(0, 1))
    assert stream.move(0, 1) == []
    branch = stream.branch(len(line(0, 0)), 1)
    branch.add(line(0, 2))
    assert branch.misplaced == 1
    assert branch.move(1, 2) == [(0, 2)]
    assert stream.move(0, 2) == [(0, 0), (0, 1)]
