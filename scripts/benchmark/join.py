"""How long somebody who enters a large channel waits for all of its names."""

from __future__ import annotations

import contextlib
import time

import click

from scripts.benchmark import machine, report, servers
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.visitors import Visitors
from tests.running import Server
from tests.wire import Wire

ROW = 1000  # members, of the goals
CHANNEL = servers.channel_of(0)

Run = dict[str, float]


@click.command()
@click.option("--members", default=ROW, show_default=True, help="Who are in the channel and present.")
@click.option("--count", default=20, show_default=True, help="Joins in a run.")
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def join(as_json: bool, members: int, count: int, runs: int) -> None:
    """A JOIN of a channel where everyone is present, up to the end of NAMES. Takes 20 seconds.

    Each is stored, and shown to all members; one PART comes before each, which is not measured.
    """
    rows = []
    with servers.certificates() as certificates:
        for _ in range(runs):
            with servers.server(certificates, members + 1) as server:
                rows.append(_run(server, members, count))
    figures = [
        Figure("JOIN to the end of NAMES, median (ms)", median_of(rows, "median_ms"), 50 if members == ROW else None),
        Figure("the longest (ms)", median_of(rows, "longest_ms")),
        Figure("server CPU of one JOIN and PART (ms)", median_of(rows, "cpu_ms")),
    ]
    report.show(as_json, f"join: a channel of {members}, {count} times, median of {runs}", figures, rows)


def _run(server: Server, members: int, count: int) -> Run:
    with contextlib.closing(Visitors(server.port)) as load, server.login(servers.name_of(members), "") as wire:
        load.bring(map(servers.name_of, range(members)))
        cpu = machine.cpu_seconds(server.pid)
        took = sorted(_join(wire, load) for _ in range(count))
        cpu = machine.cpu_seconds(server.pid) - cpu
    return {"median_ms": took[count // 2], "longest_ms": took[-1], "cpu_ms": cpu / count * 1e3}


def _join(wire: Wire, load: Visitors) -> float:
    """In ms. The others read in between, so that nobody's outbox fills."""
    wire.send(f"PART {CHANNEL}")
    wire.wait_for("PART", lambda line: (line.source or "").startswith(f"{wire.name}!"))
    load.stay(0.05)
    began = time.perf_counter()
    wire.send(f"JOIN {CHANNEL}")
    wire.wait_for("366")
    took = (time.perf_counter() - began) * 1e3
    wire.seen.clear()
    return took
