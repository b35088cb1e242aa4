"""Whether those who talk notice readers of a long history."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

import click

from scripts.benchmark import beside, report, servers
from scripts.benchmark.beside import FanOut
from scripts.benchmark.strain import strain
from securechat.store.accounts import Accounts
from securechat.store.rows import EntryStored
from securechat.store.writer import Writer
from tests.running import ROUNDS, Server

ROW = (10, 100_000)  # readers and messages
CHANNEL = servers.channel_of(0)
APART = 1000  # ms between two stored messages


@click.command()
@click.option("--readers", default=ROW[0], show_default=True)
@click.option("--messages", default=ROW[1], show_default=True, help="In the channel before.")
@beside.options
@click.pass_obj
def history(as_json: bool, readers: int, messages: int, **fan_out_options: Any) -> None:
    """Fan-out to 200 members while 10 others read and search its history as fast as they can. Takes 80 seconds.

    Each asks in turn for a page of 100 messages from anywhere in a channel of 100 000, with all tags, and for a word
    or the beginning of one there, the next as soon as it has one. In turn: quiet; the readers on another server,
    which shows what sharing the machine costs; the readers on the server that is measured.
    """
    fan_out = FanOut(**fan_out_options)
    newest = time.time_ns() // 1_000_000
    oldest = newest - messages * APART

    def fill(server: Server) -> None:
        beside.add_guests(server, readers, ROUNDS)
        _store(server, range(oldest, newest, APART))

    def load(server: Server) -> AbstractContextManager[dict[str, Any]]:
        return strain("pages", server.port, readers, CHANNEL, oldest, newest, APART)

    runs = beside.compare(fan_out, fill, load)
    title = f"history: {readers} readers, {messages} messages; {fan_out}"
    figures = beside.figures(runs, fan_out, "readers", "pages and searches", (readers, messages) == ROW)
    report.show(as_json, title, figures, runs)


def _store(server: Server, times: range) -> None:
    """A message in the channel at each of these times."""
    database = server.open_store()
    try:
        sender = Accounts(database, ()).required(servers.name_of(0)).id
        writer = Writer(database)
        writer.commit(
            [
                EntryStored(
                    CHANNEL, f"stored{number}", moment, "PRIVMSG", sender, f"{number} ".ljust(beside.PAYLOAD, "x")
                )
                for number, moment in enumerate(times)
            ]
        )
        writer.close()
    finally:
        database.close()
