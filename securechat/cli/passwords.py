"""Where a command takes a new password from: the terminal, a file, standard input. Never from its arguments.

And the hashing of many at once, at the lowest priority, so that a server on the same machine keeps its pace.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import click

from securechat.errors import SecurechatError

R = TypeVar("R")

_LEAST_PRIORITY = 19
_TOO_LARGE = 64 * 1024  # bytes; no password is as long, and a device or a wrong file may never end


class NoPassword(SecurechatError):
    """There is nowhere to take the password from, or what is there is none."""

    exit_status = 2


def password_options(command: Callable[..., R]) -> Callable[..., R]:
    """The options of a command that sets a password; they arrive as `password_stdin` and `password_file`."""
    command = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")(command)
    return click.option(
        "--password-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read the password from FILE, one line.",
    )(command)


def new_password(name: str, *, password_stdin: bool, password_file: Path | None) -> str:
    """The password that account `name` is to have; on a terminal it is asked for twice. Raises NoPassword."""
    if password_stdin and password_file is not None:
        raise NoPassword("--password-stdin and --password-file exclude each other; give one of them")
    if password_file is not None:
        return _only_line(_read_file(password_file), f"the password file {str(password_file)!r}")
    if password_stdin:
        return _only_line(sys.stdin.buffer.read(_TOO_LARGE + 1), "standard input")
    if not sys.stdin.isatty():
        raise NoPassword("no terminal to ask for the password; give --password-file FILE or --password-stdin")
    answer: str = click.prompt(f"Password for {name}", hide_input=True, confirmation_prompt="Once more", err=True)
    return answer


def warn_if_readable(path: Path) -> None:
    """Say so when others of this machine may read a file with passwords."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        click.echo(f"securechat: warning: others may read {str(path)!r}; type: chmod 600 {path}", err=True)


def hash_all(passwords: Sequence[str], rounds: int) -> Iterator[bytes]:
    """The hashes in the same order, on all cores, as they get ready."""
    from securechat.auth.passwords import hash

    with ThreadPoolExecutor(os.cpu_count(), initializer=_step_back) as pool:
        yield from pool.map(lambda password: hash(password, rounds), passwords)


def _step_back() -> None:
    """On Linux a thread has its own priority: only those that hash step back, not the one that will hold the lock."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, _LEAST_PRIORITY)


def _read_file(path: Path) -> bytes:
    try:
        warn_if_readable(path)
        with path.open("rb") as file:
            return file.read(_TOO_LARGE + 1)
    except OSError as error:
        raise NoPassword(f"cannot read the password file {str(path)!r}: {error.strerror}") from error


def _only_line(content: bytes, where: str) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise NoPassword(f"{where} is not UTF-8 text; write the password again with a text editor") from error
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password or len(content) > _TOO_LARGE:
        raise NoPassword(f"{where} holds no password; expected one line and nothing else")
    return password
