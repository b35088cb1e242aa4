"""Commands about people: adduser, passwd, deluser and users. They work beside a running server, at once."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat.cli.confirming import confirm
from securechat.cli.data import Store, server_data
from securechat.cli.moments import moment
from securechat.cli.passwords import hash_all, new_password, password_options

if TYPE_CHECKING:
    from securechat.store.accounts import Listed, Role


@click.command()
@click.argument("name")
@click.option("--admin", is_flag=True, help="May manage accounts and channels.")
@password_options
@server_data
def adduser(store: Store, name: str, admin: bool, password_stdin: bool, password_file: Path | None) -> None:
    """Create account NAME; the password is asked for twice.

    \b
    Examples:
      securechat adduser ada --admin
      securechat adduser bob --password-file bob.txt
      pass show chat/bob | securechat adduser bob --password-stdin
    """
    store.accounts.check_free(name)
    password = new_password(name, password_stdin=password_stdin, password_file=password_file)
    store.accounts.add(name, _hash(store, name, password), admin=admin)
    click.echo(f"created {'admin' if admin else 'account'} {name}")


@click.command()
@click.argument("name")
@password_options
@server_data
def passwd(store: Store, name: str, password_stdin: bool, password_file: Path | None) -> None:
    """Set the password of account NAME; its sessions end.

    \b
    Examples:
      securechat passwd bob
      securechat passwd bob --password-file bob.txt
    """
    found = store.accounts.required(name)
    password = new_password(found.name, password_stdin=password_stdin, password_file=password_file)
    store.accounts.set_password(name, _hash(store, found.name, password))
    click.echo(f"changed the password of {found.name}")


@click.command()
@click.argument("name")
@click.option("--release-name", is_flag=True, help="Free the name for a new account, also later.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_data
def deluser(store: Store, name: str, release_name: bool, yes: bool) -> None:
    """Delete account NAME: its sessions and memberships end, what it said stays.

    The name stays reserved, so that nobody can pass for who had it.

    \b
    Examples:
      securechat deluser bob
      securechat deluser bob --release-name --yes
    """
    found = store.accounts.required(name, deleted=release_name)
    if not yes:
        confirm(f"Release the name {found.name}?" if found.deleted else f"Delete account {found.name} for good?")
    store.accounts.delete(name, release_name=release_name)
    click.echo(f"{'released the name' if found.deleted else 'deleted account'} {found.name}")


@click.group()
def users() -> None:
    """List, import, suspend and resume accounts, change roles.

    \b
    Examples:
      securechat users list --json
      securechat users import people.csv
      securechat users suspend bob
    """


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@server_data
def list_users(store: Store, as_json: bool) -> None:
    """List all accounts.

    \b
    Examples:
      securechat users list
      securechat users list --json | jq -r '.[].name'
    """
    invited = store.invites.expiries(time.time_ns() // 1_000_000)
    people = [_facts(listed, invited.get(listed.account.id)) for listed in store.accounts.listing()]
    if as_json:
        click.echo(json.dumps(people, indent=2))
    elif people:
        _print_table(people)
    else:
        click.echo("no accounts yet; create one with: securechat adduser NAME", err=True)


@users.command("import")
@click.argument("file", metavar="FILE|-")
@server_data
def import_users(store: Store, file: str) -> None:
    """Create everyone in FILE (- is standard input), or nobody if one line is wrong.

    FILE is CSV in UTF-8, each line name,password[,role] with the role admin or member. A first line
    "name,password,role" is passed over.

    \b
    Examples:
      securechat users import people.csv
      gpg -d people.csv.gpg | securechat users import -
    """
    from securechat.cli import people
    from securechat.protocol.names import fold
    from securechat.store.accounts import NewAccount

    taken = {fold(listed.account.name) for listed in store.accounts.listing() if not listed.released}
    try:
        wanted = people.parse(people.read(file), store.settings.auth, taken)
    except people.ImportRefused as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        raise
    hashes = _hash_with_progress(store, [person.password for person in wanted])
    store.accounts.add_all(
        [NewAccount(person.name, hash, person.role) for person, hash in zip(wanted, hashes, strict=True)]
    )
    click.echo(f"created {len(wanted)} account{'s' if len(wanted) > 1 else ''}")


@users.command()
@click.argument("name")
@server_data
def suspend(store: Store, name: str) -> None:
    """Let NAME log in no more, until resumed; its sessions end.

    \b
    Example:
      securechat users suspend bob
    """
    store.accounts.suspend(name)
    click.echo(f"suspended {name}")


@users.command()
@click.argument("name")
@server_data
def resume(store: Store, name: str) -> None:
    """Let NAME log in again.

    \b
    Example:
      securechat users resume bob
    """
    store.accounts.resume(name)
    click.echo(f"resumed {name}")


@users.command("role")
@click.argument("name")
@click.argument("wanted", metavar="admin|member", type=click.Choice(["admin", "member"]))
@server_data
def set_role(store: Store, name: str, wanted: Role) -> None:
    """Make NAME an admin or a member.

    \b
    Example:
      securechat users role bob admin
    """
    store.accounts.set_role(name, wanted)
    click.echo(f"{name} is now {'an admin' if wanted == 'admin' else 'a member'}")


def _hash(store: Store, name: str, password: str) -> bytes:
    from securechat.auth.passwords import check_rule

    check_rule(password, name, store.settings.auth)
    [hash] = hash_all([password], store.settings.auth.bcrypt_rounds)
    return hash


def _hash_with_progress(store: Store, passwords: list[str]) -> list[bytes]:
    hashes = []
    shown = sys.stderr.isatty()
    for hash in hash_all(passwords, store.settings.auth.bcrypt_rounds):
        hashes.append(hash)
        if shown:
            click.echo(f"\rhashing passwords: {len(hashes)} of {len(passwords)}", err=True, nl=False)
    if shown:
        click.echo(err=True)
    return hashes


def _facts(listed: Listed, invited: int | None) -> dict[str, str | int]:
    """`invited` is until when, if the account's invite is open."""
    account = listed.account
    if account.deleted:
        state = "deleted, name released" if listed.released else "deleted"
    elif not account.has_password and not account.suspended:
        state = "no password" if invited is None else f"invited until {moment(invited)}"
    else:
        state = "suspended" if account.suspended else "active"
    created = moment(listed.created)
    return {"id": account.id, "name": account.name, "role": account.role, "state": state, "created": created}


def _print_table(people: list[dict[str, str | int]]) -> None:
    width = max(len(str(person["name"])) for person in people)
    for person in people:
        name, role, created = str(person["name"]), person["role"], str(person["created"])[:10]
        click.echo(f"{name:<{width}}  {role:<6}  {created}  {person['state']}")
