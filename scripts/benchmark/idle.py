"""What sessions cost that say nothing."""

from __future__ import annotations

import contextlib
import time

import click

from scripts.benchmark import machine, report, servers
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.visitors import Visitors
from tests.running import Server

ROW = 5000  # sessions, of the goals
PING_INTERVAL = 120  # seconds, the server's default
SETTLING = 1.2  # seconds; a server that has just started announces arrivals once a second


@click.command()
@click.option("--members", default=ROW, show_default=True)
@click.option("--seconds", default=130.0, show_default=True, help="More than 120, and the pings are in it.")
@click.option("--runs", default=1, show_default=True)
@click.pass_obj
def idle(as_json: bool, members: int, seconds: float, runs: int) -> None:
    """Memory and CPU of people in #lobby who say nothing and answer PING. Takes three minutes.

    Memory is what the server holds at the end above what it held before the first came, for each; CPU is of one core.
    Needs a file descriptor for each session (ulimit -n).
    """
    rows = []
    with servers.certificates() as certificates:
        for _ in range(runs):
            with servers.server(certificates, members) as server:
                rows.append(_idle_run(server, members, seconds))
    is_row = members == ROW
    figures = [
        Figure("RSS per session (KiB)", median_of(rows, "rss_kib"), 20 if is_row else None),
        Figure("CPU of all (%)", median_of(rows, "cpu_percent"), 1 if is_row and seconds > PING_INTERVAL else None),
        Figure("pings answered", sum(row["pings"] for row in rows)),
    ]
    report.show(as_json, f"idle: {members} sessions, {seconds:g} s, median of {runs}", figures, rows)


def _idle_run(server: Server, members: int, seconds: float) -> dict[str, float]:
    before = machine.rss_kib(server.pid)
    with contextlib.closing(Visitors(server.port)) as sessions:
        sessions.bring(map(servers.name_of, range(members)))
        sessions.stay(SETTLING)
        cpu, began = machine.cpu_seconds(server.pid), time.monotonic()
        sessions.stay(seconds)
        used = (machine.cpu_seconds(server.pid) - cpu) / (time.monotonic() - began)
        rss = (machine.rss_kib(server.pid) - before) / members
    return {"rss_kib": rss, "cpu_percent": used * 100, "pings": sessions.pings}
