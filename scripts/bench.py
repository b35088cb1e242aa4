#!/usr/bin/env python3
"""Measure the server, beside a bare floor in the same minutes.

The figure that counts is the ratio to the floor: absolute times belong to the machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.benchmark import machine
from scripts.benchmark.back import back
from scripts.benchmark.burst import burst
from scripts.benchmark.churn import churn
from scripts.benchmark.connect import connect
from scripts.benchmark.durable import durable
from scripts.benchmark.echo import echo
from scripts.benchmark.fanout import fanout
from scripts.benchmark.history import history
from scripts.benchmark.idle import idle
from scripts.benchmark.join import join
from scripts.benchmark.keys import typing
from scripts.benchmark.paging import paging
from scripts.benchmark.scale import scale
from scripts.benchmark.search import search
from scripts.benchmark.soak import soak
from scripts.benchmark.startup import startup
from scripts.benchmark.storm import handshake_storm, login_storm


@click.group()
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.pass_context
def bench(context: click.Context, as_json: bool) -> None:
    """Measure the server, beside a bare floor in the same minutes."""
    context.obj = as_json
    machine.pin(machine.LOAD_CPU)
    machine.allow_files()


bench.add_command(fanout)
bench.add_command(burst)
bench.add_command(echo)
bench.add_command(connect)
bench.add_command(back)
bench.add_command(idle)
bench.add_command(join)
bench.add_command(login_storm)
bench.add_command(handshake_storm)
bench.add_command(history)
bench.add_command(paging)
bench.add_command(search)
bench.add_command(durable)
bench.add_command(churn)
bench.add_command(soak)
bench.add_command(scale)
bench.add_command(startup)
bench.add_command(typing)


if __name__ == "__main__":
    bench()
