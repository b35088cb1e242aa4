"""`securechat client-setup`: another client's lines for this server and this person, with a device token of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat.cli.asking import LoginUsage
from securechat.cli.entry import Given, enter, entry_options
from securechat.cli.visiting import visitor, where
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.client.address import Address
    from securechat.client.client import Client
    from securechat.client.credentials import Credentials
    from securechat.client.tokens import DeviceToken
    from securechat.client.way import Way
    from securechat.ui.setups import Lines, Setup

CLIENTS = ("weechat", "irssi", "halloy", "senpai", "catgirl")
TIMEOUT = 30.0  # seconds; for the token, and for a client's version


class NoToken(SecurechatError):
    """The server made none."""


@click.command("client-setup")
@click.argument("client", type=click.Choice(CLIENTS))
@click.argument("server", metavar="[[USER@]HOST[:PORT]]", required=False)
@click.option("--name", metavar="NAME", help="What the client is to call the server; default: from its host.")
@entry_options
def client_setup(
    client: str,
    server: str | None,
    name: str | None,
    given: Given,
) -> None:
    """Print the lines that set up another client for SERVER, by default the last one that you used.

    They hold a device token in the password's place, made for this client alone: the server makes one only for who
    gives the password. Where the lines belong stands on standard error.

    \b
    Examples:
      securechat client-setup weechat
      securechat client-setup catgirl ada@chat.example.org > ~/.config/catgirl/team
    """
    from securechat.ui import setups

    if given.client_cert is not None or given.client_key is not None:
        raise LoginUsage("with a client certificate no token is needed; the lines for it are in docs/clients.md")
    profile = given.profile()
    account, address = where(profile, server, ", as in: client-setup weechat ada@HOST")
    name = name or _name(address)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise LoginUsage(f"--name {name!r} is no name for a server: letters, digits, _ and -, beginning with a letter")
    way = given.way(profile, address)
    setups.check(client, address, way.known_pin)
    account, token = _make_token(way, account, given.password_file, client)
    trusted = way.known_ca.resolve() if way.known_ca is not None else None
    lines = _write(client, setups.Setup(name, address, account, token.secret, trusted, way.known_pin))
    revoke = f"to take it back, on the server: securechat tokens revoke {token.id}"
    click.echo(f"securechat: made a device token for {client}; {revoke}", err=True)
    click.echo(f"securechat: the lines: {lines.place}", err=True)
    click.echo("\n".join(lines.text))
    if lines.start:
        click.echo(f"securechat: then start it so: {lines.start}", err=True)


def _name(address: Address) -> str:
    """The first word of the host's name, if it has one."""
    first = re.sub(r"[^a-z0-9]", "", address.host.partition(".")[0])
    return first if first[:1].isalpha() else "securechat"


class _Hand:
    """Where the token goes instead of into the profile: it is the other client's."""

    declined = False

    def __init__(self) -> None:
        self.token: DeviceToken | None = None

    def read(self) -> DeviceToken | None:
        return None

    def keep(self, token: DeviceToken) -> str:
        self.token = token
        return "here"

    def decline(self) -> None:
        raise AssertionError("nobody asks")

    def forget(self, token: DeviceToken) -> None:
        self.token = None


def _make_token(way: Way, account: str | None, password_file: Path | None, kind: str) -> tuple[str, DeviceToken]:
    """And the account's name, as the server spells it."""
    from securechat.client.events import Disconnected, Remembered
    from securechat.protocol.text import printable

    hand = _Hand()
    client = enter(way, account, password_file, partial(_client, way, hand, kind), by_password=True)
    answer, deadline = "the server does not answer; try again later", time.monotonic() + TIMEOUT
    try:
        while hand.token is None and (left := deadline - time.monotonic()) > 0:
            for event in client.take(left, most=1):
                if isinstance(event, Remembered):
                    answer, deadline = event.text, 0.0
                elif isinstance(event, Disconnected):
                    answer, deadline = event.reason, 0.0
    finally:
        client.close()
    if hand.token is None:
        raise NoToken(f"no device token was made: {printable(answer)}")
    return client.account, hand.token


def _client(way: Way, hand: _Hand, kind: str, credentials: Credentials) -> Client:
    """One that only has a token made."""
    from securechat.client import past
    from securechat.client.remembering import NAME_LENGTH, device_name

    credentials.file, credentials.remember = hand, True
    credentials.device = f"{kind} on {device_name()}"[:NAME_LENGTH]
    return visitor(way, past.nothing, 0, credentials)


def _write(client: str, setup: Setup) -> Lines:
    from securechat.ui import setups

    if client == "weechat":
        return setups.weechat(setup, before_4=_weechat_is_before_4())
    return setups.KINDS[client].write(setup)


def _weechat_is_before_4() -> bool:
    """Of the one on this machine; the lines are not always for this machine."""
    program = shutil.which("weechat") or shutil.which("weechat-headless")
    if program is None:
        return False
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    major = done.stdout.partition(".")[0].strip()
    return major.isdigit() and int(major) < 4
