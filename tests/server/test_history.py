"""CHATHISTORY: who may read what, at the moment of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core import CoreRun, make_template

TARGETS = "CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00Z timestamp=2040-01-01T00:00:00Z 10"


@pytest.mark.parametrize("outcome", ["KICK #lab bob", "MODE #lab +b bob"])
def test_a_channel_that_is_closed_to_the_reader_meanwhile_is_no_target(tmp_path: Path, outcome: str) -> None:
    with CoreRun(make_template(tmp_path / "template"), tmp_path / "run") as run:
        ada, bob = run.login("ada"), run.login("bob")
        run.say(ada, "JOIN #lab")
        run.say(bob, "JOIN #lab")
        run.say(ada, "PRIVMSG #lab :hello")
        bob.take()
        run.queue(bob, TARGETS)
        run.queue(ada, outcome)
        run.run()
        assert not [line for line in bob.take() if "TARGETS #lab" in line]
