"""How long the command line takes to answer."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import click

from scripts.benchmark import report
from scripts.benchmark.report import Figure


@click.command()
@click.option("--runs", default=9, show_default=True)
@click.pass_obj
def startup(as_json: bool, runs: int) -> None:
    """How long the command line takes to answer. Takes 3 seconds."""
    figures, rows = [], []
    for words in (["--help"], ["login", "--help"]):
        times = [_timed([sys.executable, "-m", "securechat", *words]) for _ in range(runs)]
        command = f"securechat {' '.join(words)}"
        figures.append(Figure(f"{command} (s)", statistics.median(times)))
        rows.append({"command": command, "seconds": times})
    report.show(as_json, f"startup: median of {runs}", figures, rows)


def _timed(words: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
