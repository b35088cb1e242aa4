"""When what has arrived is taken and when it is drawn: soon, but with time left over for the keys."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable

from textual.app import App

TAKE_EVERY = 0.03  # seconds
DRAW_EVERY = 0.15  # more often nobody can read
REST = 2  # times as long as a piece took nothing is done, so that a key mostly finds the loop free


class Pace:
    """`take` takes a piece and gives whether there is more; `draw` shows what was taken. Both run in the app's loop."""

    def __init__(self, app: App[None], take: Callable[[], bool], draw: Callable[[], None]) -> None:
        self._app = app
        self._take = take
        self._draw = draw
        self._taking = self._drawing = False  # soon
        self._rest_until = self._drawn_at = 0.0

    def waker(self) -> Callable[[], None]:
        """What is to be called, in any thread, whenever something arrives."""
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()  # Textual keeps the app in the context

        def arrived() -> None:
            if self._taking:  # and with it what arrived now
                return
            try:
                loop.call_soon_threadsafe(self._take_soon, context=context)
            except RuntimeError:
                pass  # the loop has ended, and with it the need to know

        return arrived

    def _take_soon(self) -> None:
        if not self._taking:
            self._taking = True
            self._at(self._rest_until, self._take_piece)

    def _take_piece(self) -> None:
        began = time.monotonic()
        self._taking = False
        more = self._take()
        ended = time.monotonic()
        self._rest_until = ended + (REST * (ended - began) if more else TAKE_EVERY)
        if more:
            self._take_soon()
        if not self._drawing:
            self._drawing = True
            self._at(self._drawn_at + DRAW_EVERY, self._draw_all)

    def _draw_all(self) -> None:
        self._drawing = False
        self._drawn_at = time.monotonic()
        self._draw()

    def _at(self, moment: float, step: Callable[[], None]) -> None:
        self._app.set_timer(max(0.001, moment - time.monotonic()), step)
