"""The server's numbers under their names, read from whoever keeps them anyway when somebody asks, by the loop's thread.

docs/operating.md explains each.
"""

from __future__ import annotations

import platform
import sqlite3
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec.structs import asdict
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from securechat import __version__, config
from securechat.chat.directory import Directory
from securechat.log import Tally
from securechat.metrics import labelled
from securechat.server.certificates import Keeper
from securechat.server.connection import Phase
from securechat.server.loop import Load, Loop
from securechat.server.throughput import Throughput
from securechat.server.workers import Pool
from securechat.store.rows import Account
from securechat.store.schema import REVISION

ADMITTED = {True: "no", False: "yes"}


class ServerMetrics(Collector):
    def __init__(
        self,
        loop: Loop,
        directory: Directory,
        pools: Mapping[str, Pool],
        keeper: Keeper,
        tally: Tally,
        limits: config.Limits,
    ) -> None:
        self._loop = loop
        self._directory = directory
        self._pools = pools
        self._keeper = keeper
        self._tally = tally
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        yield _build()
        yield from _load(self._loop.load())
        yield from _people(self._directory)
        yield from _throughput(self._loop.throughput)
        yield _refusals(self._tally)
        yield from _workers(self._pools)
        text = "When the certificate in use expires, since the epoch."
        yield GaugeMetricFamily(
            "securechat_certificate_expiry_timestamp_seconds", text, self._keeper.expiry.timestamp()
        )
        yield _limits(self._limits)


def _build() -> Metric:
    facts = {
        "version": __version__,
        "schema": REVISION,
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION.split()[1],
        "sqlite": sqlite3.sqlite_version,
    }
    return InfoMetricFamily("securechat_build", "What runs here.", facts)


def _load(load: Load) -> Iterator[Metric]:
    numbers = {
        (word, phase.name.lower()): load.connections.get((counted, phase), 0)
        for counted, word in ADMITTED.items()
        for phase in Phase
        if phase is not Phase.CLOSED
    }
    connections = GaugeMetricFamily("securechat_connections", "Open connections.", labels=["admitted", "phase"])
    yield labelled(connections, numbers.items())
    text = "Connections accepted, and refused at the door."
    accepted = CounterMetricFamily("securechat_connections_accepted", text, labels=["listener"])
    yield labelled(accepted, (((name,), number) for name, number in load.accepted.items()))
    text = "Connections closed before their login, to make room for newcomers."
    yield CounterMetricFamily("securechat_evictions", text, load.evicted)
    yield GaugeMetricFamily("securechat_outbox_bytes", "Bytes that wait for clients to take them.", load.queued)
    yield GaugeMetricFamily("securechat_waiting_items", "Lines and answers that wait for a turn.", load.waiting)
    text = "Connections that are not read, as their account talks too fast."
    yield GaugeMetricFamily("securechat_paused_connections", text, load.paused)
    yield CounterMetricFamily("securechat_pauses", "How often one began not to be read for that.", load.pauses)
    yield CounterMetricFamily("securechat_stalled_seconds", "Time in which everyone waited for a commit.", load.stalled)


def _people(directory: Directory) -> Iterator[Metric]:
    states = Counter(_state(person.account) for person in directory.people.values())
    accounts = GaugeMetricFamily("securechat_accounts", "Accounts.", labels=["state"])
    yield labelled(accounts, (((state,), states[state]) for state in ("active", "suspended", "deleted")))
    yield GaugeMetricFamily("securechat_people_present", "People who are here.", len(directory.present))
    sessions = sum(len(person.sessions) for person in directory.present)
    yield GaugeMetricFamily("securechat_sessions", "Sessions of theirs.", sessions)
    yield GaugeMetricFamily("securechat_channels", "Channels.", len(directory.channels))


def _state(account: Account) -> str:
    return "deleted" if account.deleted else "suspended" if account.suspended else "active"


def _throughput(done: Throughput) -> Iterator[Metric]:
    yield CounterMetricFamily("securechat_turns", "Turns of the core.", done.turns)
    yield CounterMetricFamily("securechat_messages", "Messages accepted and stored.", done.messages)
    yield CounterMetricFamily("securechat_deliveries", "What was handed to sessions, once for each.", done.deliveries)
    yield done.commits.family("securechat_commit_seconds", "From a turn's end until its rows were synced, or failed.")
    failures = CounterMetricFamily("securechat_store_errors", "Commits that failed.", labels=["error"])
    yield labelled(failures, (((kind,), number) for kind, number in done.failures.items()))
    yield GaugeMetricFamily("securechat_store_failing", "1 while commits fail.", done.failing)


def _refusals(tally: Tally) -> Metric:
    text = "Connections, logins and requests refused, by reason."
    family = CounterMetricFamily("securechat_refused", text, labels=["reason"])
    return labelled(family, (((reason,), number) for reason, number in tally.totals.items()))


def _workers(pools: Mapping[str, Pool]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("securechat_worker_queue_jobs", "Jobs that wait for a worker.", labels=["pool"])
    yield labelled(waiting, (((name,), pool.waiting) for name, pool in pools.items()))
    limit = GaugeMetricFamily("securechat_worker_queue_limit_jobs", "How many there may be.", labels=["pool"])
    yield labelled(limit, (((name,), pool.limit) for name, pool in pools.items()))


def _limits(limits: config.Limits) -> Metric:
    family = GaugeMetricFamily("securechat_limit", "The limits of the configuration, in its units.", labels=["name"])
    numbers = {name: value for name, value in asdict(limits).items() if isinstance(value, int | float)}
    return labelled(family, (((name,), value) for name, value in numbers.items()))
