"""What the commands have in common that come by for one thing: which server, and a client for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from securechat.cli.asking import LoginUsage
from securechat.cli.entry import enter

if TYPE_CHECKING:
    from pathlib import Path

    from securechat.client.address import Address
    from securechat.client.client import Client
    from securechat.client.credentials import Credentials
    from securechat.client.past import Past
    from securechat.client.profile import Profile
    from securechat.client.way import Way

server_option = click.option(
    "--server", metavar="[USER@]HOST[:PORT]", help="Where; default: the server and account of the last login."
)


def where(
    profile: Profile, server: str | None, advice: str = " with --server [USER@]HOST[:PORT]"
) -> tuple[str | None, Address]:
    """The account, if one is named or remembered, and the address. `advice`: how the command is told a server."""
    from securechat.client.address import parse

    if server is not None:
        return parse(server)
    last = profile.last_visit()
    if last is None:
        raise LoginUsage(f"this profile never logged in; name the server{advice}")
    address, account = last
    return account, address


def come_by(way: Way, account: str | None, password_file: Path | None, past: Past, patience: float | None) -> Client:
    """A client that is logged in, and notes nothing as seen. `patience`: seconds to try for a lost link again."""
    return enter(way, account, password_file, partial(visitor, way, past, patience))


def visitor(way: Way, past: Past, patience: float | None, credentials: Credentials) -> Client:
    """One that remembers nothing of earlier visits, and keeps nothing for later ones."""
    from securechat.client.client import Client
    from securechat.client.conversation import Conversation
    from securechat.client.history import Seen
    from securechat.client.outbox import Outbox

    return Client(credentials, past, Conversation(Seen(), Outbox()), way.connect, patience=patience)
