#!/usr/bin/env python3
"""Measure the server, beside a bare floor in the same minutes.

The figure that counts is the ratio to the floor: absolute times belong to the machine.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.benchmark import machine
from scripts.benchmark.crowd import Crowd, connect, log_in, text
from securechat.tls import authority
from tests.running import Server

Report = dict[str, Any]
SETTINGS = '[limits]\nexempt = ["127.0.0.0/8"]\n'
QUIET = 0.5  # seconds between the last login and the first message
CHANNEL = "#lobby"


@click.group()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.pass_context
def bench(context: click.Context, as_json: bool) -> None:
    """Measure the server, beside a bare floor in the same minutes."""
    context.obj = as_json
    machine.pin(machine.LOAD_CPU)


@bench.command()
@click.option("--members", default=1000, show_default=True)
@click.option("--rate", default=20.0, show_default=True, help="Messages a second.")
@click.option("--seconds", default=8.0, show_default=True)
@click.option("--payload", default=100, show_default=True, help="Bytes of text.")
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def fanout(as_json: bool, members: int, rate: float, seconds: float, payload: int, runs: int) -> None:
    """CPU per delivery to many members, and a sender's own echo, every message stored and synced."""
    with _certificates() as certificates:
        pairs, echoes = [], []
        for _ in range(runs):
            floor = _floor_run(certificates, members, rate, seconds, payload)
            with _server(certificates, members + 1) as server:
                pairs.append((floor, _fanout_run(server, members, rate, seconds, payload)))
                echoes.append(_echo_run(server))
    rows = [{"floor": floor, "securechat": ours} for floor, ours in pairs]
    ratio = statistics.median(ours["cpu_us"] / floor["cpu_us"] for floor, ours in pairs)
    _show(
        as_json,
        f"fanout: {members} members, {rate:g} msg/s of {payload} bytes, {seconds:g} s, median of {runs}",
        {
            "CPU per delivery, floor (us)": _median(rows, "floor", "cpu_us"),
            "CPU per delivery, securechat (us)": _median(rows, "securechat", "cpu_us"),
            "ratio to the floor": ratio,
            "delivery p50, floor (ms)": _median(rows, "floor", "p50_ms"),
            "delivery p50, securechat (ms)": _median(rows, "securechat", "p50_ms"),
            "delivery p99, floor (ms)": _median(rows, "floor", "p99_ms"),
            "delivery p99, securechat (ms)": _median(rows, "securechat", "p99_ms"),
            "lost": sum(row["securechat"]["lost"] for row in rows),
            "out of order": sum(row["securechat"]["out_of_order"] for row in rows),
            **_echo_figures(echoes),
        },
        rows,
    )


@bench.command()
@click.option("--members", default=1000, show_default=True)
@click.option("--seconds", default=5.0, show_default=True)
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def idle(as_json: bool, members: int, seconds: float, runs: int) -> None:
    """Memory and CPU of sessions that say nothing."""
    rows = []
    with _certificates() as certificates:
        for _ in range(runs):
            with _server(certificates, members) as server:
                rows.append(_idle_run(server, members, seconds))
    figures = {
        "RSS per session (KiB)": statistics.median(row["rss_kib"] for row in rows),
        "CPU of all (%)": statistics.median(row["cpu_percent"] for row in rows),
    }
    _show(as_json, f"idle: {members} sessions, median of {runs}", figures, rows)


@bench.command()
@click.option("--runs", default=9, show_default=True)
@click.pass_obj
def startup(as_json: bool, runs: int) -> None:
    """How long the command line takes to answer."""
    figures = {}
    for words in (["--help"], ["login", "--help"]):
        times = [_timed([sys.executable, "-m", "securechat", *words]) for _ in range(runs)]
        figures[f"securechat {' '.join(words)} (s)"] = statistics.median(times)
    _show(as_json, f"startup: median of {runs}", figures, [])


