"""What was acknowledged or shown is on disk: after kills at any moment, and in the order of the system calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import kill_test, trace_sync
from tests.running import Server


def test_kills_under_load_lose_nothing_that_anyone_was_shown(idle_server: Server) -> None:
    rounds = kill_test.run(idle_server, kills=5, seed=20)
    assert [violation for one in rounds for violation in one.violations] == []
    assert min(one.acknowledged for one in rounds) >= kill_test.FEWEST_ACKNOWLEDGED


def test_the_sync_has_returned_before_the_first_byte_leaves(tmp_path: Path, certificates: Path) -> None:
    assert _check(tmp_path, certificates, "full") is None


def test_the_trace_tells_when_nothing_is_synced(tmp_path: Path, certificates: Path) -> None:
    assert _check(tmp_path, certificates, "normal") == "a byte left for a peer before the WAL's sync had returned"


def _check(folder: Path, certificates: Path, durability: str) -> str | None:
    try:
        return trace_sync.check(folder, certificates, durability)
    except trace_sync.CannotTrace as error:
        pytest.skip(str(error))
