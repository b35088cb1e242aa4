"""The import contracts of pyproject.toml hold, and would notice an import that breaks them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Not the script in bin/, so that the copy in the working directory comes before the installed package.
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT_IMPORTS, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "securechat", tmp_path / "securechat", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_imports_of_the_package_keep_the_contracts(copy: Path):
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "statement", "contract"),
    [
        ("log", "from securechat.cli import main", "Folders are floors"),
        ("log", "from securechat import config", "Folders are floors"),
        ("store/rows", "from securechat.server import commands", "Folders are floors"),
        ("protocol/__init__", "import socket", "The protocol is pure"),
        ("metrics", "from securechat import log", "Folders are floors"),
        ("client/__init__", "from securechat.protocol import http", "The client carries no server parts"),
        ("ui/__init__", "import prometheus_client", "The client carries no server parts"),
        ("client/__init__", "import sqlalchemy", "The client carries no server parts"),
    ],
)
def test_an_import_that_breaks_a_contract_is_found(copy: Path, module: str, statement: str, contract: str):
    with (copy / "securechat" / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{statement}\n")
    result = lint_imports(copy)
    assert result.returncode == 1
    (broken,) = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert broken.startswith(contract)
