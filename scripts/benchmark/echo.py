"""How soon a sender's own message comes back, which is when it is stored and synced."""

from __future__ import annotations

import contextlib
import sqlite3
import statistics
import time
from collections.abc import Sequence

import click

from scripts.benchmark import report, servers
from scripts.benchmark.report import Figure
from tests.running import Server

CAPS = "echo-message labeled-response message-tags batch"
ABOVE_P50, ABOVE_P99 = 0.8, 5.0  # ms above a lone commit, the goals

Run = dict[str, list[float]]


@click.command()
@click.option("--count", default=300, show_default=True, help="Messages in a run.")
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def echo(as_json: bool, count: int, runs: int) -> None:
    """A sender's own echo on an otherwise idle server. Takes 5 seconds.

    In turn with each message one row is stored by a synced SQLite commit of its own, on the same disk: an echo cannot
    come back sooner than that.
    """
    rows = []
    with servers.certificates() as certificates:
        for _ in range(runs):
            with servers.server(certificates, 1) as server:
                rows.append(_run(server, count))
    report.show(as_json, f"echo: {count} messages, one at a time, median of {runs}", _figures(rows), rows)


def _run(server: Server, count: int) -> Run:
    echoes, commits = [], []
    with (
        server.login(servers.name_of(0), CAPS) as wire,
        contextlib.closing(sqlite3.connect(server.data / "lone.db", isolation_level=None)) as database,
    ):
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE lone (text TEXT)")
        for number in range(count):
            began = time.perf_counter()
            wire.send(f"PRIVMSG {servers.channel_of(0)} :{number:0100d}", label=str(number))
            wire.wait_for(label=str(number))
            echoes.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO lone VALUES (?)", (f"{number:0100d}",))
            database.execute("COMMIT")
            commits.append((time.perf_counter() - began) * 1e3)
    return {"echo_ms": sorted(echoes), "commit_ms": sorted(commits)}


def _figures(runs: Sequence[Run]) -> list[Figure]:
    def at(name: str, part: float) -> float:
        return statistics.median(run[name][int(len(run[name]) * part)] for run in runs)

    return [
        Figure("lone synced commit p50 (ms)", at("commit_ms", 0.5)),
        Figure("own echo p50 (ms)", at("echo_ms", 0.5), at("commit_ms", 0.5) + ABOVE_P50),
        Figure("lone synced commit p99 (ms)", at("commit_ms", 0.99)),
        Figure("own echo p99 (ms)", at("echo_ms", 0.99), at("commit_ms", 0.99) + ABOVE_P99),
    ]
