"""How long a search takes in a large store, and what the index costs."""

from __future__ import annotations

import contextlib
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from scripts.benchmark import report
from scripts.benchmark.report import Figure
from securechat import config
from securechat.server.reading import StoredHistory
from securechat.store.accounts import Accounts, NewAccount
from securechat.store.database import Database, open_database
from securechat.store.rows import EntryStored, pair
from securechat.store.search import Query, expression
from securechat.store.upkeep import upkeep
from securechat.store.writer import Writer

ROW = 1_000_000  # messages
REACH = 50.0  # ms
APART = 1000  # ms between two messages
PEOPLE = 1000
SPEAKERS = 990  # the others are silent
CHANNELS = 200
WORDS = 12  # of a message, from a vocabulary in which some are common and most are rare
VOCABULARY = 50_000
RARE = 10_000  # one message in so many holds the needle, and one is in the smallest channel
BATCH = 10_000  # messages in a turn, to fill it quickly
SMALL, EVERYWHERE = ("#small",), tuple(f"#c{number}" for number in range(CHANNELS))
WORST = "at worst: a phrase of a word that is in every message"

QUERIES: dict[str, dict[str, Any]] = {
    "a common word": {"text": "the"},
    "a rare word": {"text": "needle"},
    "a common and a rare word": {"text": "the needle"},
    "a word that occurs nowhere": {"text": "zzzyx"},
    "a phrase that occurs nowhere": {"text": '"needle the"'},
    WORST: {"text": '"the the"'},
    "the beginning of a rare word": {"text": "need*"},
    "the beginning of the commonest word": {"text": "the*"},
    "a common word in a small channel": {"text": "the", "target": "#small"},
    "a rare word in 200 channels": {"text": "needle", "channels": EVERYWHERE},
    "no text": {},
    "no text in 200 channels": {"channels": EVERYWHERE},
    "no text in a small channel": {"target": "#small"},
    "from someone": {"senders": (7,)},
    "from someone silent": {"senders": (SPEAKERS + 1,)},
    "from someone silent, a common word": {"text": "the", "senders": (SPEAKERS + 1,)},
    "a common word of an hour long ago": {"text": "the", "after": 0.5, "before": 0.5},
    "a common word before the middle, in 200 channels": {"text": "the", "before": 0.5, "channels": EVERYWHERE},
    "a rare word since the middle": {"text": "needle", "after": 0.5},
}


@click.command()
@click.option("--messages", default=ROW, show_default=True)
@click.option("--runs", default=5, show_default=True, help="Of each search.")
@click.pass_obj
def search(as_json: bool, messages: int, runs: int) -> None:
    """Searches in a store of a million messages, the median of each. Takes a minute.

    Half of them are in one channel, the rest in 200 others, a small one, and between people. The newest 1000 are not
    in the index yet, as if they had been said just now.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(_open(Path(folder))) as database:
        indexing = _fill(database, messages)
        times = {name: _timed(database, wanted, messages, runs) for name, wanted in QUERIES.items()}
    goals = {name: REACH for name in QUERIES if name != WORST} if messages == ROW else {}
    figures = [
        *(Figure(f"{name} (ms)", statistics.median(some), goals.get(name)) for name, some in times.items()),
        Figure("indexing a message (us)", sum(indexing) / messages * 1e6),
        Figure("a step of the upkeep, p99 (ms)", statistics.quantiles(indexing, n=100)[98] * 1000),
        Figure("the longest (ms)", max(indexing) * 1000),
    ]
    report.show(as_json, f"search: {messages} messages, median of {runs}", figures, [times])


def _open(folder: Path) -> Database:
    database = open_database(folder, config.Store())
    Accounts(database, ()).add_all([NewAccount(f"member{number}", b"") for number in range(PEOPLE)])
    return database


def _fill(database: Database, messages: int) -> list[float]:
    """Gives how long each step of the indexing took."""
    steps: list[float] = []
    rows = _messages(messages)
    with contextlib.closing(Writer(database, upkeep=upkeep(config.History()))) as writer:
        while batch := list(itertools.islice(rows, BATCH)):
            last = batch[-1].msgid == f"m{messages - 1}"
            writer.commit(batch[:-1000] if last else batch)
            steps += _indexed(writer)
            if last:
                writer.commit(batch[-1000:])
    return steps


def _indexed(writer: Writer) -> Iterator[float]:
    more = True
    while more:
        began = time.perf_counter()
        more = writer.keep_up()
        yield time.perf_counter() - began


def _messages(count: int) -> Iterator[EntryStored]:
    pick = random.Random(1)  # noqa: S311  the same words in every run
    vocabulary = ["".join(pick.choices("etaoinshrdlcumwfgypbvk", k=pick.randint(2, 10))) for _ in range(VOCABULARY)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    for number in range(count):
        text = " ".join(("the", *pick.choices(vocabulary, cum_weights=weights, k=WORDS)))
        if number % RARE == 0:
            text += " needle"
        sender = pick.randint(1, SPEAKERS)
        target = "#small" if number % RARE == 1 else _target(pick, sender)
        yield EntryStored(target, f"m{number}", number * APART, "PRIVMSG", sender, text)


def _target(pick: random.Random, sender: int) -> str:
    chance = pick.random()
    if chance < 0.5:
        return "#lobby"
    return f"#c{pick.randrange(CHANNELS)}" if chance < 0.9 else pair(sender, pick.randint(1, PEOPLE))


def _timed(database: Database, wanted: dict[str, Any], messages: int, runs: int) -> list[float]:
    """In ms. Bounds of time are given as parts of the whole, an hour wide where they are the same."""
    wanted = {"channels": ("#lobby", "#small", *EVERYWHERE[:5]), **wanted}
    text = wanted.pop("text", "")
    if "after" in wanted:
        wanted["after"] = int(wanted["after"] * messages * APART)
    if "before" in wanted:
        wanted["before"] = int(wanted["before"] * messages * APART) + 3_600_000
    query = Query(5, words=expression(text) if text else "", **wanted)
    history, times = StoredHistory(database), []
    for _ in range(runs):
        began = time.perf_counter()
        history.search(query)
        times.append((time.perf_counter() - began) * 1000)
    return times
