"""What coming in costs the server, and how soon all are back after a restart."""

from __future__ import annotations

import contextlib
import functools
import time
from pathlib import Path

import click

from scripts.benchmark import machine, report, servers, visitors
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.visitors import HANDSHAKE, LOGGED_IN, NO_CHANNEL, Visitors
from securechat.auth import passwords
from tests.running import PASSWORD, ROUNDS

Run = dict[str, float]
ROW = (1000, 50)  # members and how many at once, of the goals
LAST = 0.1  # seconds for the server to see the last handshakes end
CHECKS = 100  # of bcrypt, to know what one costs


@click.command()
@click.option("--members", default=ROW[0], show_default=True)
@click.option("--concurrency", default=ROW[1], show_default=True, help="People on their way in at once.")
@click.option("--runs", default=3, show_default=True)
@click.option("--password", is_flag=True, help="Log in with passwords, of 4 rounds of bcrypt, instead of tokens.")
@click.pass_obj
def connect(as_json: bool, members: int, concurrency: int, runs: int, password: bool) -> None:
    """What a TLS handshake with a login costs, and how soon all are back after a restart. Takes 40 seconds.

    First everyone logs in to a server where nobody is in any channel, so that the figure is the login's own: with a
    device token, as whoever was here before. What a TLS handshake costs the server with no login behind it, and one
    check of a password with 4 rounds of bcrypt by itself, is measured in the same minutes and shown apart. The server's
    threads are told apart as the system shows them: the first one is the loop's, those with a niceness check passwords,
    the others store, read and log.

    Then everyone is in #lobby, the server is stopped and started again, and everyone comes back: the time is from
    the server's "listening" to the last one's end of NAMES.
    """
    rows = []
    secret = PASSWORD if password else None
    with servers.certificates() as certificates:
        for _ in range(runs):
            check = _check_ms()
            rows.append({"check_ms": check, **_login_run(certificates, members, concurrency, secret)})
            rows[-1] |= _restart_run(certificates, members, concurrency, secret)
    means = "passwords" if password else "device tokens"
    title = f"connect: {members} members with {means}, {concurrency} at once, median of {runs}"
    report.show(as_json, title, _figures(rows, (members, concurrency) == ROW and not password), rows)


def _figures(rows: list[Run], is_row: bool) -> list[Figure]:
    def figure(text: str, name: str, reach: float | None = None) -> Figure:
        return Figure(text, median_of(rows, name), reach if is_row else None)

    return [
        figure("server CPU per handshake and login (ms)", "login_ms", 1.2),
        figure("  of it the loop (ms)", "login_loop_ms"),
        figure("  of it the password threads (ms)", "login_passwords_ms"),
        figure("  of it the other threads (ms)", "login_others_ms"),
        figure(f"one bcrypt check of {ROUNDS} rounds by itself (ms)", "check_ms"),
        figure("a handshake by itself (ms)", "handshake_ms"),
        figure("logins a second", "logins_s"),
        figure("load's share of its core (%)", "login_load_percent"),
        figure("after a restart, all back in #lobby (s)", "back_s", 4),
        figure("  server CPU per person (ms)", "back_ms"),
        figure("  load's share of its core (%)", "back_load_percent"),
    ]


def _check_ms() -> float:
    """CPU time of one check of a password."""
    stored = passwords.hash(PASSWORD, ROUNDS)
    began = time.thread_time()
    for _ in range(CHECKS):
        passwords.check(PASSWORD, stored)
    return (time.thread_time() - began) / CHECKS * 1e3


def _login_run(certificates: Path, members: int, at_once: int, password: str | None) -> Run:
    names = list(map(servers.name_of, range(members)))
    with (
        servers.server(certificates, members, NO_CHANNEL) as server,
        contextlib.closing(Visitors(server.port)) as load,
    ):
        before = machine.cpu_by_thread(server.pid)
        began, busy = time.monotonic(), time.process_time()
        load.bring(names, functools.partial(visitors.login, end=LOGGED_IN, password=password), at_once)
        took, busy = time.monotonic() - began, time.process_time() - busy
        after = machine.cpu_by_thread(server.pid)
        load.bring(names, lambda name: HANDSHAKE, at_once)
        load.stay(LAST)
        handshakes = machine.cpu_seconds(server.pid) - sum(after.values())
    used = {name: (after[name] - before[name]) / members * 1e3 for name in before}
    return {
        "login_ms": sum(used.values()),
        **{f"login_{name}_ms": value for name, value in used.items()},
        "handshake_ms": handshakes / members * 1e3,
        "logins_s": members / took,
        "login_load_percent": busy / took * 100,
    }


def _restart_run(certificates: Path, members: int, at_once: int, password: str | None) -> Run:
    names = list(map(servers.name_of, range(members)))
    with servers.server(certificates, members) as server:
        visitors.restart(server, names, at_once)
        began, busy, cpu = time.monotonic(), time.process_time(), machine.cpu_seconds(server.pid)
        with contextlib.closing(Visitors(server.port)) as load:
            load.bring(names, functools.partial(visitors.login, password=password), at_once)
            took, busy = time.monotonic() - began, time.process_time() - busy
            used = machine.cpu_seconds(server.pid) - cpu
    return {"back_s": took, "back_ms": used / members * 1e3, "back_load_percent": busy / took * 100}
