"""How the messages are drawn."""

from __future__ import annotations

from textual.geometry import Region


def test_a_row_that_moves_is_not_made_anew(stage, login):
    bob = login("bob")

    async def journey(screen):
        bob.send("PRIVMSG #lobby :one")
        await screen.shows("bob │ one")
        whole = Region(0, 0, *screen.messages.size)
        before = screen.messages.render_lines(whole)
        bob.send("PRIVMSG #lobby :two")
        await screen.shows("bob │ two")
        after = screen.messages.render_lines(whole)
        assert "one" in before[-1].text
        assert after[-2] is before[-1]

    stage.play("ada", journey)
