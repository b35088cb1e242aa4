"""Kills what the store does behind each of its lines, one after the other.

A process of its own, told on standard input what to do: `backup|restore NUMBER FILE DATABASE`. It does that in a
child, which is killed by SIGKILL at the NUMBER-th line of `backup.py` and `restore.py` that it comes to, and says how
the child ended: the number of the signal, or 0. Forking makes a hundred kills as cheap as a few processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from securechat.store import backup, inspection, restore

FILES = (backup.__file__, restore.__file__)


def make(file: Path, database: Path) -> None:
    with backup.unfinished(file, replace=True) as copy:
        with closing(backup.in_use(database)) as source:
            backup.copy(source, copy)
        inspection.inspect(copy)


WORK: dict[str, Callable[[Path, Path], object]] = {"backup": make, "restore": restore.restore}


def kill_at(number: int) -> None:
    """Kill this process at that line from now on."""
    left = number

    def traced(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return traced

    def called(frame: FrameType, event: str, argument: object) -> Any:
        return traced if frame.f_code.co_filename in FILES else None

    sys.settrace(called)


def main() -> None:
    for line in sys.stdin:
        kind, number, file, database = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            kill_at(int(number))
            WORK[kind](Path(file), Path(database))
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


@contextmanager
def killer() -> Iterator[Callable[[str, int, Path, Path], bool]]:
    """`kill(kind, number, file, database)` gives False once the work came to its end before that line."""
    words = [sys.executable, "-m", "tests.store.killing"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said, heard = process.stdin, process.stdout

        def kill(kind: str, number: int, file: Path, database: Path) -> bool:
            said.write("\t".join([kind, str(number), str(file), str(database)]) + "\n")
            said.flush()
            status = int(heard.readline())
            assert status in (0, -signal.SIGKILL)
            return status != 0

        yield kill
        said.close()


if __name__ == "__main__":
    main()
