"""The benchmark's commands about deliveries: each runs, small, and shows its figures."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scripts.bench import bench
from scripts.benchmark import plot, report
from scripts.benchmark.plot import Panel, Point
from scripts.benchmark.report import Figure

FANOUT = ("fanout", "--members", "3", "--seconds", "0.2", "--runs", "1")
RUNS = {
    (*FANOUT, "--channels", "2", "--caps", "message-tags server-time"): "ratio to the floor",
    (*FANOUT, "--senders", "2", "--rate", "max"): "deliveries/s, securechat",
    (*FANOUT, "--mixed"): "half and half to the mean of the uniform ones",
    ("burst", "--members", "3", "--senders", "2", "--count", "20", "--runs", "1"): "deliveries/s",
    ("echo", "--count", "5", "--runs", "1"): "own echo p50 (ms)",
    ("join", "--members", "3", "--count", "2", "--runs", "1"): "JOIN to the end of NAMES, median (ms)",
    ("paging", "--messages", "250", "--store", "500"): "CPU of a page by msgid (ms)",
    ("search", "--messages", "2000", "--runs", "1"): "a common word in a small channel (ms)",
    ("startup", "--runs", "1"): "securechat --help (s)",
    ("typing", "--seconds", "0.5", "--lines", "50"): "200 msg/s: p99 (ms)",
}


def run(command: str, *words: str, as_json: bool = False) -> Result:
    """Without the group, which would pin the tests to one core."""
    return CliRunner().invoke(bench.commands[command], words, obj=as_json, catch_exceptions=False)


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_a_small_run_of_each_command_measures_its_figures(words: tuple[str, ...]) -> None:
    shown = json.loads(run(*words, as_json=True).stdout)
    figures = shown["figures"]
    assert RUNS[words] in figures
    assert all(isinstance(figure["value"], int | float) for figure in figures.values())
    assert shown["runs"]
    assert {"title", "date", "machine"} <= set(shown)
    for fault in {"lost", "out of order"} & set(figures):
        assert figures[fault] == {"value": 0, "reach": 0, "missed": False}


def test_scale_shows_a_table_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "scale.svg"
    result = run("scale", "--over", "size", "--seconds", "0.1", "--runs", "1", "--plot", str(picture))
    assert re.search(r"^size: 200 members, 50 msg/s$", result.stdout, re.MULTILINE)
    assert len(re.findall(r"^  (?:20|100|400) +\d", result.stdout, re.MULTILINE)) == 3
    texts = [element.text for element in ElementTree.parse(picture).iter() if element.tag.endswith("text")]
    assert {"bytes of text", "20", "100", "400", "securechat", "bare floor"} <= set(texts)


def test_what_does_not_go_together_is_refused() -> None:
    assert "--mixed goes with a rate" in run("fanout", "--mixed", "--rate", "max").stderr
    assert "'-1' is neither a number above 0 nor max" in run("fanout", "--rate", "-1").stderr


@pytest.mark.parametrize("command", sorted({words[0] for words in RUNS} | {"scale"}))
def test_the_help_says_how_long_it_takes(command: str) -> None:
    assert "Takes " in (bench.commands[command].help or "")


def test_the_table_shows_what_to_reach_and_marks_what_misses_it(capsys: pytest.CaptureFixture[str]) -> None:
    figures = [
        Figure("fast (us)", 1.5, 2.0),
        Figure("slow (us)", 2.5, 2.0),
        Figure("few", 5_000, 10_000, at_most=False),
        Figure("plain", 12_345.6),
    ]
    report.show(False, "a title", figures, [])
    title, where, _, *rows = capsys.readouterr().out.splitlines()
    assert title == "a title"
    assert re.match(r"\d{4}-\d\d-\d\d, \d+ x ", where)
    assert rows == [
        "                         reach",
        "  fast (us)   1.500   <= 2.000",
        "  slow (us)   2.500   <= 2.000   over",
        "  few         5,000  >= 10,000  under",
        "  plain      12,346",
    ]


def test_the_picture_is_well_formed_whatever_the_words_are() -> None:
    panels = [
        Panel("<one> & more", "members", [Point(1, 10, 12), Point(100, 9.5, 9.5)]),
        Panel("two", "channels", [Point(5, 0.5, 39.9)]),
        Panel("three", "bytes", [Point(20, 1, 2), Point(400, 1, 2)]),
    ]
    root = ElementTree.fromstring(plot.svg("a < b", "us", "here & there", panels))
    assert root.get("viewBox") == "0 0 840 584"
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"<one> & more", "39.9", "12.0", "40"} <= set(texts)
