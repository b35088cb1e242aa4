"""A hostile server's lines in line mode, plain mode and a pipe: nothing but text comes out, and the client lives on."""

from __future__ import annotations

import re
import subprocess
import unicodedata

import pytest

from securechat.protocol.text import printable
from tests.cli.rubbish import ALL_SAID, Rubbish

COUNTS = [1500, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]

# What prompt_toolkit draws a prompt with.
OURS = re.compile(r"\x1b\[(?:0?[JKm]|[0-9]*[ABCDG]|0(?:;[0-9]+)*m|\?(?:1|7|12|25|2004)[hl])")


@pytest.fixture
def rubbish(idle_server, certificates):
    def rubbish(count: int) -> Rubbish:
        made = Rubbish(certificates, count)
        idle_server.port = made.port
        return made

    return rubbish


def assert_text(shown: str) -> None:
    for line in re.split("\r*\n|\r", shown):
        assert not {"Cc", "Cs", "Co", "Zl", "Zp"} & set(map(unicodedata.category, line)), ascii(line)
        assert printable(line) == line


def visit(rubbish, terminal, face):
    """Until all of it was said."""
    patience = 900 if rubbish.left > 10_000 else 60
    with rubbish as enemy:
        ada = terminal("ada", face)
        ada.patience = patience
        ada.wait_for(ALL_SAID)
        assert enemy.left <= 0
        ada.enter("/quit")
        assert ada.status() == 0
    return ada


@pytest.mark.parametrize("count", COUNTS)
def test_line_mode_shows_text_and_keeps_title_screen_and_clipboard(rubbish, terminal, count):
    ada = visit(rubbish(count), terminal, "--line")
    assert ada.screen.title == ada.screen.icon_name == ""
    assert_text(OURS.sub("", ada.raw.decode()))


@pytest.mark.parametrize("count", COUNTS)
def test_plain_mode_writes_no_control_character_at_all(rubbish, terminal, count):
    ada = visit(rubbish(count), terminal, "--plain")
    assert_text(ada.raw.decode())


@pytest.mark.parametrize("count", COUNTS)
def test_a_pipe_gets_text_and_its_log_too(rubbish, person, tmp_path, count):
    errors = tmp_path / "errors"
    with rubbish(count) as enemy, errors.open("wb") as stderr:
        words, pipe = person.words("ada"), subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=stderr, env=person.env) as process:
            shown: list[bytes] = []
            while ALL_SAID.encode() not in (line := process.stdout.readline()):
                assert line, errors.read_text()
                shown.append(line)
            shown += process.communicate(timeout=60)[0].splitlines(keepends=True)
        assert enemy.left <= 0
    assert process.returncode == 0, errors.read_text()[-2000:]
    log = (person.profile("ada") / "client.log").read_text()
    for text in (b"".join(shown).decode(), errors.read_text(), log):
        assert_text(text)
        assert "Traceback" not in text
