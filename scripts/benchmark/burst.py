"""How fast a heap of messages reaches a crowd, and what the server holds of it meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import click

from scripts.benchmark import machine, report, servers, talk
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.servers import People
from scripts.benchmark.talk import Run

ROW = (People(1000, senders=10), 500, 100)  # people, messages of each sender, bytes of text, of the goals
MB = 1_000_000


@click.command()
@click.option("--members", default=1000, show_default=True, help="Who only listen; the senders hear one another, too.")
@click.option("--senders", default=10, show_default=True)
@click.option("--count", default=500, show_default=True, help="Messages of each sender, sent all at once.")
@click.option("--payload", default=100, show_default=True, help="Bytes of text.")
@click.option("--runs", default=3, show_default=True, help="Each with a new server.")
@click.pass_obj
def burst(as_json: bool, members: int, senders: int, count: int, payload: int, runs: int) -> None:
    """Deliveries a second when some send all they have at once to a channel. Takes half a minute.

    The time is from the first byte sent to the last delivery; a delivery is one message to one other member. Memory is
    the most that the server held in that time, and what it holds afterwards, above what it held with everyone logged
    in and silent. There is no floor: one send for each delivery, which the floor is, is far slower than joining what
    waits for a receiver.
    """
    people = People(members, senders)
    with servers.certificates() as certificates:
        rows = [_run(certificates, people, count, payload) for _ in range(runs)]
    is_row = (people, count, payload) == ROW
    title = (
        f"burst: {senders} senders with {count} messages of {payload} bytes each to {members} members, median of {runs}"
    )
    report.show(as_json, title, _figures(rows, is_row), rows)


def _run(certificates: Path, people: People, count: int, payload: int) -> Run:
    with (
        servers.server(certificates, people.in_channel) as server,
        contextlib.closing(talk.gather(server, people)) as crowd,
    ):
        before = machine.rss_kib(server.pid)
        machine.forget_peak(server.pid)
        run = talk.burst(crowd, server.pid, count, payload)
        after, most = machine.rss_kib(server.pid), machine.peak_rss_kib(server.pid)
    return run | {"grown_mb": (after - before) * 1024 / MB, "peak_mb": (most - before) * 1024 / MB}


def _figures(rows: Sequence[Run], is_row: bool) -> list[Figure]:
    return [
        Figure("deliveries/s", median_of(rows, "deliveries_s"), 1_500_000 if is_row else None, at_most=False),
        Figure("server CPU per delivery (us)", median_of(rows, "cpu_us")),
        Figure("load's share of its core (%)", median_of(rows, "load_percent")),
        Figure("server's RSS at most, above idle (MB)", median_of(rows, "peak_mb"), 40 if is_row else None),
        Figure("server's RSS afterwards, above idle (MB)", median_of(rows, "grown_mb")),
        *report.faults(rows),
    ]
