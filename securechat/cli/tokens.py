"""`securechat tokens`: device tokens, as who runs the server sees them. It works beside a running server, at once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from securechat.cli.data import Store, server_data
from securechat.cli.moments import moment
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.store.tokens import Token

MOST_DAYS = 36500


class TokensUsage(SecurechatError):
    """The words of the command do not say which tokens, or whose."""

    exit_status = 2


@click.group()
def tokens() -> None:
    """List, create and revoke device tokens.

    A device token stands in the password's place on one device, or for a bot, in any client. It opens one account, ends
    by itself, and can be revoked without a new password for anyone.

    \b
    Examples:
      securechat tokens list --for ada
      securechat tokens create builds --for bot --days 90 > bot.token
      securechat tokens revoke 1f3a5c7e
    """


@tokens.command("list")
@click.option("--for", "account", metavar="ACCOUNT", help="Only those of this account.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_data
def list_tokens(store: Store, account: str | None, as_json: bool) -> None:
    """List device tokens, with when and from where each was used last.

    \b
    Examples:
      securechat tokens list
      securechat tokens list --for ada --json
    """
    now = time.time_ns() // 1_000_000
    found = [_facts(one, now) for one in store.tokens.listing(account)]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        _print_table(found)
    else:
        click.echo("no device tokens; create one with: securechat tokens create NAME --for ACCOUNT", err=True)


@tokens.command()
@click.argument("name")
@click.option("--for", "account", metavar="ACCOUNT", help="Whose token it is to be.")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), metavar="N", help="How long it counts; default: auth.token_days."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object, with the token in it.")
@server_data
def create(store: Store, name: str, account: str | None, days: int | None, as_json: bool) -> None:
    """Create a device token called NAME, such as the device's name, for an account.

    The token alone is printed on standard output, this once: only its digest is stored.

    \b
    Examples:
      securechat tokens create laptop --for ada
      securechat tokens create builds --for bot --days 90 > bot.token
    """
    from securechat.auth import tokens as secrets
    from securechat.store.tokens import DAY

    if account is None:
        raise TokensUsage("whose token is it to be? type: securechat tokens create NAME --for ACCOUNT")
    owner = store.accounts.required(account)
    secret = secrets.new()
    expires = time.time_ns() // 1_000_000 + (days or store.settings.auth.token_days) * DAY
    ident = store.tokens.add(owner.name, name, secrets.digest(secret), expires)
    if as_json:
        facts = {"id": ident, "account": owner.name, "name": name, "expires": moment(expires), "token": secret}
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(f"created device token {ident} for {owner.name}, until {moment(expires)[:10]}:", err=True)
        click.echo(secret)


@tokens.command()
@click.argument("idents", metavar="[ID]...", nargs=-1)
@click.option("--all-of", "account", metavar="ACCOUNT", help="All device tokens of this account.")
@server_data
def revoke(store: Store, idents: tuple[str, ...], account: str | None) -> None:
    """Revoke the device tokens with these IDs, which `tokens list` shows; sessions opened with them end.

    \b
    Examples:
      securechat tokens revoke 1f3a5c7e
      securechat tokens revoke --all-of bob
    """
    if bool(idents) == (account is not None):
        raise TokensUsage("which tokens? give the IDs that securechat tokens list shows, or --all-of ACCOUNT")
    if account is not None:
        store.tokens.revoke_all(account)
        click.echo(f"revoked all device tokens of {store.accounts.required(account).name}")
    else:
        store.tokens.revoke(idents)
        click.echo(f"revoked {', '.join(idents)}")


def _facts(token: Token, now: int) -> dict[str, str | None]:
    return {
        "id": token.id,
        "account": token.account,
        "name": token.name,
        "state": token.state(now),
        "created": moment(token.created),
        "expires": moment(token.expires),
        "last_used": None if token.last_used is None else moment(token.last_used),
        "address": token.address or None,
    }


def _print_table(found: list[dict[str, str | None]]) -> None:
    accounts, names = (max(len(str(one[column])) for one in found) for column in ("account", "name"))
    for one in found:
        used = f"used {one['last_used']} from {one['address']}" if one["last_used"] else "never used"
        head = f"{one['id']}  {one['account']:<{accounts}}  {one['name']:<{names}}  {one['state']:<7}"
        click.echo(f"{head}  until {str(one['expires'])[:10]}  {used}")
