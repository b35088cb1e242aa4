"""How the cost of a delivery grows with members, channels, message size and rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from scripts.benchmark import plot, report, servers, talk
from scripts.benchmark.fanout import Load, turns
from scripts.benchmark.report import Table, median_of, median_ratio
from scripts.benchmark.servers import People
from scripts.benchmark.talk import Pair


@dataclass(frozen=True, slots=True)
class Series:
    """One thing that grows while all else stays."""

    name: str
    said: str  # what stays
    unit: str
    loads: Mapping[float, Load]


SERIES = (
    Series("members", "20 msg/s of 100 bytes", "members", {n: Load(People(n), 20) for n in (50, 200, 1000, 2000)}),
    Series(
        "channels",
        "20 members in each, 500 msg/s of 100 bytes in all",
        "channels",
        {n: Load(People(20, channels=n), 500) for n in (1, 10, 100)},
    ),
    Series("size", "200 members, 50 msg/s", "bytes of text", {n: Load(People(200), 50, n) for n in (20, 100, 400)}),
    Series("rate", "200 members, 100 bytes", "messages a second", {n: Load(People(200), n) for n in (5, 20, 100, 500)}),
)


@click.command()
@click.option("--over", type=click.Choice([one.name for one in SERIES]), multiple=True, help="Only this; repeatable.")
@click.option("--seconds", default=4.0, show_default=True, help="For each point in each run, and as many at the floor.")
@click.option("--runs", default=2, show_default=True, help="Each with new processes.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw it as an SVG, too.")
@click.pass_obj
def scale(as_json: bool, over: Sequence[str], seconds: float, runs: int, picture: Path | None) -> None:
    """How the CPU for a delivery grows with members, channels, message size and rate. Takes six minutes.

    Each point is measured as `fanout` does it, beside its floor.
    """
    chosen = [one for one in SERIES if not over or one.name in over]
    pairs: dict[Load, list[Pair]] = {load: [] for one in chosen for load in one.loads.values()}
    with servers.certificates() as certificates:
        for _ in range(runs):
            for people in dict.fromkeys(load.people for load in pairs):
                _measure(certificates, people, seconds, pairs)
    title = f"scale: CPU per delivery, {seconds:g} s each, median of {runs}"
    runs_of_all = [{"load": str(load), **pair._asdict()} for load, found in pairs.items() for pair in found]
    tables = [_table(one, pairs) for one in chosen]
    report.show_tables(as_json, title, tables, runs_of_all)
    if picture is not None:
        panels = [
            plot.Panel(table.title, table.columns[0], [plot.Point(*row[:3]) for row in table.rows]) for table in tables
        ]
        picture.write_text(plot.svg("What a delivery costs", "us of CPU per delivery", report.where(), panels))


def _measure(certificates: Path, people: People, seconds: float, pairs: Mapping[Load, list[Pair]]) -> None:
    """All loads of the same people, by the same processes."""
    with talk.beside_floor(certificates, people) as both:
        for load, found in pairs.items():
            if load.people == people:
                found += [both(load.talk(turn)) for turn in turns(seconds)]


def _table(series: Series, pairs: Mapping[Load, list[Pair]]) -> Table:
    columns = (series.unit, "floor (us)", "securechat (us)", "ratio", "floor p99 (ms)", "securechat p99 (ms)", "lost")
    rows = []
    for x, load in series.loads.items():
        floors, ours = [pair.floor for pair in pairs[load]], [pair.server for pair in pairs[load]]
        costs = median_of(floors, "cpu_us"), median_of(ours, "cpu_us"), median_ratio(ours, floors, "cpu_us")
        slowest = median_of(floors, "p99_ms"), median_of(ours, "p99_ms")
        rows.append((x, *costs, *slowest, sum(run["lost"] for run in ours)))
    return Table(f"{series.name}: {series.said}", columns, rows)
