#!/usr/bin/env python3
"""What bad peers cost the others, of a real server, over loopback: each command prints its figures.

Status 1 when a bound is not held.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.benchmark import machine
from tests.hostile.guesses import compare, guess
from tests.hostile.measure import COST, SETTINGS, measure
from tests.hostile.member import endure
from tests.hostile.returning import PATIENCE, come_back
from tests.hostile.siege import Plan, besiege
from tests.running import temporary_server


@click.group()
def hostile() -> None:
    """What bad peers cost the others: nothing that anyone notices."""
    machine.allow_files()


@hostile.command()
@click.option("--pairs", default=5, show_default=True)
@click.option("--seconds", default=3.0, show_default=True, help="Of one phase.")
def peers(pairs: int, seconds: float) -> None:
    """200 peers that never log in, and one that never reads.

    The strangers come from 20 loopback addresses, a lawful login from another. Once with the default limits, once with
    `limits.exempt` holding all of loopback, which takes the limits on connections away. A login must take less than a
    second, and deliveries at most twice as long as in quiet (or 40 ms).
    """
    held = True
    for name, settings in SETTINGS.items():
        with temporary_server(settings) as server:
            figures = measure(server.start(), pairs, seconds)
            server.stop()  # and so its log is whole
            reasons = [line for line in server.log().splitlines() if "does not read" in line]
        print(f"== {name}\n{figures}")
        print(f"in the log {len(reasons)} times, last: {reasons[-1] if reasons else 'never'}")
        held = held and figures.held and bool(reasons)
    _end(held)


@hostile.command()
@click.option("--strangers", default=Plan.strangers, show_default=True)
@click.option("--addresses", default=Plan.addresses, show_default=True)
@click.option("--rate", default=Plan.rate, show_default=True, help="Of their coming, a second.")
def siege(strangers: int, addresses: int, rate: float) -> None:
    """Half-open and slow connections of six kinds, with the default limits.

    TCP alone, half a ClientHello, a handshake and silence, a drip of bytes, SASL without end, a line without end. All
    the while people log in from addresses that nobody knows.
    """
    with temporary_server() as server:
        figures = besiege(server.start(), Plan(strangers, addresses, rate))
    print(figures)
    _end(figures.held)


@hostile.command("return")
@click.option("--people", default=1000, show_default=True)
def return_(people: int) -> None:
    """Everyone behind one address comes back at once after a crash, with device tokens and the default limits."""
    with temporary_server() as server:
        seconds = come_back(server.start(), people)
    print(f"{people} people behind one address were back {seconds:.1f} s after the server listened again")
    _end(seconds <= PATIENCE)


@hostile.command()
@click.option("--number", default=1000, show_default=True, help="Of guesses.")
def guesses(number: int) -> None:
    """Guesses at one account, from one address and from 1000, while its owner logs in from where he was before.

    In the middle the server is killed. Passwords cost what they cost by default.
    """
    held = True
    for addresses in (1, 1000):
        with temporary_server(rounds=COST) as server:
            figures = guess(server.start(), [f"127.4.{one // 250}.{one % 250 + 1}" for one in range(addresses)], number)
        print(f"from {addresses} address(es): {figures}")
        held = held and figures.held
    _end(held)


@hostile.command()
@click.option("--tries", default=200, show_default=True, help="Of each kind.")
@click.option("--rounds", default=COST, show_default=True, help="Of bcrypt.")
def timing(tries: int, rounds: int) -> None:
    """What the time of a refused login tells about which names there are: nothing."""
    with temporary_server(rounds=rounds) as server:
        times = compare(server.start(), tries)
    print(times)
    _end(times.held)


@hostile.command()
@click.option("--seconds", default=200.0, show_default=True, help="A reader that reads nothing is cut after 180.")
def member(seconds: float) -> None:
    """One member who floods in every way at once, and one session of his reads nothing.

    He talks, joins and parts, sets topics and masks, asks, says nothings, opens sessions, all as fast as he can, with
    the default limits. The others' deliveries must keep a p99 of 100 ms, the server's memory must grow by no more than
    64 MiB, and of him no more may be stored than his pace allows.
    """
    with temporary_server(paced=True) as server:
        figures = endure(server.start(), seconds)
    print(figures)
    _end(figures.held)


def _end(held: bool) -> None:
    print("held" if held else "NOT held")
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    hostile()
