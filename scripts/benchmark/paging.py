"""What a page of history costs the server, from the newest message to the oldest, in a large store."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Any

import click

from scripts.benchmark import beside, machine, report, servers
from scripts.benchmark.report import Figure
from securechat.protocol.message import Message
from securechat.store.accounts import Accounts
from securechat.store.rows import EntryStored
from securechat.store.writer import Writer
from tests.running import Server
from tests.wire import Wire

ROW = (100_000, 1_000_000)  # messages paged, and in the store
PAGE = 100
PAGE_MS = 5.0  # of server CPU, the goal at any depth
DEPTHS = 10
CAPS = "batch labeled-response draft/chathistory message-tags server-time account-tag"
CHANNEL = servers.channel_of(0)
TOGETHER = 10_000  # rows of one commit


@click.command()
@click.option("--messages", default=ROW[0], show_default=True, help="In the channel that is read.")
@click.option("--store", default=ROW[1], show_default=True, help="In all channels together.")
@click.pass_obj
def paging(as_json: bool, messages: int, store: int) -> None:
    """CPU of a page of 100 messages, paged backwards by msgid and by timestamp. Takes 15 seconds.

    The messages of the channel lie among those of others, so that each has its own page of the file. The deepest
    figure is of the dearest tenth of the way.
    """
    with servers.certificates() as certificates, servers.server(certificates, 1) as server:
        _fill(server, messages, store)
        with server.login(servers.name_of(0), CAPS) as wire:
            runs = [_run(server, wire, key, messages) for key in ("msgid", "timestamp")]
    goal = PAGE_MS if (messages, store) == ROW else None
    figures = [
        *(Figure(f"CPU of a page by {run['key']} (ms)", run["mean_ms"], goal) for run in runs),
        *(Figure(f"CPU of a page by {run['key']}, dearest tenth (ms)", max(run["depths_ms"]), goal) for run in runs),
        Figure("missing or twice", sum(run["wrong"] for run in runs), 0),
    ]
    report.show(as_json, f"paging: {messages} messages of {store} in the store, pages of {PAGE}", figures, runs)


def _fill(server: Server, messages: int, store: int) -> None:
    """Every `store / messages`-th one is in the channel."""
    newest = time.time_ns() // 1_000_000
    every = max(1, store // messages)
    with contextlib.closing(server.open_store()) as database, contextlib.closing(Writer(database)) as writer:
        sender = Accounts(database, ()).required(servers.name_of(0)).id

        def row(number: int) -> EntryStored:
            target = CHANNEL if number % every == 0 else f"#other{number % every}"
            text = f"{number // every} ".ljust(beside.PAYLOAD, "x")
            return EntryStored(target, f"stored{number:014d}", newest - store + number, "PRIVMSG", sender, text)

        for first in range(0, store, TOGETHER):
            writer.commit([row(number) for number in range(first, min(first + TOGETHER, store))])


def _run(server: Server, wire: Wire, key: str, messages: int) -> dict[str, Any]:
    pages = 0
    found: list[int] = []
    spent = [machine.cpu_seconds(server.pid)]
    for page in _pages(wire, key):
        pages += 1
        found += (int(line.params[-1].split()[0]) for line in reversed(page))
        if len(found) * DEPTHS >= len(spent) * messages:
            spent.append(machine.cpu_seconds(server.pid))
    in_a_tenth = pages / (len(spent) - 1)
    depths = [(later - earlier) * 1e3 / in_a_tenth for earlier, later in itertools.pairwise(spent)]
    wrong = len(set(range(messages)) ^ set(found)) + len(found) - len(set(found))
    return {"key": key, "mean_ms": (spent[-1] - spent[0]) * 1e3 / pages, "depths_ms": depths, "wrong": wrong}


def _pages(wire: Wire, key: str) -> Iterator[list[Message]]:
    """From the newest to the oldest."""
    page = _ask(wire, f"CHATHISTORY LATEST {CHANNEL} * {PAGE}")
    while page:
        yield page
        oldest = page[0].tags["msgid" if key == "msgid" else "time"]
        page = _ask(wire, f"CHATHISTORY BEFORE {CHANNEL} {key}={oldest} {PAGE}")


def _ask(wire: Wire, line: str) -> list[Message]:
    wire.seen.clear()  # it would keep every page
    return [one for one in wire.ask(line) if one.command == "PRIVMSG"]
