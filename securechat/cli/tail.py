"""`securechat tail`: what is said in one place, for scripts. The parts with weight are imported when it runs."""

from __future__ import annotations

from datetime import datetime

import click

from securechat.cli.entry import Given, entry_options
from securechat.cli.send import target_name
from securechat.cli.visiting import come_by, server_option, where

NEWEST = 10  # lines without --since


@click.command(
    epilog="""\b
Examples:
  securechat tail '#ops'
  securechat tail '#ops' --since 2h
  securechat tail '#builds' --follow --json | jq -r 'select(.from == "robot") | .text'

With --follow a lost connection is made anew, for as long as it takes, and nothing is left out or printed twice; Ctrl-C
ends it with status 130. Nothing counts as seen by it: the next `login` shows what it would have shown.
"""
)
@click.argument("target", metavar="'#CHANNEL'|@NAME")
@server_option
@click.option("--since", metavar="WHEN", help="Not earlier: 30d, 12h, 45m ago, or 2026-03-01; default: the newest 10.")
@click.option("--follow", is_flag=True, help="Go on with what is said from now on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@entry_options
def tail(
    target: str,
    server: str | None,
    since: str | None,
    follow: bool,
    as_json: bool,
    given: Given,
) -> None:
    """Print what was said in a channel, or between you and a person, and with --follow what is said from then on.

    The password comes from where `securechat login` has it.
    """
    from securechat.client import past
    from securechat.client.search import read_moment
    from securechat.ui import json_lines, render
    from securechat.ui.tail import print_all

    name = target_name(target)
    earliest = read_moment(since, datetime.now().astimezone()) if since else None
    profile = given.profile()
    account, address = where(profile, server)
    way = given.way(profile, address)
    wanted = past.only(name, earliest, NEWEST)
    client = come_by(way, account, given.password_file, wanted, None if follow else 0)
    try:
        print_all(client, name, json_lines.written if as_json else render.dated, follow=follow)
    finally:
        client.close()
