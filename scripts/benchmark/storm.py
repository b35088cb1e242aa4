"""Whether those who talk notice a storm of logins, or of handshakes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import click

from scripts.benchmark import beside, report
from scripts.benchmark.beside import FanOut
from scripts.benchmark.strain import strain
from tests.running import Server

COST = 12  # rounds of bcrypt, the server's default
MOST_LOGINS = 15  # a second, at that cost, on a machine of today
OVERHEAD = 5.0  # seconds of a phase besides the talking, at most
ROW_PEOPLE, ROW_HANDSHAKES = 50, 500


@click.command()
@click.option("--people", default=ROW_PEOPLE, show_default=True, help="On their way in at any time.")
@beside.options
@click.pass_obj
def login_storm(as_json: bool, people: int, **fan_out_options: Any) -> None:
    """Fan-out to 200 members while 50 people at a time log in, at bcrypt cost 12. Takes 70 seconds.

    In turn: quiet; the same storm on another server, which shows what sharing the machine costs; the storm on the
    server that is measured. Each of the people logs in once and makes room for the next: the server is set to 4 rounds,
    so that the crowd comes in quickly, and renews a hash of 12 when it has checked it.
    """
    fan_out = FanOut(**fan_out_options)
    guests = people + round(MOST_LOGINS * (fan_out.seconds + OVERHEAD))

    def add_people(server: Server) -> None:
        beside.add_guests(server, guests, COST)

    def load(server: Server) -> AbstractContextManager[dict[str, Any]]:
        return strain("logins", server.port, people)

    runs = beside.compare(fan_out, add_people, load)
    title = f"login-storm: {people} people at a time, bcrypt cost {COST}; {fan_out}"
    report.show(as_json, title, beside.figures(runs, fan_out, "storm", "logins", people == ROW_PEOPLE), runs)


@click.command()
@click.option("--handshakes", default=ROW_HANDSHAKES, show_default=True, help="A second.")
@beside.options
@click.pass_obj
def handshake_storm(as_json: bool, handshakes: int, **fan_out_options: Any) -> None:
    """Fan-out to 200 members during 500 TLS handshakes a second that are hung up without a word. Takes 70 seconds.

    In turn: quiet; the same storm on another server, which shows what sharing the machine costs; the storm on the
    server that is measured.
    """
    fan_out = FanOut(**fan_out_options)

    def load(server: Server) -> AbstractContextManager[dict[str, Any]]:
        return strain("handshakes", server.port, handshakes)

    runs = beside.compare(fan_out, lambda server: None, load)
    title = f"handshake-storm: {handshakes} handshakes a second; {fan_out}"
    figures = beside.figures(runs, fan_out, "storm", "handshakes", handshakes == ROW_HANDSHAKES)
    report.show(as_json, title, figures, runs)
