"""`securechat certs`: the server's certificate and those of clients, as who runs the server sees them.

They are made by scripts/gen_certs.py, where the CA's key is. It works beside a running server, at once.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat import config
from securechat.cli.data import Store, data_options, server_data
from securechat.cli.moments import moment
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.store.certificates import Certificate, Named

_serial = re.compile(r"[0-9A-Fa-f]{1,40}")


class CertsUsage(SecurechatError):
    """The words of the command do not say which certificates, or whose."""

    exit_status = 2


@click.group()
def certs() -> None:
    """Show the server's certificate; list and revoke client certificates.

    The pin that `show` prints is what people compare who meet the server for the first time.

    An account can log in with one in the password's place, on a listener with client_certificates = true. They are made
    where the CA's key is: python scripts/gen_certs.py client ada

    \b
    Examples:
      securechat certs show
      securechat certs list --for ada
      securechat certs revoke certs/clients/ada.crt
    """


@certs.command()
@click.option("--cert", metavar="FILE", help="The certificate, where `serve` is given one.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@data_options
def show(data: Path | None, config_file: Path | None, cert: str | None, as_json: bool) -> None:
    """Show the server's certificate: its names, its dates and the pin of its key.

    It is looked for where `securechat serve` takes it from.

    \b
    Examples:
      securechat certs show
      securechat certs show --cert fullchain.pem --json
    """
    from securechat.server import certificates
    from securechat.tls import server_certificate

    settings, folder = config.find(data, config_file)
    file = Path(cert) if cert is not None else certificates.find(settings.tls, folder)[0]
    found = server_certificate.read_file(file)
    until = f"{found.until:%Y-%m-%d}"
    if as_json:
        facts = {"file": str(file), "names": found.names, "since": f"{found.since:%Y-%m-%d}", "until": until}
        click.echo(json.dumps({**facts, "issuer": found.issuer, "pin": found.pin}, indent=2))
    else:
        click.echo(f"file    {file}\nnames   {' '.join(found.names)}\nissuer  {found.issuer}")
        click.echo(f"dates   {found.since:%Y-%m-%d} to {until}\npin     {found.pin}")


@certs.command("list")
@click.option("--for", "account", metavar="ACCOUNT", help="Only those of this account.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_data
def list_certs(store: Store, account: str | None, as_json: bool) -> None:
    """List the client certificates that were used here or revoked, with when and from where each was used last.

    \b
    Examples:
      securechat certs list
      securechat certs list --for ada --json
    """
    now = time.time_ns() // 1_000_000
    found = [_facts(one, now) for one in store.certificates.listing(account)]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        _print_table(found)
    else:
        click.echo("no client certificate was used yet; see: securechat certs --help", err=True)


@certs.command()
@click.argument("words", metavar="[SERIAL|FILE]...", nargs=-1)
@click.option("--for", "account", metavar="ACCOUNT", help="Whose it is, for a serial number that was never used here.")
@click.option("--all-of", metavar="ACCOUNT", help="All that were issued to this account up to now.")
@server_data
def revoke(store: Store, words: tuple[str, ...], account: str | None, all_of: str | None) -> None:
    """Revoke client certificates for ever, by their serial numbers or files; sessions opened with them end.

    \b
    Examples:
      securechat certs revoke certs/clients/ada.crt
      securechat certs revoke 5f3a91c04e --for ada
      securechat certs revoke --all-of bob
    """
    if bool(words) == (all_of is not None) or (account is not None and all_of is not None):
        raise CertsUsage("which certificates? give serial numbers or files, or --all-of ACCOUNT")
    if all_of is not None:
        store.certificates.revoke_all(all_of)
        click.echo(f"revoked all certificates of {store.accounts.required(all_of).name} up to now")
    else:
        wanted = [_named(word, account) for word in words]
        store.certificates.revoke(wanted)
        click.echo(f"revoked {', '.join(one.serial for one in wanted)}")


def _named(word: str, account: str | None) -> Named:
    """A file's own words go before --for."""
    from securechat.store.certificates import Named
    from securechat.tls import clients

    digits = word.replace(":", "")
    if _serial.fullmatch(digits) and not Path(word).exists():
        return Named(digits.lower().lstrip("0") or "0", account)
    found = clients.read_file(Path(word))
    return Named(found.serial, found.account, found.expires)


def _facts(certificate: Certificate, now: int) -> dict[str, str | None]:
    return {
        "serial": certificate.serial,
        "account": certificate.account,
        "state": certificate.state(now),
        "expires": _moment(certificate.not_after),
        "first_used": _moment(certificate.first_used),
        "last_used": _moment(certificate.last_used),
        "address": certificate.address or None,
    }


def _moment(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else moment(milliseconds)


def _print_table(found: list[dict[str, str | None]]) -> None:
    accounts, serials = (max(len(str(one[column])) for one in found) for column in ("account", "serial"))
    for one in found:
        used = f"used {one['last_used']} from {one['address']}" if one["last_used"] else "never used"
        head = f"{one['serial']:<{serials}}  {one['account']:<{accounts}}  {one['state']:<7}"
        click.echo(f"{head}  until {(one['expires'] or 'unknown')[:10]}  {used}")
