"""With CI=true a skip fails the run, unless its reason is a known one."""

import os
import subprocess
import sys
from pathlib import Path

from tests import skips

ROOT = Path(__file__).parents[1]

MODULES = {
    "test_passes.py": "def test_it(): pass",
    "test_expected_failure.py": "import pytest\n@pytest.mark.xfail\ndef test_it(): raise ValueError",
    "test_call.py": "import pytest\ndef test_it(): pytest.skip(REASON)",
    "test_mark.py": "import pytest\n@pytest.mark.skip(reason=REASON)\ndef test_it(): pass",
    "test_fixture.py": "import pytest\n@pytest.fixture\ndef f(): pytest.skip(REASON)\ndef test_it(f): pass",
    "test_module.py": "import pytest\npytest.skip(REASON, allow_module_level=True)",
}


def outcome(folder: Path, reason: str, ci: str) -> tuple[int, str]:
    """The exit status and the last line of a run over tests that skip in every way there is."""
    for name, text in MODULES.items():
        (folder / name).write_text(text.replace("REASON", repr(reason)))
    options = ["-p", "tests.skips", "-p", "no:cacheprovider", "--continue-on-collection-errors", "--rootdir", folder]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CI": ci}
    command = [sys.executable, "-m", "pytest", *options, folder]
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return result.returncode, result.stdout.splitlines()[-1].strip("= ").partition(" in ")[0]


def test_skips_are_fine_on_a_contributors_machine(tmp_path: Path):
    assert outcome(tmp_path, "no tmux here", ci="") == (0, "1 passed, 4 skipped, 1 xfailed")


def test_skips_fail_the_run_in_ci(tmp_path: Path):
    assert outcome(tmp_path, "no tmux here", ci="true") == (1, "1 failed, 1 passed, 1 xfailed, 3 errors")


def test_known_reasons_may_skip_in_ci(tmp_path: Path):
    assert outcome(tmp_path, skips.ALLOWED[0], ci="true") == (0, "1 passed, 4 skipped, 1 xfailed")
