"""How many messages a second are accepted: stored, synced and acknowledged."""

from __future__ import annotations

import contextlib
import functools
import itertools
import sqlite3
import time
from pathlib import Path
from typing import Any

import click

from scripts.benchmark import machine, report, servers, visitors
from scripts.benchmark.report import Figure, median_of
from scripts.benchmark.visitors import IN_CHANNEL, LOGGED_IN, NO_CHANNEL, Steps, Tally, Visitor, Visitors
from securechat.store.database import FILE
from tests.running import Server

Run = dict[str, Any]
ROW = (50, 1000)  # senders, and messages of each
PAYLOAD = 100  # bytes of text


@click.command()
@click.option("--senders", default=ROW[0], show_default=True)
@click.option("--count", default=ROW[1], show_default=True, help="Messages of each sender.")
@click.option("--runs", default=3, show_default=True)
@click.pass_obj
def durable(as_json: bool, senders: int, count: int, runs: int) -> None:
    """Messages accepted a second from 50 senders that wait for nothing. Takes 10 seconds.

    Each sender has a channel of its own with one other member, who reads, so every message is stored, synced,
    acknowledged to its sender by its echo, and delivered once. Senders write as fast as the server reads. The time is
    from the first byte to the last echo; then the server is killed, and what its database holds is compared with what
    was sent, in its order.
    """
    rows = []
    with servers.certificates() as certificates:
        for _ in range(runs):
            with servers.server(certificates, 2 * senders, NO_CHANNEL) as server:
                rows.append(_durable_run(server, senders, count))
    reach = 25_000 if (senders, count) == ROW else None
    figures = [
        Figure("messages accepted a second", median_of(rows, "accepted_s"), reach, at_most=False),
        Figure("server CPU per message (us)", median_of(rows, "cpu_us")),
        Figure("load's share of its core (%)", median_of(rows, "load_percent")),
        Figure("messages not stored, or out of order", sum(row["not_stored"] for row in rows)),
    ]
    report.show(as_json, f"durable: {senders} senders, {count} messages each, median of {runs}", figures, rows)


def _durable_run(server: Server, senders: int, count: int) -> Run:
    heard, joined = Tally(b" PRIVMSG #"), Tally(IN_CHANNEL)

    def hear(visitor: Visitor, data: bytes) -> None:
        heard.hear(visitor, data)
        joined.hear(visitor, data)

    with contextlib.closing(Visitors(server.port, hear)) as load:
        speakers = load.bring(map(servers.name_of, range(senders)), functools.partial(_conversation, "echo-message"))
        readers = load.bring(map(servers.name_of, range(senders, 2 * senders)), functools.partial(_conversation, ""))
        for number, pair in enumerate(zip(speakers, readers, strict=True)):
            for one in pair:
                one.say(f"JOIN {_channel(number)}\r\n".encode())
        load.serve_until(lambda: joined.all_have(1, [*speakers, *readers]))
        cpu, began, busy = machine.cpu_seconds(server.pid), time.monotonic(), time.process_time()
        for number, speaker in enumerate(speakers):
            speaker.say(_lines(number, count))
        load.serve_until(lambda: heard.all_have(count, speakers))
        took, busy = time.monotonic() - began, time.process_time() - busy
        load.serve_until(lambda: heard.all_have(count, readers))
        used = machine.cpu_seconds(server.pid) - cpu
        server.kill()
    return {
        "accepted_s": senders * count / took,
        "cpu_us": used / (senders * count) * 1e6,
        "load_percent": busy / took * 100,
        "not_stored": _not_stored(server.data / FILE, senders, count),
    }


def _conversation(caps: str, name: str) -> Steps:
    return visitors.login(name, caps=caps, end=LOGGED_IN)


def _channel(number: int) -> str:
    return f"#pair{number}"


def _texts(count: int) -> list[str]:
    return [f"{sequence} ".ljust(PAYLOAD, "x") for sequence in range(count)]


def _lines(number: int, count: int) -> bytes:
    return "".join(f"PRIVMSG {_channel(number)} :{text}\r\n" for text in _texts(count)).encode()


def _not_stored(database: Path, senders: int, count: int) -> int:
    """How many messages are missing, or stand in the wrong place of their channel."""
    sent, missing = _texts(count), 0
    with contextlib.closing(sqlite3.connect(database)) as connection:
        for number in range(senders):
            query = "SELECT text FROM entry WHERE target = ? AND kind = 'PRIVMSG' ORDER BY seq"
            stored = [text for (text,) in connection.execute(query, (_channel(number),))]
            missing += sum(one != other for one, other in itertools.zip_longest(sent, stored))
    return missing
