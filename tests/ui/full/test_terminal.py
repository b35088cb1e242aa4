"""The full screen as `securechat login` opens it, on a real pseudo-terminal."""

from __future__ import annotations

import re
import signal
import time
import unicodedata
from collections.abc import Callable

import pytest

from securechat.ui.full.buffer import QUEUED, STORED
from tests import forking
from tests.terminal import Terminal

from .flood import END, Enemy

SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[=>78]|\]22;default\x07)")  # the last: the mouse pointer's shape
FINALS = set("mHhlJKpqucnt")  # of the sequences that Textual writes: styles, the cursor, modes, and what it asks
OWN = set("\r\n\x07")  # BEL rings for who means us


def told_to(terminal: Terminal) -> tuple[set[str], str]:
    """The kinds of sequences that the terminal was sent, and all else."""
    text = terminal.raw.decode()
    finals = {match[0][-1] for match in SEQUENCE.finditer(text) if match[0][1] == "["}
    return finals, SEQUENCE.sub("", text)


def test_it_opens_chats_and_gives_the_terminal_back(server, full, login):
    server.adduser("ada", "bob")
    bob = login("bob")
    ada = full("ada")
    ada.wait_for("#lobby>")
    ada.wait_for("ada · #lobby · localhost:")
    bob.send("PRIVMSG #lobby :good morning")
    ada.wait_for("bob │ good morning")
    ada.enter("hello")
    ada.wait_for(f"{STORED} +ada │ hello")
    ada.type("\x11")
    assert ada.status() == 0
    for on, off in (
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
        (b"\x1b[?1000h", b"\x1b[?1000l"),
    ):
        assert ada.raw.rfind(on) < ada.raw.rfind(off)
    assert ada.raw.rfind(b"\x1b[?25l") < ada.raw.rfind(b"\x1b[?25h")


def test_keys_that_come_all_at_once_have_their_effect_one_after_the_other(server, full, login):
    """As they come over a slow line: what is for one person is not said to all."""
    server.adduser("ada", "bob")
    bob = login("bob")
    ada = full("ada")
    ada.wait_for("#lobby>")
    ada.type("\x1b[Ofor al\x7fll\r/msg bob\rfor bob\r\x0efor all again\r/passwd\rno word for anybody\r")
    ada.wait_for("new password:")
    texts = [bob.wait_for("PRIVMSG").params for _ in range(3)]
    assert texts == [("#lobby", "for all"), ("bob", "for bob"), ("#lobby", "for all again")]
    ada.type("\x1b")
    ada.wait_for("#lobby>")
    ada.type("\x1b[A")
    ada.wait_for("#lobby> /passwd")
    assert b"no word" not in ada.raw


def test_the_line_that_was_being_typed_is_given_back_at_an_end_that_nobody_wanted(server, full):
    server.adduser("ada")
    ada = full("ada", "--give-up", "0")
    ada.wait_for("#lobby>")
    ada.type("half a sent")
    ada.wait_for("#lobby> half a sent")
    server.kill()
    assert ada.status() == 3
    assert "-!- not sent: half a sent" in ada.text
    assert "the connection was lost" in ada.text


def background(terminal: Terminal) -> str:
    """Behind the messages."""
    return terminal.screen.buffer[2][40].bg


def wait_for_background(terminal: Terminal, reached: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + terminal.patience
    while not reached(background(terminal)):
        assert time.monotonic() < deadline
        terminal._read()


def test_light_or_dark_is_remembered(server, full):
    server.adduser("ada")
    seen = []
    for _ in range(2):
        ada = full("ada")
        ada.wait_for("you are ada in #lobby")
        first = background(ada)
        ada.type("\x14")
        wait_for_background(ada, lambda colour, first=first: colour != first)
        seen.append((first, background(ada)))
        ada.type("\x11")
        assert ada.status() == 0
    (dark, light), after = seen
    assert after == (light, dark)


def test_why_the_server_ended_it_is_said_below_the_screen_when_nobody_may_come_back(server, full):
    server.adduser("ada")
    ada = full("ada")
    ada.wait_for("#lobby>")
    assert forking.run(server.command("deluser", "ada", "--yes")).returncode == 0
    assert ada.status() == 5
    assert "-!- connection lost (this account was deleted)" in ada.text
    assert "login as 'ada' refused" in ada.text


def test_no_colour_is_used_where_none_is_wanted(server, full):
    server.adduser("ada")
    ada = full("ada", size=(60, 15), NO_COLOR="1")
    ada.wait_for("▸#lobby")
    ada.enter("/help")
    ada.wait_for("/quit")
    ada.type("\x11")
    assert ada.status() == 0
    styles = re.findall(rb"\x1b\[([0-9;]*)m", ada.raw)
    assert {code for style in styles for code in style.split(b";")} <= {
        b"",
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
        b"7",
        b"39",
        b"49",
    }


def test_a_block_that_waits_survives_a_killed_client_and_stays_one(server, full):
    server.adduser("ada")
    ada = full("ada")
    ada.wait_for("#lobby>")
    server.kill()
    ada.wait_for("connection lost")
    ada.type("\x1b[200~one\n\n  three\x1b[201~")
    ada.wait_for("Send these 3 lines")
    ada.enter("")
    ada.wait_for(f"{QUEUED} +ada │ one\n.*\n.*  three")
    ada.wait_for("1 queued")
    ada.child.kill(signal.SIGKILL)
    server.start()
    again = full("ada", "--line")
    again.wait_for("queued for #lobby: one\n.*-!- \\|\n.*-!- \\|   three")
    again.wait_for("<ada> one\n +\\|\n +\\|   three")
    again.enter("/quit")
    assert again.status() == 0
    assert [entry.text for entry in server.history("#lobby") if entry.kind == "PRIVMSG"] == ["one\n\n  three"]


@pytest.mark.parametrize("options", [["--line"], ["--plain"]])
def test_lines_are_there_for_who_asks_for_them(server, full, options):
    server.adduser("ada")
    ada = full("ada", *options)
    ada.wait_for("you are ada in #lobby")
    assert b"\x1b[?1049h" not in ada.raw
    ada.enter("/quit")
    assert ada.status() == 0


def test_a_small_terminal_gets_lines(server, full):
    server.adduser("ada")
    ada = full("ada", size=(39, 9))
    ada.wait_for("#lobby>")
    assert b"\x1b[?1049h" not in ada.raw


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_an_enemy_s_lines_stay_text(idle_server, certificates, full, count):
    with Enemy(certificates, count) as enemy:
        idle_server.port = enemy.port
        ada = full("ada", size=(100, 30))
        deadline = time.monotonic() + 30 + count / 100
        while END.encode() not in ada.raw:  # pyte falls over half a wide character, so the bytes are looked at
            assert time.monotonic() < deadline
            ada._read()
        ada.type("\x11")
        assert ada.status() == 0
    finals, rest = told_to(ada)
    assert finals <= FINALS
    strange = {one for one in rest if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")} - OWN
    assert not strange
    assert not {one for one in rest if "\u202a" <= one <= "\u202e" or "\u2066" <= one <= "\u2069"}
    assert ada.screen.title in ("", ";default")  # pyte takes the pointer for a title
