"""`securechat doctor`: everything that must be right between this person and a server, one line each.

It sends no password, and what this computer is remembered by only to a server that is trusted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat.cli.entry import Given, way_options
from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from securechat.client.address import Address
    from securechat.client.profile import Profile

DONE, FAILED, SKIPPED = "✓", "✗", "–"  # noqa: RUF001 - a dash that looks like the other two
PLAIN = {DONE: "ok", FAILED: "NO", SKIPPED: "--"}  # where the terminal cannot write the others
WIDTH = 12  # of the names of what is checked


class Skipped(Exception):
    """It cannot be looked at, or need not be; the text says why. That is no failure."""


@dataclass(slots=True)
class Report:
    """The list as it grows. Of what failed the first is remembered: the rest may follow from it."""

    failure: SecurechatError | None = None

    def check(self, name: str, look: Callable[[], str]) -> bool:
        """Print a line of what `look` finds; whether to go on with what builds on it."""
        try:
            self._print(DONE, name, look())
        except Skipped as reason:
            self._print(SKIPPED, name, str(reason))
        except SecurechatError as error:
            self._print(FAILED, name, "see below" if self.failure is None else str(error))
            self.failure = self.failure or error
            return False
        return True

    def all(self, checks: dict[str, Callable[[], str]]) -> None:
        """One after the other, each building on those before it."""
        going_on = True
        for name, look in checks.items():
            if going_on:
                going_on = self.check(name, look)
            else:
                self._print(SKIPPED, name, "not looked at")

    def _print(self, mark: str, name: str, text: str) -> None:
        try:
            mark.encode(sys.stdout.encoding or "ascii")
        except UnicodeEncodeError:
            mark = PLAIN[mark]
        click.echo(f"{mark:<2} {name:<{WIDTH}} {text}")


@click.command()
@click.argument("server", metavar="[[USER@]HOST[:PORT]]", required=False)
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR", help="The server's data folder, on its machine."
)
@way_options
def doctor(
    server: str | None,
    data: Path | None,
    given: Given,
) -> None:
    """Find out why something does not work, with SERVER or the last one that you used.

    The first thing that is not right is explained, with what to type; its exit status is the command's. No password is
    sent: the login is tried with what this computer is remembered by, if it is.

    \b
    Examples:
      securechat doctor
      securechat doctor ada@chat.example.org
      securechat doctor localhost --ca certs/ca.crt --data /srv/securechat
    """
    from securechat.cli import doctor_client, doctor_server

    report = Report()
    profile = given.profile()
    report.all({"profile": lambda: f"{profile.folder}, yours alone", "clock": lambda: doctor_client.clock(profile)})
    account, address = _where(profile, server)
    if address is None:
        report.check("server", _nowhere)
    else:
        report.all(doctor_client.checks(given.way(profile, address), account))
    report.all(doctor_server.checks(data))
    if report.failure is not None:
        raise report.failure
    click.echo("nothing is wrong")


def _where(profile: Profile, server: str | None) -> tuple[str | None, Address | None]:
    from securechat.client.address import parse

    if server is not None:
        account, address = parse(server)
        return account or profile.last_account(address), address
    last = profile.last_visit()
    return (last[1], last[0]) if last is not None else (None, None)


def _nowhere() -> str:
    raise Skipped("none was used here yet; to look at one: securechat doctor HOST")
