"""MODE: what its sender and the others see of it."""

from __future__ import annotations

from pathlib import Path

from tests.core import CoreRun, make_template


def test_an_admin_who_gives_up_the_last_role_sees_it_come_back_behind_that(tmp_path: Path) -> None:
    """With a label too, or the client would go on without the mark that the others show."""
    with CoreRun(make_template(tmp_path / "template"), tmp_path / "run") as run:
        ada, bob = run.login("ada"), run.login("bob")
        run.say(ada, "JOIN #lab")
        run.say(bob, "JOIN #lab")
        ada.take(), bob.take()
        run.say(ada, "@label=1 MODE #lab -o ada")
        for peer in (ada, bob):
            assert [line.split(" MODE ")[1] for line in peer.take()] == ["#lab -o ada", "#lab +o ada"]