def _timed(words: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


# Runs


@contextlib.contextmanager
def _certificates() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        authority.create(Path(folder))
        yield Path(folder)


@contextlib.contextmanager
def _server(certificates: Path, accounts: int) -> Iterator[Server]:
    """A running server on its own core, with accounts member0, member1, …"""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", certificates, SETTINGS)
        server.adduser(*(f"member{number}" for number in range(accounts)))
        server.start()
        machine.pin(machine.SERVER_CPU, server.pid)
        try:
            yield server
        finally:
            server.kill()


def _floor_run(certificates: Path, members: int, rate: float, seconds: float, payload: int) -> Report:
    size = payload + len(f":member0!member0@u1.securechat PRIVMSG {CHANNEL} :\r\n")
    pair = [str(certificates / name) for name in ("server.crt", "server.key")]
    words = [sys.executable, "-m", "scripts.benchmark.floor", *pair, str(members), str(size)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        machine.pin(machine.SERVER_CPU, process.pid)
        assert process.stdout is not None
        found = re.search(r":(\d+)$", process.stdout.readline())
        assert found is not None
        sender, *receivers = connect(int(found[1]), str(certificates / "ca.crt"), members + 1)
        with contextlib.closing(Crowd(receivers)) as crowd, sender:
            report = _drive(process.pid, crowd, members, rate, seconds, lambda n: sender.sendall(_line(n, payload)))
        process.kill()
    return report


def _fanout_run(server: Server, members: int, rate: float, seconds: float, payload: int) -> Report:
    names = [f"member{number}" for number in range(members + 1)]
    sender, *receivers = log_in(("127.0.0.1", server.port), server.ca, names)
    for wire in receivers:
        wire.sync()
    with contextlib.closing(Crowd([wire.sock for wire in receivers])) as crowd, sender:
        prefix = f"PRIVMSG {CHANNEL} :".encode()
        return _drive(
            server.pid, crowd, members, rate, seconds, lambda n: sender.send_bytes(prefix + _line(n, payload))
        )


def _line(sequence: int, payload: int) -> bytes:
    return text(sequence, payload).encode() + b"\r\n"


def _drive(pid: int, crowd: Crowd, members: int, rate: float, seconds: float, send: Callable[[int], None]) -> Report:
    """Send at the rate, read in between, and take the server's CPU time over the whole."""
    crowd.read(QUIET)
    count = round(rate * seconds)
    began, cpu = time.monotonic(), machine.cpu_seconds(pid)
    for sequence in range(count):
        send(sequence)
        crowd.read(began + (sequence + 1) / rate - time.monotonic())
    crowd.read(5.0, until=count * members)
    used = machine.cpu_seconds(pid) - cpu
    latencies = sorted(crowd.latencies)
    return {
        "cpu_us": used / (count * members) * 1e6,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[int(len(latencies) * 0.99)] * 1e3,
        "lost": count * members - crowd.received,
        "out_of_order": crowd.out_of_order,
    }


def _idle_run(server: Server, members: int, seconds: float) -> Report:
    before = machine.rss_kib(server.pid)
    wires = log_in(("127.0.0.1", server.port), server.ca, [f"member{number}" for number in range(members)])
    for wire in wires:
        wire.sync()
    cpu, began = machine.cpu_seconds(server.pid), time.monotonic()
    with contextlib.closing(Crowd([wire.sock for wire in wires])) as crowd:
        crowd.read(seconds)
        used = (machine.cpu_seconds(server.pid) - cpu) / (time.monotonic() - began)
        return {"rss_kib": (machine.rss_kib(server.pid) - before) / members, "cpu_percent": used * 100}


def _echo_run(server: Server, count: int = 300) -> Report:
    """A sender's own echo on an otherwise idle server, and in turn with it a lone synced commit on the same disk."""
    echoes, commits = [], []
    with (
        server.login("member0", "echo-message labeled-response message-tags batch") as wire,
        contextlib.closing(sqlite3.connect(server.data / "lone.db", isolation_level=None)) as database,
    ):
        wire.ask("JOIN #echo")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE lone (text TEXT)")
        for number in range(count):
            began = time.perf_counter()
            wire.send(f"PRIVMSG #echo :{number:0100d}", label=str(number))
            wire.wait_for(label=str(number))
            echoes.append(time.perf_counter() - began)
            began = time.perf_counter()
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO lone VALUES (?)", (f"{number:0100d}",))
            database.execute("COMMIT")
            commits.append(time.perf_counter() - began)
    return {"echo": sorted(echoes), "commit": sorted(commits)}


def _echo_figures(runs: Sequence[Report]) -> Report:
    def at(name: str, part: float) -> float:
        return statistics.median(run[name][int(len(run[name]) * part)] for run in runs) * 1e3

    return {
        "own echo p50 (ms)": at("echo", 0.5),
        "lone synced commit p50 (ms)": at("commit", 0.5),
        "own echo above the commit, p50 (ms)": at("echo", 0.5) - at("commit", 0.5),
        "own echo p99 (ms)": at("echo", 0.99),
        "lone synced commit p99 (ms)": at("commit", 0.99),
    }


# Showing


def _median(rows: Sequence[Report], which: str, name: str) -> float:
    return statistics.median(row[which][name] for row in rows)


def _show(as_json: bool, title: str, figures: Report, runs: Sequence[Report]) -> None:
    if as_json:
        click.echo(json.dumps({"title": title, "machine": machine.describe(), "figures": figures, "runs": runs}))
        return
    click.echo(f"{title}\n{machine.describe()}\n")
    width = max(map(len, figures))
    for name, value in figures.items():
        click.echo(
            f"  {name:<{width}}  {value:>10.3f}" if isinstance(value, float) else f"  {name:<{width}}  {value:>6}"
        )


if __name__ == "__main__":
    bench()
