"""`securechat totp`: second factors, as who runs the server gives and takes them. It works beside a running server."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from securechat.cli.confirming import check_terminal, confirm
from securechat.cli.data import Store, server_data
from securechat.cli.moments import moment
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.store.totp import Listed

TRIES = 3
QUIET_ZONE = 2  # squares around the QR code; with the 4 of the standard it is too high for 24 lines
BLOCKS = "▀▄█"
WHITE_ON_BLACK, RESET = "\x1b[97;40m", "\x1b[0m"  # whatever the terminal's colours are: apps want dark squares on light


class WrongCode(SecurechatError):
    """No code came that shows that the app has the secret."""


@click.group()
def totp() -> None:
    """Enable and disable second factors, renew their recovery codes.

    With a second factor an account is opened by its password and a code, which an app on a phone shows anew every 30
    seconds (TOTP), or by a device token. The code stands behind the password: password:123456.

    \b
    Examples:
      securechat totp enable ada
      securechat totp list
      securechat totp disable ada
    """


@totp.command()
@click.argument("account")
@click.option("--yes", is_flag=True, help="Ask for no code of the app: it counts at once.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print a JSON object, with the secret and the recovery codes in it."
)
@server_data
def enable(store: Store, account: str, yes: bool, as_json: bool) -> None:
    """Give ACCOUNT a second factor: shows a QR code for the app, and counts once a code of the app was typed.

    The account's sessions end, and its device tokens: they came without a code. The secret and ten recovery codes, each
    good once in a code's place, are shown this once.

    \b
    Examples:
      securechat totp enable ada
      securechat totp enable bot --yes --json > bot.totp
    """
    from securechat.auth import totp as codes
    from securechat.store.totp import NewFactor

    name = store.factors.check_none(account).name
    if not yes:
        check_terminal()
    secret = codes.new_secret()
    uri = codes.uri(secret, name, store.settings.server.network)
    if not yes or not as_json:
        _show(uri, secret, err=as_json)
    step = 0 if yes else _step_of_a_typed_code(secret)
    recovery_codes = codes.new_recovery_codes()
    store.factors.enable(name, NewFactor(secret, step, [codes.digest(code) for code in recovery_codes]))
    click.echo(f"{name} has a second factor now; sessions and device tokens without it have ended", err=True)
    if as_json:
        facts = {"account": name, "uri": uri, "secret": secret, "recovery_codes": recovery_codes}
        click.echo(json.dumps(facts, indent=2))
    else:
        _print_recovery_codes(recovery_codes)


@totp.command()
@click.argument("account")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_data
def disable(store: Store, account: str, yes: bool) -> None:
    """Take the second factor of ACCOUNT away: its password alone opens it. For a lost phone, enable it anew then.

    \b
    Examples:
      securechat totp disable ada
      securechat totp disable ada --yes
    """
    person = store.factors.check_one(account)
    if not yes:
        confirm(f"Let the password alone open account {person.name}?")
    store.factors.disable(person.name)
    click.echo(f"{person.name} has no second factor any more")
    if person.role in store.settings.auth.totp_required_for:
        words = f"auth.totp_required_for names its role; type: securechat totp enable {person.name}"
        click.echo(f"securechat: warning: {person.name} cannot log in now: {words}", err=True)


@totp.command()
@click.argument("account")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_data
def recovery(store: Store, account: str, as_json: bool) -> None:
    """Replace the recovery codes of ACCOUNT by ten new ones, shown this once.

    \b
    Examples:
      securechat totp recovery ada
      securechat totp recovery ada --json
    """
    from securechat.auth import totp as codes

    recovery_codes = codes.new_recovery_codes()
    store.factors.renew_recovery_codes(account, [codes.digest(code) for code in recovery_codes])
    if as_json:
        click.echo(json.dumps(recovery_codes, indent=2))
    else:
        _print_recovery_codes(recovery_codes)


@totp.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_data
def list_factors(store: Store, as_json: bool) -> None:
    """List the accounts, with since when each has a second factor, and which must have one and have not.

    \b
    Examples:
      securechat totp list
      securechat totp list --json | jq -r '.[] | select(.required and .since == null).account'
    """
    found = [_facts(one, store.settings.auth.totp_required_for) for one in store.factors.listing()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        _print_table(found)
    else:
        click.echo("no accounts yet; create one with: securechat adduser NAME", err=True)


def _show(uri: str, secret: str, *, err: bool) -> None:
    """For the app's camera, or to be typed into it."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty() and _can_draw(stream.encoding):
        click.echo(_drawn(uri), err=err)
    click.echo(f"{uri}\nsecret: {secret}\n", err=err)


def _can_draw(encoding: str) -> bool:
    try:
        return bool(BLOCKS.encode(encoding))
    except UnicodeEncodeError:
        return False


def _drawn(uri: str) -> str:
    import segno

    drawn = io.StringIO()
    segno.make_qr(uri, error="l").terminal(drawn, border=QUIET_ZONE, compact=True)
    return "\n".join(f"{WHITE_ON_BLACK}{line}{RESET}" for line in drawn.getvalue().splitlines())


def _step_of_a_typed_code(secret: str) -> int:
    """Have the person type what the app shows; a secret that never reached it would lock the account."""
    from securechat.auth import totp as codes

    for _ in range(TRIES):
        typed = click.prompt("Code that the app shows", err=True).replace(" ", "")
        step = codes.step(secret, typed, time.time()) if codes.is_code(typed) else None
        if step is not None:
            return step
        now = datetime.now(UTC).strftime("%H:%M:%S")
        click.echo(f"That is not the code of this moment. Is the app's clock right? Here it is {now} UTC.", err=True)
    raise WrongCode("no right code was typed, so nothing was changed; remove the entry from the app and try again")


def _print_recovery_codes(recovery_codes: Sequence[str]) -> None:
    click.echo("recovery codes, each good once in a code's place; keep them safe, they are shown this once:", err=True)
    for code in recovery_codes:
        click.echo(code)


def _facts(listed: Listed, required_for: Sequence[str]) -> dict[str, str | int | bool | None]:
    account = listed.account
    return {
        "account": account.name,
        "role": account.role,
        "since": None if account.factor is None else moment(account.factor),
        "recovery_codes": listed.recovery_codes,
        "required": account.role in required_for,
    }


def _print_table(found: Sequence[dict[str, str | int | bool | None]]) -> None:
    width = max(len(str(one["account"])) for one in found)
    for one in found:
        if one["since"] is not None:
            state = f"since {str(one['since'])[:10]}, {one['recovery_codes']} recovery codes left"
        else:
            state = "none, and cannot log in without" if one["required"] else "none"
        click.echo(f"{one['account']:<{width}}  {one['role']:<6}  {state}")
