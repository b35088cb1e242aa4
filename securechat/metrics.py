"""How numbers reach Prometheus: collectors are read when somebody asks, and what they tell becomes text.

Whoever counts adds to plain integers of its own, so that counting costs next to nothing and needs no lock.
"""

from __future__ import annotations

import os
import resource
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FILES = "/proc/self/fd"

Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)


class Exposition:
    """Collectors, and what all of them tell at the moment, in the order of their adding."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

    def add(self, collector: Collector) -> None:
        self._registry.register(collector)

    def text(self) -> str:
        """Called by the thread that owns what the collectors read."""
        return generate_latest(self._registry).decode()


class Histogram:
    """How many of the values that were observed lie below each of `bounds`, which rise."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        bounds = [*map(str, self._bounds), "+Inf"]
        return HistogramMetricFamily(name, text, list(zip(bounds, accumulate(self._counts), strict=True)), self._sum)


class Process(Collector):
    """This process, under the names that all Prometheus clients use.

    prometheus_client has such a collector, too; where 10 000 files are open it takes 15 ms to list them.
    """

    def __init__(self) -> None:
        self._started = time.time()

    def collect(self) -> Iterator[Metric]:
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = used.ru_utime + used.ru_stime
        yield CounterMetricFamily("process_cpu_seconds", "CPU time spent, of the user and of the system.", spent)
        yield GaugeMetricFamily("process_resident_memory_bytes", "Resident memory.", _resident())
        yield GaugeMetricFamily("process_open_fds", "Open file descriptors.", _open_files())
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield GaugeMetricFamily("process_max_fds", "File descriptors that there may be.", most)
        yield GaugeMetricFamily("process_start_time_seconds", "When the process began, since the epoch.", self._started)


def labelled(family: Family, values: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    """The family with a value for each set of its labels' values."""
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _open_files() -> int:
    """Linux 6.2 and later tell the number itself."""
    return os.stat(FILES).st_size or len(os.listdir(FILES))
