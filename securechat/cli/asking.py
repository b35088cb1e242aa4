"""What a person is asked on a terminal, and where a password comes from when nobody is."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.client.address import Address
    from securechat.client.profile import Profile

PASSWORD_VARIABLE = "SECURECHAT_PASSWORD"  # noqa: S105 - the name of a variable, not a password
LONGEST_PASSWORD_FILE = 4096


class LoginUsage(SecurechatError):
    """Something needed was not given, and there is no terminal to ask on."""

    exit_status = 2


class NotTrusted(SecurechatError):
    exit_status = 4


def ask_to_trust(address: Address, pin: str) -> None:
    """Raises NotTrusted unless the person says yes."""
    from securechat.client.refusals import SHOW_PIN

    click.echo(
        f"The server {address} is not known here yet, and no CA of this system vouches for it. Its key:\n\n"
        f"  {pin}\n\n"
        "Have its operator tell you, on another way, which pin this shows on the server:\n\n"
        f"  {SHOW_PIN}\n",
        err=True,
    )
    if not click.confirm("Is it the same, and is this key to be trusted from now on?", default=False, err=True):
        raise NotTrusted(f"{address} is not trusted; nothing was sent")


def which_account(profile: Profile, address: Address) -> str:
    """The one that is typed, or was used last. Raises LoginUsage."""
    from securechat.protocol.names import is_account_name

    last = profile.last_account(address)
    if not on_a_terminal():
        if last is None:
            raise LoginUsage(f"no account is named and none was used with {address} before; give it as NAME@{address}")
        return last
    name: str = click.prompt(f"Account on {address}", default=last, err=True)
    if not is_account_name(name):
        raise LoginUsage(f"{name!r} is no account name: letters, digits, _ and -, beginning with a letter")
    return name


def given_password(file: Path | None) -> str | None:
    """From the file, else from the environment. Raises LoginUsage."""
    return _read_password(file) if file is not None else os.environ.get(PASSWORD_VARIABLE) or None


def _read_password(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & 0o077:
                click.echo(f"securechat: others may read {file}; close it with: chmod 600 {quote(str(file))}", err=True)
            password = opened.read(LONGEST_PASSWORD_FILE).split(b"\n")[0].removesuffix(b"\r").decode()
    except OSError as error:
        raise LoginUsage(
            f"cannot read the password file {str(file)!r}: {error.strerror}; give the path of one that you may read"
        ) from error
    except UnicodeDecodeError:
        words = f"the password file {str(file)!r} is not UTF-8; write it again with a text editor"
        raise LoginUsage(words) from None  # the cause holds the password
    if not password:
        raise LoginUsage(f"the first line of the password file {str(file)!r} is empty; it must be the password")
    return password


def ask_password(account: str, address: Address) -> str:
    password: str = click.prompt(f"Password of {account} on {address}", hide_input=True, err=True)
    return password


def ask_code() -> str:
    code: str = click.prompt("Second factor code", err=True)
    return code.replace(" ", "")


def on_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
