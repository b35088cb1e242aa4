"""The protocol is pure, so its own tests reach nearly all of it: measured in a process that runs only them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAST = 95  # per cent of branches and lines
MOST = "not every and not no_character and not found"  # those that try all there is reach nothing more, slowly


def test_the_protocol_s_own_tests_reach_nearly_every_branch(tmp_path: Path) -> None:
    environment = {**os.environ, "COVERAGE_FILE": str(tmp_path / "coverage")}
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", MOST, "tests/protocol", f"--ignore={__file__}"]
    coverage = [sys.executable, "-m", "coverage"]
    run = [*coverage, "run", "--branch", "--source=securechat.protocol", *tests]
    result = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:]
    report = [*coverage, "report", "--show-missing", f"--fail-under={LEAST}"]
    result = subprocess.run(report, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
