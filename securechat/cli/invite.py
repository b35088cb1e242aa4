"""`securechat invite`: one line with which somebody joins who has no password yet. It works beside a running server."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat.cli.data import Store, server_data
from securechat.cli.moments import moment
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.client.address import Address

MOST_HOURS = 24 * 365


class InviteUsage(SecurechatError):
    """The words of the command do not say whom, whereto or from where."""

    exit_status = 2


@click.command()
@click.argument("name")
@click.option(
    "--hours",
    type=click.IntRange(1, MOST_HOURS),
    default=72,
    show_default=True,
    metavar="N",
    help="How long it counts.",
)
@click.option("--channel", metavar="CHANNEL", help="Where NAME is to begin, besides the channels that everyone joins.")
@click.option("--admin", is_flag=True, help="NAME may manage accounts and channels.")
@click.option(
    "--host", metavar="HOST[:PORT]", help="Where people reach the server; default: what its certificate says."
)
@click.option(
    "--cert",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The server's certificate, if `serve` is told it, too.",
)
@click.option("--revoke", is_flag=True, help="Withdraw the invite that NAME has.")
@server_data
def invite(
    store: Store,
    name: str,
    hours: int,
    channel: str | None,
    admin: bool,
    host: str | None,
    cert: Path | None,
    revoke: bool,
) -> None:
    """Print a line with which NAME joins, once, and chooses a password.

    The account is made if there is none. Send the line to NAME over a way that you trust: whoever has it first is NAME.
    Another invite takes the place of one that is open; `securechat users list` shows who has not joined yet.

    \b
    Examples:
      securechat invite bob
      securechat invite eve --channel '#ops' --hours 24
      securechat invite bob --host chat.example.org:7000
      securechat invite bob --revoke
    """
    if revoke:
        return click.echo(f"withdrew the invite of {store.invites.revoke(name)}")

    from securechat.auth import invites, passwords
    from securechat.protocol.invites import Invite, write
    from securechat.protocol.names import is_channel_name
    from securechat.store.invites import HOUR, NewInvite

    if channel is not None and not is_channel_name(channel):
        raise InviteUsage(f"{channel!r} is no channel name; expected one like '#ops'")
    address, key = _contact(store, host, cert)
    secret, expires = invites.new(), time.time_ns() // 1_000_000 + hours * HOUR
    made = Invite(name, address.host, address.port, key, secret)
    new = NewInvite(invites.digest(made.password), channel or "", expires)
    opened = store.invites.open(name, new, passwords.dummy(store.settings.auth.bcrypt_rounds), admin=admin)
    whom = f"{opened.account}, an admin," if admin else opened.account
    replaced = "; the earlier invite is void" if opened.replaced else ""
    click.echo(f"{whom} may join once, at {address}, until {moment(expires)}{replaced}:", err=True)
    return click.echo(f"securechat join {write(replace(made, account=opened.account))}")


def _contact(store: Store, host: str | None, certificate: Path | None) -> tuple[Address, bytes]:
    """Where people find the server, and by which key they know it."""
    from securechat.client.address import Address, parse
    from securechat.protocol.invites import is_host
    from securechat.server import certificates
    from securechat.tls import pins, server_certificate

    shown = server_certificate.read_file(certificate or certificates.find(store.settings.tls, store.folder)[0])
    key = bytes.fromhex(shown.pin.removeprefix(pins.PREFIX))
    listening = store.settings.listen[0].port if store.settings.listen else 0
    if host is None:
        address = Address(shown.host, listening)
    else:
        account, address = parse(host)
        if account is not None:
            raise InviteUsage(f"--host {host!r} names an account; expected HOST[:PORT]")
        if not host.endswith(f":{address.port}"):
            address = Address(address.host, listening)
    if not is_host(address.host):
        raise InviteUsage(
            f"{address.host!r} cannot stand in an invite; give the address that people use: --host HOST:PORT"
        )
    if not address.port:
        raise InviteUsage("the configuration names no port; give the address that people use: --host HOST:PORT")
    return address, key
