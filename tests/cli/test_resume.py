"""Bare `securechat`: it goes back to where this person was, or says what to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from securechat import config
from tests import forking
from tests.cli.conftest import Login
from tests.terminal import Terminal

BARE = forking.PREFIX
Start = Callable[[], Terminal]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profile that counts when none is named."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return config.default_profile()


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    opened: list[Terminal] = []

    def start() -> Terminal:
        opened.append(Terminal(BARE, {**os.environ, "TERM": "dumb"}))
        return opened[-1]

    yield start
    for one in opened:
        one.child.close(force=True)


def visit(team: Login, home: Path, *names: str) -> None:
    for name in names:
        assert team.pipe(name, "", "--remember", "--profile-dir", str(home)).returncode == 0


def test_who_was_nowhere_yet_is_told_three_things_to_type(home: Path) -> None:
    done = forking.run(BARE)
    assert (done.returncode, done.stdout) == (2, "")
    head, *lines = done.stderr.splitlines()
    assert head == "No server is known here yet. What you may want to type:"
    assert [line.split()[:2] for line in lines] == [["securechat", word] for word in ("join", "login", "serve")]


def test_the_only_place_is_entered_at_once(team: Login, home: Path, start: Start) -> None:
    visit(team, home, "ada")
    ada = start()
    ada.wait_for("you are ada in #lobby")
    ada.enter("/quit")
    assert ada.status() == 0


def test_of_several_places_one_is_chosen_and_the_last_comes_first(team: Login, home: Path, start: Start) -> None:
    visit(team, home, "ada", "bob")
    first = start()
    first.wait_for(rf"1  bob@localhost:{team.server.port}\n  2  ada@localhost:\d+\nWhere to .*\[1\]:")
    first.enter("")
    first.wait_for("you are bob in #lobby")
    first.enter("/quit")
    assert first.status() == 0
    second = start()
    second.wait_for("Where to")
    second.enter("7")
    second.wait_for("not in the range.*\nWhere to")
    second.enter("2")
    second.wait_for("you are ada in #lobby")


def test_a_pipe_is_told_which_command_it_wants(team: Login, home: Path) -> None:
    visit(team, home, "ada")
    done = forking.run(BARE, input="hello\n")
    assert done.returncode == 2
    assert f"securechat login ada@localhost:{team.server.port}" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_is_still_help() -> None:
    done = forking.run([*BARE, "--help"])
    assert done.returncode == 0
    assert "Usage: securechat [OPTIONS]" in done.stdout
