"""From bytes to messages: the same lines whole and one byte at a time, and every reason to drop one."""

from __future__ import annotations

import pytest

from securechat.protocol.lines import (
    BODY_BYTES,
    CLIENT_TAG_BYTES,
    TAG_BYTES,
    UNENDED_BYTES,
    Fault,
    LineBuffer,
    Unended,
    Unreadable,
    read_line,
    read_server_line,
)
from securechat.protocol.message import Message

STREAMS = [
    (b"", []),
    (b"PING 1\r\n", [b"PING 1\r"]),
    (b"PING 1\nPING 2\r\n", [b"PING 1", b"PING 2\r"]),
    (b"\r\n\n\r\r\n", [b"\r", b"", b"\r\r"]),
    (b"a\rb\nnot ended", [b"a\rb"]),
    ("é😀\n".encode(), ["é😀".encode()]),
    (b"\0\xff\n", [b"\0\xff"]),
]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(("stream", "lines"), STREAMS)
def test_lines_end_at_lf_however_the_bytes_arrive(stream: bytes, lines: list[bytes], size: int) -> None:
    buffer = LineBuffer()
    found = []
    for start in range(0, len(stream), size):
        found += buffer.feed(stream[start : start + size])
    assert found == lines


@pytest.mark.parametrize("most", [1, 2, 3, 1000])
@pytest.mark.parametrize(("stream", "lines"), STREAMS)
def test_lines_may_be_taken_a_few_at_a_time(stream: bytes, lines: list[bytes], most: int) -> None:
    buffer = LineBuffer()
    found = buffer.feed(stream, most)
    assert len(found) <= most
    while buffer.has_line:
        more = buffer.feed(b"", most)
        assert 0 < len(more) <= most
        found += more
    assert found == lines
    with pytest.raises(Unended):
        buffer.feed(b"x\n" * most + b"x" * (UNENDED_BYTES + 1), most)


def test_bytes_without_an_end_are_kept_up_to_the_limit() -> None:
    buffer = LineBuffer(100)
    assert buffer.feed(b"x" * 100) == []
    assert buffer.feed(b"\ny") == [b"x" * 100]


@pytest.mark.parametrize("size", [1, 7, 101])
def test_more_than_the_limit_without_an_end_is_refused(size: int) -> None:
    buffer = LineBuffer(100)
    for _ in range(100 // size):
        buffer.feed(b"x" * size)
    with pytest.raises(Unended):
        buffer.feed(b"x" * size)


def test_what_was_refused_takes_no_memory() -> None:
    buffer = LineBuffer(100)
    with pytest.raises(Unended):
        buffer.feed(b"x" * 101)
    assert buffer.feed(b"PING 1\n") == [b"PING 1"]


def test_a_long_line_that_ends_in_the_same_piece_is_no_matter_of_the_buffer() -> None:
    assert LineBuffer(100).feed(b"x" * 1000 + b"\n") == [b"x" * 1000]


@pytest.mark.parametrize("line", [b"", b"\r"])
def test_an_empty_line_is_nothing(line: bytes) -> None:
    assert read_line(line) is None
    assert read_server_line(line) is None


def body(size: int) -> bytes:
    """A line whose body has `size` bytes with CRLF."""
    return b"PRIVMSG #a :" + b"x" * (size - 2 - len(b"PRIVMSG #a :")) + b"\r"


def tags(size: int, end: bytes = b"") -> bytes:
    """`size` bytes of tags between @ and the space."""
    return b"@" + b"x" * (size - len(end)) + end + b" PING 1\r"


UNREADABLE = [
    (body(BODY_BYTES + 1), Fault.TOO_LONG, None),
    (b"@label=7 " + body(BODY_BYTES + 1), Fault.TOO_LONG, "7"),
    (tags(CLIENT_TAG_BYTES + 1), Fault.TOO_LONG, None),
    (tags(CLIENT_TAG_BYTES + 1, b";label=7"), Fault.TOO_LONG, "7"),
    (b"@label=\xff " + body(BODY_BYTES + 1), Fault.TOO_LONG, None),
    (b"@label=a\rb " + body(BODY_BYTES + 1), Fault.TOO_LONG, None),
    (b"@label=a\0b PING 1", Fault.CONTROL, None),
    (b"PING a\rb\r", Fault.CONTROL, None),
    (b"PING 1\r\r", Fault.CONTROL, None),
    (b"\r\r", Fault.CONTROL, None),
    (b"PING a\0b", Fault.CONTROL, None),
    (b"@label=7 PING a\rb", Fault.CONTROL, "7"),
    (b"PING \xff", Fault.NOT_UTF8, None),
    (b"PING \xed\xa0\x80", Fault.NOT_UTF8, None),
    (b"PING \xc3", Fault.NOT_UTF8, None),
    (b"PING \xc0\x8a", Fault.NOT_UTF8, None),
    (b"@label=7 PING \xff", Fault.NOT_UTF8, "7"),
    (b"@label=\xff;a=b PING 1", Fault.NOT_UTF8, None),
    (b" ", Fault.NO_COMMAND, None),
    (b":", Fault.NO_COMMAND, None),
    (b":source", Fault.NO_COMMAND, None),
    (b" :PING", Fault.NO_COMMAND, None),
    (b"@", Fault.NO_COMMAND, None),
    (b"@label=7", Fault.NO_COMMAND, "7"),
    (b"@label=7 :source ", Fault.NO_COMMAND, "7"),
]


@pytest.mark.parametrize(("line", "fault", "label"), UNREADABLE)
def test_a_line_is_dropped_with_its_reason_and_its_label(line: bytes, fault: Fault, label: str | None) -> None:
    assert read_line(line) == Unreadable(fault, label)


@pytest.mark.parametrize(
    "line", [body(BODY_BYTES), tags(CLIENT_TAG_BYTES), tags(CLIENT_TAG_BYTES)[:-7] + body(BODY_BYTES)]
)
def test_a_line_at_its_limits_is_read(line: bytes) -> None:
    assert isinstance(read_line(line), Message)


def test_servers_may_send_more_tags_than_clients() -> None:
    line = tags(TAG_BYTES - len(b"@ "))[: -len(b"PING 1\r")] + body(BODY_BYTES)
    assert len(line) + len(b"\n") == TAG_BYTES + BODY_BYTES
    assert isinstance(read_server_line(line), Message)
    assert read_server_line(b"@x" + line[1:]) == Unreadable(Fault.TOO_LONG)
