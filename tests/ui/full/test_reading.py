"""Finding one's way: back into the history, to a word, to another channel; what is pasted and completed."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input, OptionList

from securechat.client.events import Said
from securechat.ui.full.buffer import STORED
from securechat.ui.full.completion import Completion
from securechat.ui.full.dialogs import PasteDialog, Switcher, fitting
from securechat.ui.full.find import FindBar
from securechat.ui.full.typed import Typed

LINES = 230


def test_scrolling_up_reads_the_history_to_its_beginning_and_what_comes_meanwhile_moves_nothing(stage, login):
    bob = login("bob")
    for number in range(LINES):
        bob.send(f"PRIVMSG #lobby :line {number} of many")

    async def journey(screen):
        await screen.shows(f"line {LINES - 1} of many")
        for _ in range(200):
            if "line 0 of many" in screen.text:
                break
            await screen.pilot.press("pageup")
        await screen.shows("line 0 of many")
        before = screen.text.splitlines()[1:-2]
        bob.send("PRIVMSG #lobby :the newest")
        await screen.shows("new below")
        assert screen.text.splitlines()[1:-2] == before
        texts = [entry.text for entry in screen.model.current.entries if entry.who == "bob"]
        assert texts == [*(f"line {number} of many" for number in range(LINES)), "the newest"]
        await screen.pilot.press("ctrl+end")
        await screen.shows("the newest")
        await screen.hides("new below")

    stage.play("ada", journey)


def test_a_word_is_looked_for_in_what_is_loaded(stage, login):
    bob = login("bob")
    for number in range(90):
        bob.send(f"PRIVMSG #lobby :{'Needle' if number in (5, 60) else 'hay'} {number}")

    async def journey(screen):
        await screen.shows("hay 89")
        await screen.until(lambda: len(screen.model.current.entries) > 90)
        await screen.pilot.press("ctrl+f")
        screen.app.query_one(FindBar).query_one(Input).value = "needle"
        await screen.shows("2 of 2", "Needle 60")
        await screen.pilot.press("up")
        await screen.shows("1 of 2", "Needle 5")
        await screen.pilot.press("down")
        await screen.shows("2 of 2", "Needle 60")
        screen.app.query_one(FindBar).query_one(Input).value = "nothing"
        await screen.shows("none in what is loaded")
        await screen.pilot.press("escape")
        await screen.hides("find: ")
        assert isinstance(screen.app.focused, Typed)

    stage.play("ada", journey)


def test_the_switcher_goes_to_channels_and_people_and_into_new_ones(stage, login):
    login("bob")

    async def journey(screen):
        async def switch(typed: str) -> None:
            await screen.pilot.press("ctrl+k")
            await screen.until(lambda: isinstance(screen.app.screen, Switcher))
            screen.app.screen.query_one(Input).value = typed
            await screen.until(lambda: screen.app.screen.query_one(OptionList).highlighted is not None)
            await screen.pilot.pause()
            await screen.pilot.press("enter")

        await screen.shows("2 here", " bob")
        await switch("bo")
        await screen.shows("bob> ")
        await switch("#new")
        await screen.shows("#new> ", "you are in #new")
        await switch("lob")
        await screen.shows("#lobby> ")
        await screen.pilot.press("ctrl+k")
        await screen.until(lambda: isinstance(screen.app.screen, Switcher))
        await screen.pilot.press("escape")
        await screen.shows("#lobby> ")

    stage.play("ada", journey)


def test_several_pasted_lines_are_said_as_they_are_or_not_at_all(stage):
    async def journey(screen):
        typed = screen.app.query_one(Typed)

        async def paste(text: str) -> None:
            typed.post_message(events.Paste(text))
            await screen.until(lambda: isinstance(screen.app.screen, PasteDialog))

        await paste("never\nsaid")
        await screen.shows("Send these 2 lines to #lobby?")
        await screen.pilot.press("escape")
        await paste("one\n\n/quit\nthree\n")
        await screen.pilot.press("enter")
        await screen.shows("│ one", " /quit", " three")
        typed.post_message(events.Paste("a single one\n"))
        await screen.until(lambda: typed.value == "a single one")
        assert not screen.model.chat.leaving

    stage.play("ada", journey)
    assert [entry.text for entry in stage.server.history("#lobby") if entry.kind == "PRIVMSG"] == [
        "one\n\n/quit\nthree"
    ]


def test_a_pasted_block_is_one_message_to_who_knows_that_and_lines_to_others(stage, login):
    bob = login("bob", "message-tags server-time")

    async def journey(screen):
        typed = screen.app.query_one(Typed)
        typed.post_message(events.Paste("def f():\n\n    return 1\n" + "x" * 600 + "\n"))
        await screen.until(lambda: isinstance(screen.app.screen, PasteDialog))
        await screen.pilot.press("enter")
        await screen.shows(f"{STORED}        ada │ def f():", "    return 1")
        await screen.until(lambda: not screen.model.unstored)

    with stage.client("eve") as (eve, _, _):
        stage.play("ada", journey)
        [said] = [event for event in eve.take(5) if isinstance(event, Said)]
    assert said.text == "def f():\n\n    return 1\n" + "x" * 600
    lines = [line for line in bob.sync() if line.command == "PRIVMSG"]
    assert [line.params[1] for line in lines][:2] == ["def f():", "    return 1"]
    assert "".join(line.params[1] for line in lines[2:]) == "x" * 600
    assert [line.tags.get("msgid") for line in lines] == [said.msgid, *[None] * (len(lines) - 1)]


def test_tab_completes_names_channels_and_commands(stage, login):
    login("bob")

    async def journey(screen):
        typed = screen.app.query_one(Typed)
        await screen.shows(" bob")
        for begun, whole in (
            ("bo", "bob: "),
            ("hi bo", "hi bob "),
            ("/to", "/topic "),
            ("see #l", "see #lobby "),
            ("", ""),
        ):
            typed.value = begun
            typed.cursor_position = len(begun)
            await screen.pilot.press("tab")
            assert typed.value == whole

    stage.play("ada", journey)


def test_the_theme_is_dark_or_light(stage):
    async def journey(screen):
        dark = screen.app.current_theme.dark
        await screen.pilot.press("ctrl+t")
        assert screen.app.current_theme.dark is not dark
        await screen.shows("you are ada")

    stage.play("ada", journey)


def test_who_is_typing_is_told_both_ways(stage, login):
    bob = login("bob")

    def of_ada(message):
        return message.source.startswith("ada!")

    async def journey(screen):
        bob.send("@+typing=active TAGMSG #lobby")
        await screen.shows("bob is typing")
        bob.send("PRIVMSG #lobby :there it is")
        await screen.shows("there it is")
        await screen.hides("is typing")
        await screen.type("h")
        assert bob.wait_for("TAGMSG", of_ada).tags["+typing"] == "active"
        await screen.pilot.press("backspace")
        assert bob.wait_for("TAGMSG", of_ada).tags["+typing"] == "done"

    stage.play("ada", journey)


def test_completion_goes_from_one_that_fits_to_the_next():
    completion = Completion()
    line, cursor = "hey b", 5
    seen = []
    for _ in range(3):
        line, cursor = completion.complete(line, cursor, ["#lobby"], ["bob", "ada", "bea"])
        seen.append(line)
    assert seen == ["hey bob ", "hey bea ", "hey bob "]
    assert completion.complete("zz", 2, [], ["bob"]) == ("zz", 2)


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("", ["#lobby", "#ops", "bob"]),
        ("o", ["#ops", "#lobby", "bob", "o"]),
        ("lby", ["#lobby", "lby"]),
        ("#ops", ["#ops"]),
        ("#new", ["#new"]),
        ("!!", []),
    ],
)
def test_a_few_letters_find_a_name(typed, fits):
    assert fitting(typed, ["#lobby", "#ops", "bob"]) == fits
