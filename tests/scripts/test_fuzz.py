"""Generated input breaks nothing, reaches nearly all of the parsers, and what would break them is found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.fuzz import INPUTS, PLANTS, Plant, run_planted

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/fuzz.py"
LEAST = 95  # per cent of branches and lines
MEASURED = 40_000  # inputs, of INPUTS: to measure what they reach takes three times as long as to throw them
READING = (
    *("protocol/*.py", "chat/masks.py", "config.py", "server/commands/history.py", "server/playback.py"),
    *("ui/render.py", "client/address.py", "client/batches.py", "client/channels.py", "client/doubts.py"),
    *(
        "client/history.py",
        "client/messages.py",
        "client/multiline.py",
        "client/paging.py",
        "client/registration.py",
        "client/replies.py",
    ),
    *("client/search.py", "client/sending.py", "client/session.py", "client/stream.py"),
)  # what makes values of what others wrote


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def fuzzing(inputs: int, seed: int) -> tuple[str, ...]:
    return (str(SCRIPT), f"--inputs={inputs}", f"--seed={seed}", "--only", "parsers", "client", "server")


def assert_nothing_broke(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, result.stderr[-4000:]
    assert result.stdout.count("nothing broke") == 3


def test_generated_inputs_break_nothing_and_reach_nearly_every_branch(tmp_path: Path) -> None:
    file = str(tmp_path / "coverage")
    coverage = ("-m", "coverage")
    result = run(*coverage, "run", "--branch", "--source=securechat", *fuzzing(MEASURED, seed=1), COVERAGE_FILE=file)
    assert_nothing_broke(result)
    include = "--include=" + ",".join(f"securechat/{one}" for one in READING)
    result = run(*coverage, "report", "--show-missing", f"--fail-under={LEAST}", include, COVERAGE_FILE=file)
    assert result.returncode == 0, result.stdout


def test_with_others_that_are_not_measured_a_hundred_thousand_break_nothing() -> None:
    assert_nothing_broke(run(*fuzzing(INPUTS - MEASURED, seed=2)))


def test_no_8_kib_take_a_parser_longer_than_a_millisecond() -> None:
    result = run(str(SCRIPT), "--only", "costs")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_a_planted_bug_is_found(plant: Plant, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_planted(plant, INPUTS, seed=1) == 1
    assert "broken with --seed 1" in capfd.readouterr().out
