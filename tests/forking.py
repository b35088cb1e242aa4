"""Servers forked from a process that has imported them already: each as real as one that is started, and at once there.

Whatever is measured from outside, memory above all, takes a server that was started.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import reduction
from pathlib import Path
from typing import Any, NoReturn

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["securechat.cli.main", "securechat.cli.serve", "securechat.server.run"])


class Forked:
    """A process that runs `securechat` with these words; what a Popen has under the same names."""

    def __init__(self, words: list[str], folder: Path) -> None:
        out, out_there = os.pipe()
        errors, errors_there = os.pipe()
        self._child = _context.Process(target=_run, args=(words, folder, _End(out_there), _End(errors_there)))
        self._child.start()
        os.close(out_there)
        os.close(errors_there)
        self.stdout = os.fdopen(out)
        self.stderr = os.fdopen(errors)

    @property
    def pid(self) -> int:
        assert self._child.pid is not None
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        return self._child.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end; what was not read before. Raises TimeoutError."""
        self._child.join(timeout)
        if self._child.exitcode is None:
            raise TimeoutError(f"the server does not end within {timeout:g} s")
        with self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()


class _End:
    """An end of a pipe, on its way to the child."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (reduction.DupFd(self._number),)


def _arrived(end: Any) -> int:
    number: int = end.detach()
    return number


def _run(words: list[str], folder: Path, out: int, errors: int) -> NoReturn:
    from securechat.cli.main import main

    for number, standard in ((out, 1), (errors, 2)):
        os.dup2(number, standard)
        os.close(number)
    os.chdir(folder)
    main(words)
