"""The line that is typed."""

from __future__ import annotations

from tests.ui.full.conftest import NARROW


def test_a_key_asks_for_no_layout_of_the_screen_and_a_long_line_moves(stage):
    async def journey(screen):
        laid_out = []
        await screen.shows("#lobby> ")
        await screen.pilot.pause()
        screen.app.screen.screen_layout_refresh_signal.subscribe(screen.app, laid_out.append, immediate=True)
        await screen.type("a")
        await screen.shows("#lobby> a")
        assert not laid_out
        screen.app.typed.insert_text_at_cursor(" long line of many words" * 5)
        await screen.type("z")
        await screen.shows("of many wordsz")

    stage.play("ada", journey, size=NARROW)
