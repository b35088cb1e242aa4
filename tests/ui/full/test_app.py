"""Journeys in the full screen, over a real server."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from securechat.ui.full.buffer import STORED, Look
from securechat.ui.full.find import FindBar
from securechat.ui.full.typed import Typed

from .conftest import NARROW, Stage


def texts(stage: Stage, target: str = "#lobby") -> list[str]:
    return [entry.text for entry in stage.server.history(target) if entry.kind == "PRIVMSG"]


def test_what_is_said_is_shown_with_the_tick_of_the_server(stage, login):
    bob = login("bob")

    async def journey(screen):
        await screen.shows("you are ada in #lobby", "2 here", " bob")
        await screen.enter("good morning")
        await screen.shows(f"{STORED}        ada │ good morning")
        bob.send("PRIVMSG #lobby :and to you")
        await screen.shows("bob │ and to you")
        assert screen.text.count("good morning") == 1

    stage.play("ada", journey)
    assert texts(stage) == ["good morning", "and to you"]


def test_a_channel_is_entered_left_and_talked_in_by_the_commands_of_line_mode(stage):
    async def journey(screen):
        await screen.enter("/join ops")
        await screen.shows("#ops> ", "you are in #ops")
        await screen.enter("/topic tea time")
        await screen.shows("#ops  tea time")
        await screen.enter("/me waves")
        await screen.shows("* │ ada waves")
        await screen.enter("/mgs bob secret")
        await screen.shows("did you mean /msg?")
        await screen.enter("/part")
        await screen.shows("#lobby> ", "you left #ops")
        await screen.hides("▸#ops")

    stage.play("ada", journey)
    assert [text for text in texts(stage, "#ops") if "waves" in text]


def test_who_leaves_the_last_channel_still_stands_somewhere(stage):
    async def journey(screen):
        await screen.enter("/part")
        await screen.shows("you left #lobby")
        await screen.pilot.press("ctrl+n")
        await screen.enter("/join #new")
        await screen.shows("#new> ", "you are in #new")

    stage.play("ada", journey)


ROLES = [("+v", "+ada"), ("+o", "@ada"), ("-v", "@ada"), ("+v", "@ada"), ("-o", "+ada"), ("-v", "ada"), ("+o", "@ada")]


def test_the_marks_of_roles_follow_what_an_operator_does(stage, login):
    bob = login("bob")
    bob.send("JOIN #ops")

    async def journey(screen):
        await screen.enter("/join #ops")
        await screen.shows("2 here", " @bob", " ada ")
        for change, shown in ROLES:
            bob.send(f"MODE #ops {change} ada")
            bob.send(f"TOPIC #ops :{change}")
            await screen.shows(f"#ops  {change} ", f" {shown} ")
            assert sorted(screen.model.current.members.values()) == sorted(["@bob", shown])
        bob.send("NICK Bob")
        await screen.shows(" @Bob ")
        bob.send("MODE #ops -o ada")
        await screen.hides(" @ada ")
        await screen.enter("/names")
        await screen.shows("in #ops: @Bob ada")

    stage.play("ada", journey)


def test_a_direct_message_rings_and_is_counted_until_it_is_looked_at(stage, login):
    bob = login("bob")

    async def journey(screen):
        rung = []
        screen.app.bell = lambda: rung.append(True)
        bob.send("PRIVMSG ada :psst")
        bob.send("PRIVMSG ada :are you there?")
        await screen.shows(" people", " bob            2")
        assert rung
        await screen.pilot.press("ctrl+n")
        await screen.shows("bob> ", "── new ──", "bob │ psst", "bob │ are you there?")
        assert " bob            2" not in screen.text
        await screen.enter("yes")
        await screen.shows("│ yes")
        await screen.hides("── new ──")

    stage.play("ada", journey)


def test_what_others_say_elsewhere_is_counted_and_whoever_means_us_more_so(stage, login):
    bob = login("bob")
    bob.send("JOIN #ops")

    async def journey(screen):
        await screen.enter("/join #ops")
        await screen.shows("#ops> ")
        await screen.pilot.press("ctrl+p")
        await screen.shows("#lobby> ")
        bob.send("PRIVMSG #ops :adamant")
        bob.send("PRIVMSG #ops :Ada, look")
        await screen.shows("#ops        @1 2")

    stage.play("ada", journey)


def test_a_message_of_several_lines_is_one_with_a_row_for_each(stage, login):
    bob = login("bob")

    async def journey(screen):
        bob.say("#lobby", "first things", "", "\x1b[2Jlast, ada")
        await screen.shows("bob │ first things", r"\x1b[2Jlast, ada")
        rows = [line[18:80].rstrip() for line in screen.text.splitlines()]
        place = next(index for index, row in enumerate(rows) if row.endswith("bob │ first things"))
        indent = " " * rows[place].index("first")
        assert rows[place + 1 : place + 3] == ["", rf"{indent}\x1b[2Jlast, ada"]
        assert screen.model.current.entries[-1].look is Look.MENTION
        await screen.pilot.press("ctrl+f")
        screen.app.query_one(FindBar).query_one(Input).value = "last, ADA"
        await screen.shows("1 of 1")

    stage.play("ada", journey)


def test_what_was_not_looked_at_is_new_at_the_next_visit(stage, login):
    bob = login("bob")

    async def first(screen):
        await screen.enter("/join #ops")
        await screen.shows("you are in #ops")
        await screen.pilot.press("ctrl+p")
        await screen.shows("#lobby> ")
        bob.send("JOIN #ops")
        bob.send("PRIVMSG #ops :never read")
        await screen.shows("#ops           1")

    async def second(screen):
        await screen.shows("#ops           1")
        await screen.pilot.press("ctrl+n")
        await screen.shows("── new ──", "bob │ never read")

    async def third(screen):
        await screen.shows(" #ops")
        assert not any(one.unread for one in screen.model.opened.channels)

    for journey in (first, second, third):
        stage.play("ada", journey)


def test_a_password_is_asked_for_without_being_shown_or_remembered(stage):
    async def journey(screen):
        await screen.enter("/passwd")
        await screen.shows("old password: ")
        await screen.type("geheim")
        assert "geheim" not in screen.text
        await screen.pilot.press("escape")
        await screen.shows("#lobby> ")
        await screen.pilot.press("up")
        assert screen.app.query_one(Typed).value == "/passwd"

    stage.play("ada", journey)
    assert texts(stage) == []


def test_what_was_typed_comes_back_with_the_arrows(stage):
    async def journey(screen):
        typed = screen.app.query_one(Typed)
        for line in ("/help", "/who bob"):
            await screen.enter(line)
        await screen.type("unfin")
        for key, shown in (
            ("up", "/who bob"),
            ("up", "/help"),
            ("up", "/help"),
            ("down", "/who bob"),
            ("down", "unfin"),
        ):
            await screen.pilot.press(key)
            assert typed.value == shown

    stage.play("ada", journey)


def test_a_small_terminal_has_room_for_the_messages(stage, login):
    bob = login("bob")

    async def journey(screen):
        bob.send("PRIVMSG #lobby :the quick brown fox jumps over the lazy dog, ada")
        await screen.shows("bob │ the quick brown fox", "#lobby> ", "▸#lobby", "ada · #lobby · localhost TLS 1.3")
        assert "here" not in screen.text
        assert max(len(line) for line in screen.text.splitlines()) <= 60

    stage.play("ada", journey, size=NARROW)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c", "ctrl+d"])
def test_leaving_waits_for_what_was_said(stage, key):
    async def journey(screen):
        await screen.enter("last words")
        await screen.pilot.press(key)
        await screen.until(lambda: screen.model.chat.ended)
        assert screen.model.chat.ended.expected

    stage.play("ada", journey)
    assert texts(stage) == ["last words"]


def test_markup_and_escapes_of_others_stay_text(stage, login):
    bob = login("bob")

    async def journey(screen):
        bob.send(
            "PRIVMSG #lobby :[bold red]x[/] [link=https://evil]y[/link] \x1b]8;;https://evil\x07z\x1b[2J \x02b\x02"
        )
        await screen.shows(r"[bold red]x[/] [link=https://evil]y[/link] \x1b]8;;https://evil\x07z\x1b[2J b")
        bob.send("JOIN #ops")
        bob.send("TOPIC #ops :[reverse]topic[/] \x1b]0;t\x07")
        await screen.enter("/join #ops")
        await screen.shows(r"#ops  [reverse]topic[/] \x1b]0;t\x07")

    stage.play("ada", journey, size=(140, 20))
