"""What a command of the benchmark shows: named figures, each beside the one to reach, as a table or as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click

from scripts.benchmark import machine


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; the name says its unit. `reach` is None where there is no goal for the sizes of the run."""

    name: str
    value: float
    reach: float | None = None
    at_most: bool = True  # else at least

    @property
    def missed(self) -> bool:
        if self.reach is None:
            return False
        return self.value > self.reach if self.at_most else self.value < self.reach


@dataclass(frozen=True, slots=True)
class Table:
    """Many values of the same kinds, one row for each size of the load."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[float]]


def show(as_json: bool, title: str, figures: Sequence[Figure], runs: Sequence[Mapping[str, Any]]) -> None:
    """Print the figures; `runs`, the parts that they were taken from, are in the JSON alone."""
    if as_json:
        shown = {one.name: {"value": one.value, "reach": one.reach, "missed": one.missed} for one in figures}
        click.echo(json.dumps({**_heading(title), "figures": shown, "runs": list(runs)}))
        return
    click.echo(f"{title}\n{where()}\n")
    _echo([("", "", "reach", ""), *map(_row, figures)])


def show_tables(as_json: bool, title: str, tables: Sequence[Table], runs: Sequence[Mapping[str, Any]]) -> None:
    """The same for several tables, which have nothing to reach."""
    if as_json:
        click.echo(json.dumps({**_heading(title), "tables": [asdict(one) for one in tables], "runs": list(runs)}))
        return
    click.echo(f"{title}\n{where()}")
    for table in tables:
        click.echo(f"\n{table.title}")
        _echo([table.columns, *([_number(value) for value in row] for row in table.rows)])


def _heading(title: str) -> dict[str, str]:
    return {"title": title, "date": _today(), "machine": machine.describe()}


def where() -> str:
    """The day and the machine."""
    return f"{_today()}, {machine.describe()}"


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _echo(rows: Sequence[Sequence[str]]) -> None:
    """The first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *values in rows:
        aligned = [f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True)]
        click.echo("  ".join(["", f"{name:<{widths[0]}}", *aligned]).rstrip())


def _row(figure: Figure) -> tuple[str, str, str, str]:
    if figure.reach is None:
        return figure.name, _number(figure.value), "", ""
    sign, mark = ("<=", "over") if figure.at_most else (">=", "under")
    return figure.name, _number(figure.value), f"{sign} {_number(figure.reach)}", mark if figure.missed else ""


def _number(value: float) -> str:
    """Counts and large values whole, others with three decimals."""
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 10_000 else f"{value:.3f}"


def median_of(runs: Sequence[Mapping[str, Any]], name: str) -> float:
    """The median of one value over all runs."""
    return float(statistics.median(run[name] for run in runs))


def median_ratio(ours: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], name: str) -> float:
    """The median of the pairs' ratios: each run is compared with the other of its own minutes."""
    return float(statistics.median(one[name] / other[name] for one, other in zip(ours, others, strict=True)))


def faults(runs: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """What must never be, of all runs together."""
    return [
        Figure("lost", sum(run["lost"] for run in runs), 0),
        Figure("out of order", sum(run["out_of_order"] for run in runs), 0),
    ]
