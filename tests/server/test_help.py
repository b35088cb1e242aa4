"""HELP knows every command."""

from __future__ import annotations

import pytest

from securechat.server.commands.help import HELP
from securechat.server.dispatch import COMMANDS
from tests.core import CoreRun


def test_there_is_help_on_every_command_and_on_nothing_else() -> None:
    assert set(HELP) == set(COMMANDS)
    assert list(HELP) == sorted(HELP)
    assert all(line.startswith(command) for command, text in HELP.items() for line in text.splitlines())


@pytest.mark.parametrize("subject", ["", *HELP])
def test_every_line_of_help_fits(subject: str, run: CoreRun) -> None:
    ada = run.login("ada", "")
    run.say(ada, f"HELP {subject}")
    lines = ada.take()
    assert [line.split()[1] for line in (lines[0], lines[-1])] == ["704", "706"]
    assert all(len(line) + 2 <= 512 for line in lines)
