"""The decorator of every command that works on the server's data: its options, and opening the store."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from securechat import config

if TYPE_CHECKING:
    from securechat.store.accounts import Accounts
    from securechat.store.certificates import Certificates
    from securechat.store.database import Database
    from securechat.store.invites import Invites
    from securechat.store.tokens import Tokens
    from securechat.store.totp import Factors

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Store:
    """The server's data as a command sees it."""

    settings: config.Settings
    folder: Path
    database: Database
    accounts: Accounts
    tokens: Tokens
    certificates: Certificates
    factors: Factors
    invites: Invites


def server_data(command: Callable[Concatenate[Store, P], R]) -> Callable[..., R]:
    """Give the command a Store as its first argument, and the options --data and --config.

    The store is opened, and SQLAlchemy imported, only when the command runs; a database that is not there is made.
    """

    @data_options
    @functools.wraps(command)
    def opened(*args: Any, data: Path | None, config_file: Path | None, **kwargs: Any) -> R:
        from securechat.store.accounts import Accounts
        from securechat.store.certificates import Certificates
        from securechat.store.database import ADMIN_TIMEOUT, open_database
        from securechat.store.invites import Invites
        from securechat.store.tokens import Tokens
        from securechat.store.totp import Factors

        settings, folder = config.find(data, config_file)
        database = open_database(folder, settings.store, timeout=ADMIN_TIMEOUT)
        with contextlib.closing(database):
            autojoin = settings.channels.autojoin
            stored = (Accounts(database, autojoin), Tokens(database), Certificates(database), Factors(database))
            store = Store(settings, folder, database, *stored, Invites(database, autojoin))
            return command(store, *args, **kwargs)

    return opened


def data_options(command: Callable[..., R]) -> Callable[..., R]:
    """The two options that say where the server's data is; they arrive as `data` and `config_file`."""
    file = click.Path(path_type=Path)
    command = click.option(
        "--config", "config_file", type=file, metavar="FILE", help="Configuration instead of DIR/config.toml."
    )(command)
    return click.option(
        "--data", type=file, metavar="DIR", help=f"The server's data folder instead of {config.default_data()}."
    )(command)
