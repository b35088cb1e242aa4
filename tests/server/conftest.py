"""A core with a store of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core import CoreRun, make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with ada, an admin, bob, cyd and dot."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def run(template: Path, tmp_path: Path) -> Iterator[CoreRun]:
    with CoreRun(template, tmp_path) as run:
        yield run
