"""The command line with a bug in it: `python tests/failing.py FILE:FUNCTION:MARK python -m securechat WORD…`.

The function raises at its first line, once, when one of its arguments holds the mark. It is a tracing function that
raises in the line's place, so the code under test is as it is; with that Python ends the tracing.
"""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

import msgspec


class Bug(Exception):
    """What a marked call ends with."""


class Trap:
    def __init__(self, file: str, function: str, mark: str) -> None:
        self._place = file, function
        self._mark = mark

    def called(self, frame: FrameType, event: str, argument: object) -> Any:
        if (frame.f_code.co_filename.rpartition("/")[2], frame.f_code.co_name) != self._place:
            return None
        return self._line if _holds([*frame.f_locals.values()], self._mark) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            raise Bug("made to fail")
        return self._line


def _holds(value: object, mark: str) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds(one, mark) for one in value)
    if isinstance(value, msgspec.Struct):
        return _holds(msgspec.structs.astuple(value), mark)
    if isinstance(value, bytes):
        return mark.encode() in value
    return isinstance(value, str) and mark in value


if __name__ == "__main__":
    trap = Trap(*sys.argv[1].split(":"))
    threading.settrace(trap.called)
    sys.settrace(trap.called)
    from securechat.cli.main import main

    main(sys.argv[5:])
