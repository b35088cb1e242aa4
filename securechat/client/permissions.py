"""What others of this machine may do with a person's own files: nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

OTHERS = 0o077


def tighten(paths: Iterable[Path]) -> list[Path]:
    """Take from others what they may do with these files and folders; gives those with which they could do anything.

    Windows has no such modes: a person's files are his own there. Raises OSError.
    """
    return [path for path in paths if _tighten(path)] if os.name == "posix" else []


def _tighten(path: Path) -> bool:
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS:
            return False
        path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except FileNotFoundError:  # another client of the same person has just replaced it
        return False
    return True
