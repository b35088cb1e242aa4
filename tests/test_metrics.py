"""The text that Prometheus reads, and the numbers of the process."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from securechat.metrics import Exposition, Histogram, Process, labelled


class Told(Collector):
    def __init__(self, *families: Metric) -> None:
        self.families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self.families)


def values(text: str) -> dict[str, float]:
    """Each sample by its name and the values of its labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {" ".join((one.name, *one.labels.values())): one.value for one in samples}


def told(*families: Metric) -> dict[str, float]:
    exposition = Exposition()
    exposition.add(Told(*families))
    return values(exposition.text())


def test_what_is_hostile_in_a_label_is_escaped() -> None:
    family = labelled(GaugeMetricFamily("x", "An x.", labels=["of"]), [(('a"\n\\b',), 1.0)])
    assert told(family) == {'x a"\n\\b': 1.0}


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    assert told(histogram.family("x_seconds", "Of x.")) == {
        "x_seconds_bucket 0.1": 2,
        "x_seconds_bucket 1.0": 3,
        "x_seconds_bucket +Inf": 4,
        "x_seconds_count": 4,
        "x_seconds_sum": pytest.approx(7.65),
    }


def test_the_process_tells_what_the_system_knows_of_it() -> None:
    exposition = Exposition()
    exposition.add(Process())
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try:
        found = values(exposition.text())
    finally:
        for file in files:
            os.close(file)
    fewer = values(exposition.text())["process_open_fds"]
    assert found["process_open_fds"] == fewer + 100
    assert fewer == pytest.approx(len(os.listdir("/proc/self/fd")), abs=1)
    assert found["process_max_fds"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert found["process_cpu_seconds_total"] > 0
    assert 1 << 20 < found["process_resident_memory_bytes"] < 1 << 32
