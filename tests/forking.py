"""`securechat` forked from a process that has imported it already: as real as one that is started, and there at once.

Whatever is measured from outside, memory above all, takes one that was started.
"""

from __future__ import annotations

import atexit
import fcntl
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import reduction
from pathlib import Path
from typing import Any, NoReturn

import pexpect

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *("securechat.cli.main", "securechat.cli.serve", "securechat.server.run"),
        *("securechat.cli.login", "securechat.cli.doctor", "securechat.cli.send", "securechat.cli.tail"),
        *("securechat.cli.search", "securechat.cli.visiting", "securechat.cli.join", "securechat.ui.pipe"),
        *("securechat.ui.search", "securechat.ui.tail", "securechat.ui.line", "securechat.ui.full.app"),
    ]
)

PREFIX = [sys.executable, "-m", "securechat"]


def is_ours(command: Sequence[str]) -> bool:
    return list(command[: len(PREFIX)]) == PREFIX


def run(
    command: Sequence[str],
    *,
    input: str | bytes = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as `subprocess.run` does; it begins with PREFIX. Raises TimeoutError."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(input.encode() if isinstance(input, str) else input)
        given.seek(0)
        child = _child(command, cwd, (given.fileno(), out.fileno(), err.fileno()), env)
        _wait(child, timeout)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, child.exitcode or 0, out.read().decode(), err.read().decode())


class Forked:
    """A process that runs such a command; what a Popen has under the same names."""

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        out, out_there = os.pipe()
        errors, errors_there = os.pipe()
        with open(os.devnull) as nothing:
            self._child = _child(command, cwd, (nothing.fileno(), out_there, errors_there), None)
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
        _wait(self._child, timeout)
        with self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()


class OnTerminal:
    """A process that runs such a command on a terminal of its own; what a `pexpect.spawn` has under the same names."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], columns: int, lines: int) -> None:
        self.exitstatus: int | None = None  # None too when a signal ended it
        self._terminal, there = os.openpty()
        termios.tcsetwinsize(there, (lines, columns))
        self._child = _child(command, None, (there, there, there), env)
        self.pid: int = self._child.pid
        os.close(there)

    def getecho(self) -> bool:
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def send(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._terminal, data) :]

    def read_nonblocking(self, size: int, timeout: float) -> bytes:
        """What it wrote. Raises `pexpect.TIMEOUT`, or `pexpect.EOF` when it has ended."""
        if not select.select([self._terminal], [], [], timeout)[0]:
            raise pexpect.TIMEOUT("nothing is written")
        try:
            return os.read(self._terminal, size)
        except OSError:  # which Linux gives for a terminal that nobody is at any more
            raise pexpect.EOF("nobody is at the terminal") from None

    def kill(self, number: int) -> None:
        if self._child.exitcode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def close(self, force: bool = False) -> None:
        """The terminal is taken away; wait for the end, which is by force if so told. Raises TimeoutError."""
        if self._terminal < 0:
            return
        os.close(self._terminal)
        self._terminal = -1
        if force:
            self.kill(signal.SIGKILL)
        try:
            _wait(self._child, 60.0)
        except TimeoutError:
            self.kill(signal.SIGKILL)
            raise
        self.exitstatus = self._child.exitcode if self._child.exitcode >= 0 else None
        self._child.close()


class _File:
    """An open file, on its way to the child."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (reduction.DupFd(self._number),)


def _arrived(file: Any) -> int:
    number: int = file.detach()
    return number


def _child(
    command: Sequence[str], cwd: Path | None, standard: tuple[int, int, int], env: Mapping[str, str] | None
) -> Any:
    assert is_ours(command)
    environment = dict(os.environ if env is None else env)
    files = [_File(number) for number in standard]
    child = _context.Process(target=_main, args=(list(command[len(PREFIX) :]), cwd or Path.cwd(), files, environment))
    child.start()
    return child


def _wait(child: Any, timeout: float) -> None:
    child.join(timeout)
    if child.exitcode is None:
        raise TimeoutError(f"the process does not end within {timeout:g} s")


def _main(words: list[str], cwd: Path, files: list[int], environment: dict[str, str]) -> NoReturn:
    from securechat.cli.main import main

    for standard, number in enumerate(files):
        os.dup2(number, standard)
        os.close(number)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)
    if os.isatty(0):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(cwd)
    atexit._clear()  # what the process that we were forked from would do
    try:
        main(words)
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out, and with them the last lines of the log
