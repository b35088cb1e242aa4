"""Line mode on a terminal: lines appear above the one being typed. Draws with prompt_toolkit in the main thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app, run_in_terminal
from prompt_toolkit.history import DummyHistory, InMemoryHistory
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from securechat.client.client import Client
from securechat.ui.line import LineMode
from securechat.ui.stdout import Output

GOODBYE_TIMEOUT = 5.0
SAVE_EVERY = 1.0
LINES_AT_ONCE = 200  # between two such pieces keys are read


class Terminal:
    """One asyncio loop; the client's thread only wakes it."""

    def __init__(self, client: Client, mode: LineMode) -> None:
        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")  # ask nothing of terminals: some do not answer
        self._client = client
        self._mode = mode
        self._output = Output()
        self._keyboard = _keyboard()
        self._open: PromptSession[str] = PromptSession(
            history=InMemoryHistory(), key_bindings=_keys(), erase_when_done=True, input=self._keyboard
        )
        self._hidden: PromptSession[str] = PromptSession(
            history=DummyHistory(), key_bindings=_keys(), erase_when_done=True, input=self._keyboard, is_password=True
        )

    def run(self) -> None:
        """Chat until the person leaves or there is no going on."""
        asyncio.run(self._chat())

    async def _chat(self) -> None:
        loop = asyncio.get_running_loop()
        self._arrived, self._shown = asyncio.Event(), asyncio.Event()

        def arrived() -> None:
            try:
                loop.call_soon_threadsafe(self._arrived.set)
            except RuntimeError:
                pass  # the loop has ended, and with it the need to know

        self._client.notify(arrived)
        showing = asyncio.create_task(self._show_all())
        try:
            with self._keyboard.raw_mode():
                await self._read_all()
            await self._say_goodbye()
        finally:
            showing.cancel()
            await asyncio.wait([showing])
        if not showing.cancelled() and (error := showing.exception()):
            raise error

    async def _show_all(self) -> None:
        """Show what arrives until there is no going on."""
        try:
            while self._mode.ended is None:
                await self._show_batch()
        finally:
            self._shown.set()
            self._stop_typing()

    async def _show_batch(self) -> None:
        try:
            await asyncio.wait_for(self._arrived.wait(), SAVE_EVERY)
        except TimeoutError:
            pass
        self._arrived.clear()
        events = self._client.take(0)
        await self._show(self._mode.heard(events))
        self._mode.shown(events)
        if events:
            self._shown.set()
            get_app().invalidate()  # the prompt may name another target now

    async def _show(self, lines: Sequence[str]) -> None:
        for start in range(0, len(lines), LINES_AT_ONCE):
            piece = lines[start : start + LINES_AT_ONCE]
            await run_in_terminal(partial(self._output.write, piece))

    async def _read_all(self) -> None:
        """Take typed lines until the person wants to leave or nobody listens any more."""
        while self._mode.ended is None and not self._mode.leaving:
            prompt = self._hidden if self._mode.hidden else self._open
            try:
                typed = await prompt.prompt_async(lambda: self._mode.prompt, pre_run=self._stop_if_ended)
            except (EOFError, KeyboardInterrupt):
                await self._show(self._cut_short(prompt.default_buffer.text))
                if not self._mode.hidden:
                    return
                self._mode.cancel()
            else:
                await self._show(self._mode.entered(typed))

    def _cut_short(self, typed: str) -> list[str]:
        """The lines about what was being typed when it all ended."""
        return self._mode.unsent(typed) if self._mode.ended is not None else []

    def _stop_if_ended(self) -> None:
        if self._mode.ended is not None:
            self._stop_typing()

    def _stop_typing(self) -> None:
        for prompt in (self._open, self._hidden):
            if prompt.app.is_running and not prompt.app.is_done:
                prompt.app.exit(exception=EOFError())

    async def _say_goodbye(self) -> None:
        """Leave once what was typed is acknowledged, but do not wait for ever."""
        await self._until(lambda: self._mode.settled)
        self._client.quit()
        await self._until(lambda: self._mode.ended is not None)
        if self._mode.ended is None:
            await self._show(self._mode.doubtful())

    async def _until(self, reached: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(GOODBYE_TIMEOUT):
                while not reached() and self._mode.ended is None:
                    await self._shown.wait()
                    self._shown.clear()
        except TimeoutError:
            pass


def _keyboard() -> Input:
    """What is typed between two prompts, or while lines are written, is not echoed then: it may be a password."""
    keyboard = create_input()
    # `run_in_terminal` takes this mode, which turns the echo on, and knows no other; output is the same in both.
    keyboard.cooked_mode = keyboard.raw_mode  # type: ignore[method-assign]
    return keyboard


def _keys() -> KeyBindings:
    """Ctrl-C clears the line being typed; on an empty one it leaves."""
    keys = KeyBindings()

    @keys.add(Keys.Vt100MouseEvent)
    def _(event: KeyPressEvent) -> None:
        """No mouse is asked for; what looks like one are pasted colour codes, which prompt_toolkit cannot read."""

    @keys.add("c-c")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt())

    return keys
