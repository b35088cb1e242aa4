"""What is said is stored and shown once and in one order, whoever is killed or cut off meanwhile."""

from __future__ import annotations

import pytest

from scripts import linearity
from tests.linearity.checker import check
from tests.running import Server


@pytest.mark.parametrize("repeats", [False, True], ids=["in doubt", "repeated"])
def test_kills_and_cut_links_leave_no_gap_and_no_double(idle_server: Server, repeats: bool) -> None:
    idle_server.configure(linearity.SETTINGS)
    done = linearity.run(idle_server, faults=8, seed=7, repeats=repeats)
    assert (done.kills, done.cuts) == (3, 5)
    assert all(done.record.stored.values())
    assert any(len(one.links) > 1 for one in done.record.sent) == repeats
    assert check(done.record) == []
