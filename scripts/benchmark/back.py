"""What those who are there notice, and the server spends, when everybody comes back after a restart."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from scripts.benchmark import machine, report, servers, talk, visitors
from scripts.benchmark.crowd import Channel, Crowd, log_in
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.strain import strain
from scripts.benchmark.visitors import AT_ONCE
from tests.running import Server
from tests.wire import Wire

ROW = 1000  # members, of the goals
PAYLOAD = 100  # bytes of text
PATIENCE = 60.0  # seconds for all to be back
LATER = 1.5  # seconds in which an arrival could be shown once more: they are announced together, once a second

Run = dict[str, float]


@click.command()
@click.option("--members", default=ROW, show_default=True)
@click.option("--concurrency", default=AT_ONCE, show_default=True, help="People on their way in at once.")
@click.option("--rate", default=50.0, show_default=True, help="Messages a second of the pair that chats.")
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def back(as_json: bool, members: int, concurrency: int, rate: float, runs: int) -> None:
    """Everyone comes back to one channel after a restart, and two chat meanwhile. Takes 50 seconds.

    All are in #lobby, the server is stopped and started again. One who only looks comes first, then the two, who talk
    directly, then all others. The CPU is the whole server's from then until the one who looks has been shown everyone;
    the checks of passwords, 4 rounds of bcrypt each, are shown apart. The others come from a process of its own.
    """
    with servers.certificates() as certificates:
        rows = [_run(certificates, members, concurrency, rate) for _ in range(runs)]
    title = f"back: {members} members, {concurrency} at once, a pair at {rate:g} msg/s, median of {runs}"
    report.show(as_json, title, _figures(rows, members == ROW), rows)


def _figures(rows: Sequence[Run], is_row: bool) -> list[Figure]:
    def figure(text: str, name: str, reach: float | None = None) -> Figure:
        return Figure(text, median_of(rows, name), reach if is_row else None)

    return [
        figure("server CPU until all are back (s)", "cpu_s", 5),
        figure("  of it the loop (s)", "loop_s"),
        figure("  of it the password threads (s)", "passwords_s"),
        figure("chatting pair p50 (ms)", "p50_ms"),
        figure("chatting pair p99 (ms)", "p99_ms", 250),
        figure("all back, as one who looks is shown (s)", "back_s"),
        Figure("arrivals not shown exactly once", sum(int(row["unlike_once"]) for row in rows), 0),
        *report.faults(rows),
        figure("load's share of its core (%)", "load_percent"),
    ]


class Onlooker(threading.Thread):
    """Somebody in the channel, who counts how often each of the others is shown to arrive."""

    def __init__(self, wire: Wire, others: Sequence[str]) -> None:
        super().__init__(name=wire.name, daemon=True)
        self._wire = wire
        self._awaited = set(others)
        self.arrivals = Counter(dict.fromkeys(others, 0))

    def run(self) -> None:
        """Until everyone has arrived, or nobody has for a while."""
        with contextlib.suppress(AssertionError):
            while self._awaited:
                self._look(PATIENCE)

    def look_on(self) -> None:
        """For as long as somebody comes."""
        with contextlib.suppress(AssertionError):
            while True:
                self._look(LATER)

    def _look(self, seconds: float) -> None:
        line = self._wire.wait_for("JOIN", within=seconds)
        name = (line.source or "").partition("!")[0]
        self._awaited.discard(name)
        self.arrivals[name] += 1


def _pair(server: Server, one: str, another: str) -> Crowd:
    """One talks to another, directly."""
    speaker, hearer = log_in(("127.0.0.1", server.port), server.ca, (one, another))
    return Crowd([Channel(another, [speaker.sock], [[hearer.sock]])])


def _run(certificates: Path, members: int, at_once: int, rate: float) -> Run:
    names = [servers.name_of(number) for number in range(members + 3)]
    others, (one, another, looking) = names[:members], names[members:]
    with servers.server(certificates, len(names)) as server:
        visitors.restart(server, names, at_once)
        with server.login(looking, "") as wire, contextlib.closing(_pair(server, one, another)) as pair:
            onlooker = Onlooker(wire, others)
            before, began = machine.cpu_by_thread(server.pid), time.monotonic()
            with strain("members", server.port, members, at_once) as load:
                onlooker.start()
                run = talk.paced_while(pair, server.pid, rate, onlooker.is_alive, PAYLOAD)
                took, after = time.monotonic() - began, machine.cpu_by_thread(server.pid)
                onlooker.look_on()
    used = {name: after[name] - before[name] for name in before}
    return {
        **run,
        "cpu_s": sum(used.values()),
        **{f"{name}_s": seconds for name, seconds in used.items()},
        "back_s": took,
        "unlike_once": sum(onlooker.arrivals[name] != 1 for name in others),
        "load_percent": load["busy"] / load["seconds"] * 100,
    }
