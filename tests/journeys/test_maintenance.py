"""Migrations, backups and restores that are killed lose nothing: a few kills of each, by real commands."""

from __future__ import annotations

from pathlib import Path

from scripts.kill_maintenance import Maintenance, run


def test_kills_of_migrations_backups_and_restores_lose_nothing(tmp_path: Path) -> None:
    outcomes = run(Maintenance(tmp_path, messages=2000, seed=5), kills=1)
    assert [violation for outcome in outcomes.values() for violation in outcome.violations] == []
    assert [outcome.found.total() for outcome in outcomes.values()] == [2, 2, 2]
