"""Lines from a descriptor, one bad line harming no other."""

import os
import threading
from queue import SimpleQueue

import pytest

from securechat.ui.stdin import LONGEST_LINE, InputLine, read_lines, start_reader


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb"), os.fdopen(writer, "wb") as file:
        yield reader, file


def test_lines_are_numbered_and_bad_ones_named(pipe):
    reader, writer = pipe
    writer.write(b"one\r\n\n\xff\xfe\na\rb\nx\0\ngr\xc3\xbc\xc3\x9fe\nno end")
    writer.close()
    assert list(read_lines(reader)) == [
        InputLine(1, "one"),
        InputLine(2, ""),
        InputLine(3, "", "it is not UTF-8"),
        InputLine(4, "", "it holds a CR or NUL, which no message can"),
        InputLine(5, "", "it holds a CR or NUL, which no message can"),
        InputLine(6, "grüße"),
        InputLine(7, "no end"),
    ]


def test_an_endless_line_is_skipped_not_kept(pipe):
    reader, writer = pipe

    def write() -> None:
        for _ in range(40):
            writer.write(b"x" * (LONGEST_LINE // 10))
        writer.write(b"\nafter\n")
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    first, second = read_lines(reader)
    thread.join()
    assert "longer than" in first.problem
    assert second == InputLine(2, "after")


def test_the_reader_goes_no_further_than_its_slots(pipe):
    reader, writer = pipe
    writer.write(b"1\n\n  \n2\n3\n4\n")
    writer.close()
    given: SimpleQueue[InputLine | None] = SimpleQueue()
    slots = threading.Semaphore(2)
    start_reader(reader, given.put, slots)
    assert [given.get(timeout=5).number for _ in range(2)] == [1, 4]
    assert given.empty()
    slots.release(2)
    assert [given.get(timeout=5).number for _ in range(2)] == [5, 6]
    assert given.get(timeout=5) is None
