"""The lock of a data folder: who holds it is the one server, and alone may change the schema.

An flock ends with the process that took it, however it ends, so no stale lock is ever left behind.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from securechat.errors import SecurechatError

FILE = "serve.lock"
_POLL = 0.02


class ServerRunning(SecurechatError):
    """Another process holds the lock; `pid` is its process id where it can be read."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{who} already serves {str(folder)!r}; stop it first, or give another folder with --data")
        self.pid = pid


class LockUnusable(SecurechatError):
    """The lock's file cannot be opened."""


class ServeLock:
    """Exclusive while held: `with ServeLock(folder):`. The process id is written into the file."""

    def __init__(self, folder: Path, wait: float = 0.0) -> None:
        self.folder = folder
        self.wait = wait
        self._file: int | None = None

    def __enter__(self) -> ServeLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def acquire(self) -> None:
        """Raises ServerRunning when another has it still after `wait` seconds."""
        deadline = time.monotonic() + self.wait
        file = _open(self.folder / FILE)
        try:
            while not _taken(file):
                if time.monotonic() >= deadline:
                    raise ServerRunning(self.folder, _pid(file))
                time.sleep(_POLL)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LockUnusable(f"cannot open {str(path)!r}: {error.strerror}; check who owns the folder") from error


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid(file: int) -> int | None:
    words = os.pread(file, 32, 0).split()
    return int(words[0]) if words and words[0].isdigit() else None
