"""Lines of standard input, read by a thread of its own and never far ahead.

Reads the descriptor, not `sys.stdin`: its lock, held by a thread that waits for input, aborts the interpreter's end.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

READ_BYTES = 64 * 1024
LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class InputLine:
    """`problem` says why it cannot be sent; then `text` is empty."""

    number: int
    text: str = field(repr=False)
    problem: str = ""


def read_lines(descriptor: int) -> Iterator[InputLine]:
    """All lines with their numbers from 1; a line over the limit is skipped, not kept."""
    number, rest, skipping = 1, b"", False
    while data := os.read(descriptor, READ_BYTES):
        *ended, rest = (rest + data).split(b"\n")
        for line in ended:
            yield InputLine(number, "", _too_long()) if skipping else _decode(number, line)
            number, skipping = number + 1, False
        if len(rest) > LONGEST_LINE:
            rest, skipping = b"", True
    if rest or skipping:
        yield InputLine(number, "", _too_long()) if skipping else _decode(number, rest)


def _decode(number: int, line: bytes) -> InputLine:
    line = line.removesuffix(b"\r")
    if len(line) > LONGEST_LINE:
        return InputLine(number, "", _too_long())
    if b"\r" in line or b"\0" in line:
        return InputLine(number, "", "it holds a CR or NUL, which no message can")
    try:
        return InputLine(number, line.decode())
    except UnicodeDecodeError:
        return InputLine(number, "", "it is not UTF-8")


def _too_long() -> str:
    return f"it is longer than {LONGEST_LINE} bytes"


def start_reader(descriptor: int, give: Callable[[InputLine | None], None], slots: threading.Semaphore) -> None:
    """Give each line that is not blank, once a slot is free for it, then None at the end of the input."""

    def run() -> None:
        try:
            for line in read_lines(descriptor):
                if line.problem or line.text.strip():
                    slots.acquire()
                    give(line)
        except OSError:
            pass  # a terminal that is gone reads as the end
        give(None)

    threading.Thread(target=run, name="stdin", daemon=True).start()
