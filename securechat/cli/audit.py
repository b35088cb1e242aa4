"""`securechat audit`: who did what to whom, from where and when, and whether the log of it is whole."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from securechat.cli.data import Store, server_data

if TYPE_CHECKING:
    from securechat.store.audit import Entry, Verdict, Wanted

SHOWN = 100  # unless asked for more
PAGE = 1000  # entries read at once
PAUSE = 0.5  # seconds between two looks for more


class Moment(click.ParamType[datetime]):
    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        from securechat.client.search import SearchUsage, read_moment

        try:
            return read_moment(str(value), datetime.now().astimezone())
        except SearchUsage as error:
            self.fail(str(error), param, ctx)


class ShowUnlessTold(click.Group):
    """`audit --follow` is `audit show --follow`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ShowUnlessTold)
def audit() -> None:
    """Show the audit log, or verify it.

    Who did what to whom, from where and when: administration, logins, and failed logins summed by the minute.

    \b
    Examples:
      securechat audit                              as audit show
      securechat audit --account bob --since 30d
      securechat audit --follow --json
      securechat audit verify
    """


@audit.command()
@click.option("--account", metavar="NAME", help="Only what this account did, and what was done to it.")
@click.option("--since", type=Moment(), metavar="TIME", help="All from then on: 30d, 12h, 2026-03-01T14:00.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help=f"The newest N; {SHOWN} unless --since is given.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@server_data
def show(
    store: Store, account: str | None, since: datetime | None, limit: int | None, follow: bool, as_json: bool
) -> None:
    """Show the newest entries, oldest first.

    \b
    Examples:
      securechat audit --limit 20
      securechat audit --account bob --since 30d --json | jq -r .act
    """
    from securechat.store.audit import Wanted
    from securechat.ui.stdout import Output

    wanted = Wanted(account, 0 if since is None else int(since.timestamp() * 1000))
    output = Output()
    for entries in _pages(store, wanted, limit or (None if since else SHOWN), follow):
        output.write([_json(entry) if as_json else _line(entry) for entry in entries])


@audit.command()
@click.option("--head", metavar="HASH", help="A hash that was noted before: it must be in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@server_data
def verify(store: Store, head: str | None, as_json: bool) -> int:
    """Say whether the log is what was written, with the hash of its newest entry, which is its head.

    Whoever may write the database may write a whole new log. Only a head that was noted elsewhere tells, so note it
    now and then where that person cannot write, and give it here later.

    \b
    Examples:
      securechat audit verify
      securechat audit verify --head 3f7a…
    """
    from securechat.store import audit
    from securechat.store.database import driver

    with store.database.read() as connection:
        verdict = audit.verify(driver(connection), head and head.lower())
    _tell(verdict, as_json)
    return 1 if verdict.problems else 0


def _pages(store: Store, wanted: Wanted, limit: int | None, follow: bool) -> Iterator[list[Entry]]:
    """A short read each, for who reads what is printed may take its time."""
    from securechat.store import audit
    from securechat.store.database import driver

    after = 0
    if limit is not None:
        with store.database.read() as connection:
            after = audit.before_newest(driver(connection), wanted, limit)
    while True:
        with store.database.read() as connection:
            entries = audit.behind(driver(connection), wanted, after, PAGE)
        yield entries
        if entries:
            after = entries[-1].id
        elif not follow:
            return
        else:
            time.sleep(PAUSE)


def _line(entry: Entry) -> str:
    """What of it others chose, such as the reason of a KILL, cannot forge a line."""
    from securechat.protocol.text import printable
    from securechat.store.audit import LOCAL

    row = entry.row
    subject = row.subject or ("an unknown account" if row.act.endswith(".failed") else "")
    words = [f"{_moment(entry):%Y-%m-%d %H:%M:%SZ} ", row.act, subject]
    if row.actor not in ("", row.subject):
        words.append(f"by {row.actor}")
    if row.address != LOCAL:
        words.append(f"from {row.address}")
    if row.detail:
        words.append(f"({row.detail})")
    return printable(" ".join(filter(None, words)))


def _json(entry: Entry) -> str:
    facts: dict[str, Any] = {"id": entry.id, "time": _moment(entry).isoformat(timespec="milliseconds")}
    facts |= {name: getattr(entry.row, name) for name in ("actor", "act", "subject", "address", "detail")}
    return json.dumps({**facts, "hash": entry.hash.hex()})


def _moment(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.row.time / 1000, UTC)


def _tell(verdict: Verdict, as_json: bool) -> None:
    facts = {"whole": not verdict.problems, "entries": verdict.entries, "head": verdict.head}
    if as_json:
        return click.echo(json.dumps({**facts, "problems": verdict.problems}))
    for problem in verdict.problems:
        click.echo(f"securechat: the audit log is not what was written: {problem}", err=True)
    if not verdict.problems:
        click.echo(f"ok: {verdict.entries} entries, head {verdict.head}")
    return None
