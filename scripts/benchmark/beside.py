"""Fan-out while other load is on: in turn quiet, with the load on another server of this machine, and on the same one.

The second is what sharing the machine costs by itself, so that the server's own part can be seen.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import click

from scripts.benchmark import servers, talk
from scripts.benchmark.crowd import Crowd
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.servers import People
from scripts.benchmark.strain import guest
from securechat.auth import passwords
from securechat.store.accounts import Accounts, NewAccount
from tests.running import PASSWORD, Server

PAYLOAD = 100  # bytes of text
GAP = 0.02  # seconds without a line before a phase; those who come and go in a storm are seen by all
LEAST = 40.0  # ms that nobody minds, whatever the quiet p99 is

Run = dict[str, Any]
Load = Callable[[Server], AbstractContextManager[Run]]  # see strain.strain


@dataclass(frozen=True, slots=True)
class FanOut:
    """What is measured: `rate` messages a second for `seconds`, in each of the phases of so many pairs."""

    members: int = 200
    rate: float = 50.0
    seconds: float = 3.0
    pairs: int = 5

    def __str__(self) -> str:
        return f"{self.members} members, {self.rate:g} msg/s, {self.seconds:g} s a phase, median of {self.pairs} pairs"


def options(command: Any) -> Any:
    """--members, --rate, --seconds and --pairs, for a command that passes them on to FanOut."""
    row = FanOut()
    for option in (
        click.option("--pairs", default=row.pairs, show_default=True, help="Each a quiet phase and loaded ones."),
        click.option("--seconds", default=row.seconds, show_default=True, help="Of each phase."),
        click.option("--rate", default=row.rate, show_default=True, help="Messages a second."),
        click.option("--members", default=row.members, show_default=True, help="Who hear them."),
    ):
        command = option(command)
    return command


def add_guests(server: Server, count: int, rounds: int) -> None:
    """Accounts guest0, guest1, … whose password takes so many rounds."""
    hashed = passwords.hash(PASSWORD, rounds)
    database = server.open_store()
    try:
        people = [NewAccount(guest(number), hashed) for number in range(count)]
        Accounts(database, server.settings.channels.autojoin).add_all(people)
    finally:
        database.close()


def compare(fan_out: FanOut, at_start: Callable[[Server], None], load: Load) -> list[Run]:
    """All pairs; `at_start` fills a server's store before it starts."""
    with servers.certificates() as certificates:
        start = functools.partial(servers.server, certificates, People(fan_out.members).in_channel, at_start=at_start)
        return [_pair(fan_out, start, load) for _ in range(fan_out.pairs)]


def _pair(fan_out: FanOut, start: Callable[[], AbstractContextManager[Server]], load: Load) -> Run:
    """On new servers: passwords of those who have hung up are still checked for a while after a storm."""
    with start() as server, contextlib.closing(talk.gather(server, People(fan_out.members))) as crowd:
        quiet = _p99(crowd, server, fan_out)
        with start() as other, load(other):
            shared = _p99(crowd, server, fan_out)
        with load(server) as outcome:
            loaded = _p99(crowd, server, fan_out)
    return {
        "quiet_ms": quiet,
        "shared_ms": shared,
        "loaded_ms": loaded,
        "done_s": outcome["done"] / outcome["seconds"],
        "load_percent": outcome["busy"] / outcome["seconds"] * 100,
    }


def _p99(crowd: Crowd, server: Server, fan_out: FanOut) -> float:
    """Of the deliveries, in ms."""
    crowd.settle(GAP)
    run = talk.paced(crowd, server.pid, fan_out.rate, fan_out.seconds, PAYLOAD)
    if run["lost"] or run["out_of_order"]:
        raise RuntimeError(f"{run['lost']} deliveries lost, {run['out_of_order']} out of order")
    return run["p99_ms"]


def figures(runs: Sequence[Run], fan_out: FanOut, load: str, done: str, is_row: bool) -> list[Figure]:
    """`load` is its name, `done` what it does and counts. The goal holds for a load of the row's size."""
    quiet = median_of(runs, "quiet_ms")
    reach = max(2 * quiet, LEAST) if is_row and fan_out == FanOut() else None
    return [
        Figure("delivery p99, quiet (ms)", quiet),
        Figure(f"delivery p99, {load} on another server (ms)", median_of(runs, "shared_ms")),
        Figure(f"delivery p99, {load} on this server (ms)", median_of(runs, "loaded_ms"), reach),
        Figure(f"{done} a second", median_of(runs, "done_s")),
        Figure("load's share of its core (%)", median_of(runs, "load_percent")),
    ]
