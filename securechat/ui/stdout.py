"""Plain lines on standard output, for faces that draw nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


class Output:
    """A reader that goes away or never was is no reason to stop what else is done; lines are then written nowhere.

    Unless one is `needed`: then `write` raises BrokenPipeError.
    """

    def __init__(self, *, needed: bool = False) -> None:
        self._needed = needed
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal that knows no UTF-8 shows question marks

    def write(self, lines: Sequence[str]) -> None:
        if not lines or sys.stdout is None:
            return
        _wait_for_room()
        try:
            sys.stdout.write("\n".join((*lines, "")))
            sys.stdout.flush()
        except BrokenPipeError:
            if self._needed:
                raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)


def _wait_for_room() -> None:
    """Have a write wait until all of it is taken: a terminal is shared, and another program may have left it so that it
    takes a part and refuses the rest, which would be lost.
    """
    try:
        os.set_blocking(sys.stdout.fileno(), True)
    except (AttributeError, OSError):
        pass  # on Windows, or no file of the system's
