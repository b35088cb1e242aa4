"""Generated input never breaks the server, and what would break it is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/fuzz.py"
PLANTS = ("any-timestamp", "bare-cr", "characters-for-bytes")
MORE_PLANTS = ("last-backslash", "too-early")


def fuzz(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_a_hundred_thousand_generated_inputs_break_nothing() -> None:
    result = fuzz("--inputs", "100000", "--seed", "1")
    assert result.returncode == 0, result.stderr[-4000:]
    assert "nothing broke" in result.stdout


@pytest.mark.parametrize("plant", [*PLANTS, *(pytest.param(plant, marks=pytest.mark.slow) for plant in MORE_PLANTS)])
def test_a_planted_bug_is_found(plant: str) -> None:
    result = fuzz("--inputs", "20000", "--seed", "1", "--plant", plant)
    assert result.returncode == 1
    assert "broken with --seed 1" in result.stdout
