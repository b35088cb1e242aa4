"""The benchmark's commands about coming in, other load and time: each runs, small, and shows its figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scripts.bench import bench

SCRIPT = Path(__file__).parents[2] / "scripts/bench.py"
FAN_OUT = ("--members", "3", "--rate", "20", "--seconds", "0.2", "--pairs", "1")
RUNS = {
    "connect": ("--members", "4", "--concurrency", "2", "--runs", "1"),
    "back": ("--members", "8", "--concurrency", "4", "--runs", "1"),
    "idle": ("--members", "3", "--seconds", "0.1"),
    "login-storm": ("--people", "2", *FAN_OUT),
    "handshake-storm": ("--handshakes", "20", *FAN_OUT),
    "history": ("--readers", "2", "--messages", "300", *FAN_OUT),
    "durable": ("--senders", "2", "--count", "10", "--runs", "1"),
    "churn": ("--members", "8", "--minutes", "0.001"),
    "soak": ("--members", "8", "--minutes", "0.05"),
}
FIGURES = {
    "connect": {"server CPU per handshake and login (ms)", "after a restart, all back in #lobby (s)"},
    "back": {"server CPU until all are back (s)", "chatting pair p99 (ms)"},
    "login-storm": {"delivery p99, quiet (ms)", "delivery p99, storm on this server (ms)"},
    "handshake-storm": {"delivery p99, storm on another server (ms)", "handshakes a second"},
    "history": {"delivery p99, readers on this server (ms)", "pages and searches a second"},
}
IN_MEMORY = {
    "idle": {"RSS per session (KiB)", "CPU of all (%)"},
    "churn": {"RSS after the first round (MiB)", "growth (%)"},
}


def run(command: str, *words: str, as_json: bool = True) -> Result:
    """In this process, and without the group, which would pin the tests to one core."""
    return CliRunner().invoke(bench.commands[command], words, obj=as_json, catch_exceptions=False)


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]) -> str:
    said, errors = process.communicate()
    assert process.returncode == 0, errors[-4000:]
    return said


@pytest.mark.parametrize("command", FIGURES)
def test_a_small_run_of_each_command_measures_its_figures(command: str) -> None:
    shown = json.loads(run(command, *RUNS[command]).stdout)
    assert_measured(shown, FIGURES[command])
    if command == "back":
        for fault in ("arrivals not shown exactly once", "lost", "out of order"):
            assert shown["figures"][fault] == {"value": 0, "reach": 0, "missed": False}


def test_memory_is_measured_of_a_server_that_was_started() -> None:
    """All at once, for they mostly wait."""
    running = {command: start("--json", command, *RUNS[command]) for command in IN_MEMORY}
    for command, process in running.items():
        assert_measured(json.loads(output(process)), IN_MEMORY[command])


def assert_measured(shown: dict[str, Any], wanted: set[str]) -> None:
    assert set(shown["figures"]) >= wanted
    assert all(isinstance(figure["value"], int | float) for figure in shown["figures"].values())
    assert len(shown["runs"]) == 1


def test_the_table_says_that_all_that_was_acknowledged_is_stored() -> None:
    table = run("durable", *RUNS["durable"], as_json=False).stdout
    assert re.search(r"messages accepted a second +\d", table)
    assert re.search(r"messages not stored, or out of order +0\n", table)


def test_no_thread_and_no_open_file_is_left_of_people_who_came_and_went() -> None:
    figures = json.loads(output(start("--json", "soak", *RUNS["soak"])))["figures"]
    for left in ("threads left behind", "open files left behind"):
        assert figures[left] == {"value": 0, "reach": 0, "missed": False}


@pytest.mark.parametrize("command", RUNS)
def test_the_help_says_how_long_it_takes(command: str) -> None:
    assert "Takes " in (bench.commands[command].help or "")
