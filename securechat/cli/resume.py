"""Bare `securechat`: back to where this person chats."""

from __future__ import annotations

import click

from securechat.cli.asking import LoginUsage, on_a_terminal

USAGE = 2
MOST_SHOWN = 20
NOWHERE_YET = """\
No server is known here yet. What you may want to type:
  securechat join CODE          with the invitation that you got
  securechat login NAME@HOST    with an account that you have
  securechat serve              on the machine that is to be the server; see securechat --help
"""


def resume(context: click.Context) -> int:
    """Log in at the only place where this profile did, or at one that is chosen; say what to do where there is none."""
    from securechat import config
    from securechat.cli.login import login
    from securechat.client.profile import Profile

    places = [f"{account}@{address}" for address, account, _ in Profile(config.default_profile()).visits()[:MOST_SHOWN]]
    if not places:
        click.echo(NOWHERE_YET, err=True, nl=False)
        return USAGE
    if not on_a_terminal():
        raise LoginUsage(f"which command? to send what is piped, type: securechat login {places[0]}; see --help")
    context.invoke(login, server=places[0] if len(places) == 1 else _choose(places))
    return 0


def _choose(places: list[str]) -> str:
    """The last one is the first."""
    for number, place in enumerate(places, 1):
        click.echo(f"{number:>3}  {place}", err=True)
    chosen: int = click.prompt("Where to", type=click.IntRange(1, len(places)), default=1, err=True)
    return places[chosen - 1]
