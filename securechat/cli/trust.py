"""`securechat trust`: the servers whose keys this person trusts. It asks no server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat.cli.entry import open_profile, profile_option
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.client.address import Address
    from securechat.client.known_servers import KnownServer, KnownServers


class NotKnown(SecurechatError):
    """No key of this server is trusted here."""


@click.group()
def trust() -> None:
    """List, show and forget the servers' keys that you trust.

    A key is trusted from the moment you said yes to its pin, joined with an invitation, or gave --pin. A server that
    shows another one is refused. `securechat certs show` on the server prints the pin it has. A CA that was given with
    --ca and vouched for its server is kept, too, and need not be given again.

    \b
    Examples:
      securechat trust list
      securechat trust show chat.example.org
      securechat trust forget chat.example.org:6697
    """


@trust.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@profile_option
def list_servers(as_json: bool, profile_dir: Path | None) -> None:
    """List the servers whose keys are trusted here.

    \b
    Examples:
      securechat trust list
      securechat trust list --json
    """
    found = _known_servers(profile_dir).all()
    if as_json:
        click.echo(json.dumps([_facts(one) for one in found], indent=2))
    elif found:
        width = max(len(str(one.address)) for one in found)
        for one in found:
            click.echo(f"{one.address!s:<{width}}  {_by(one)}  since {one.since}")
    else:
        click.echo("no server is trusted yet; that begins with: securechat login NAME@HOST", err=True)


@trust.command()
@click.argument("server", metavar="HOST[:PORT]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@profile_option
def show(server: str, as_json: bool, profile_dir: Path | None) -> None:
    """Show the key that is trusted for a server, to be compared with what its operator sees.

    \b
    Examples:
      securechat trust show chat.example.org
      securechat trust show localhost:6698 --json
    """
    known_servers = _known_servers(profile_dir)
    address = _address(server)
    known = known_servers.find(address)
    if known is None:
        raise _not_known(known_servers, address)
    if as_json:
        click.echo(json.dumps(_facts(known), indent=2))
    else:
        kind = "CA" if known.ca is not None else "pin"
        click.echo(f"server  {known.address}\n{kind:<6}  {_by(known)}\nsince   {known.since}\nkept    {known.entry}")


@trust.command()
@click.argument("server", metavar="HOST[:PORT]")
@profile_option
def forget(server: str, profile_dir: Path | None) -> None:
    """Forget a server's key: the next login shows the one that it has then, and asks.

    Do that only after the server's operator told you, on another way than this server, that its key was replaced.

    \b
    Examples:
      securechat trust forget chat.example.org
      securechat trust forget localhost:6698
    """
    known_servers = _known_servers(profile_dir)
    address = _address(server)
    if not known_servers.forget(address):
        raise _not_known(known_servers, address)
    click.echo(f"forgot the key of {address}; the next login shows its pin and asks")


def _known_servers(folder: Path | None) -> KnownServers:
    return open_profile(folder, "INFO").known_servers


def _address(server: str) -> Address:
    """Whoever types the account, too, means the server."""
    from securechat.client.address import parse

    return parse(server)[1]


def _not_known(known_servers: KnownServers, address: Address) -> NotKnown:
    others = [str(one.address) for one in known_servers.all() if one.address.host == address.host]
    known = f"known of that host: {', '.join(others)}" if others else "for those that are: securechat trust list"
    return NotKnown(f"{address} is not trusted here; {known}")


def _by(known: KnownServer) -> str:
    return known.pin if known.pin is not None else f"whatever comes from the CA in {known.ca}"


def _facts(known: KnownServer) -> dict[str, str | None]:
    ca = str(known.ca) if known.ca is not None else None
    return {"server": str(known.address), "pin": known.pin, "ca": ca, "since": known.since.isoformat()}
