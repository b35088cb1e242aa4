"""When what arrives is taken and drawn."""

from __future__ import annotations

import asyncio
import itertools
import time

from textual.app import App

from securechat.ui.full.pace import DRAW_EVERY, Pace


def paced(pieces: int) -> tuple[list[float], list[float]]:
    """So many pieces arrive at once: when each was taken, and when was drawn, from their arrival on."""
    taken: list[float] = []
    drawn: list[float] = []

    async def run() -> None:
        app: App[None] = App()
        async with app.run_test():
            came = time.monotonic()
            drawn_to_the_end = asyncio.Event()

            def take() -> bool:
                taken.append(time.monotonic() - came)
                while time.monotonic() - came < taken[-1] + 0.005:
                    pass  # as if it were work
                return len(taken) < pieces

            def draw() -> None:
                drawn.append(time.monotonic() - came)
                if len(taken) == pieces:
                    drawn_to_the_end.set()

            arrived = Pace(app, take, draw).waker()
            for _ in range(3):
                arrived()
            await asyncio.wait_for(drawn_to_the_end.wait(), 10)

    asyncio.run(run())
    return taken, drawn


def test_what_comes_after_quiet_is_taken_and_drawn_at_once():
    runs = (paced(1) for _ in range(5))  # the machine may have others to serve
    assert any(len(taken) == len(drawn) == 1 and drawn[0] < DRAW_EVERY for taken, drawn in runs)


def test_much_is_taken_with_rests_between_and_drawn_now_and_then():
    taken, drawn = paced(30)
    assert len(taken) == 30
    assert all(after - before > 0.01 for before, after in itertools.pairwise(taken))
    assert 2 <= len(drawn) <= 2 + drawn[-1] / DRAW_EVERY
