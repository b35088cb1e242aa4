"""Who may read the database: the user that the server runs as, and nobody else."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from securechat.errors import SecurechatError

PRIVATE = 0o600
_OTHERS = 0o077


class NotPrivate(SecurechatError):
    """Others decide who may read the file, or it cannot be kept from them."""


def make_private(database: Path) -> list[Path]:
    """Take from others what they may do with the database, what SQLite keeps beside it, and the copies of it there.

    Gives the files that had to be mended: they are the server's alone, so nobody meant it. Raises NotPrivate.
    """
    return [path for path in sorted(database.parent.glob(f"{database.name}*")) if _mend(path)]


def _mend(path: Path) -> bool:
    try:
        found = path.stat()
        if found.st_uid != os.geteuid():
            raise NotPrivate(_whose(path, found.st_uid))
        if not found.st_mode & _OTHERS or not stat.S_ISREG(found.st_mode):
            return False
        path.chmod(PRIVATE)
    except FileNotFoundError:  # a -wal goes with the command that was the last to use it
        return False
    except OSError as error:
        raise NotPrivate(f"others may read {str(path)!r}, and that cannot be changed: {error.strerror}") from error
    return True


def _whose(path: Path, owner: int) -> str:
    owning, running = _name(owner), _name(os.geteuid())
    remedy = f"run the server as {owning}, or type: chown {running} {path}"
    return f"{str(path)!r} belongs to {owning}, but the server runs as {running}; {remedy}"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
