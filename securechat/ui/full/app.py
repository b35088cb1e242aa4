"""The full-screen face itself: draws the model, and gives it what is typed and what happens."""

from __future__ import annotations

import gc
import os
import time
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from securechat.client.choices import Choices
from securechat.client.client import Client
from securechat.client.profile import Visit
from securechat.client.typing import EVERY
from securechat.client.way import Way
from securechat.protocol.names import fold
from securechat.protocol.text import printable
from securechat.ui.full import sides, status
from securechat.ui.full.dialogs import PasteDialog, Switcher
from securechat.ui.full.find import FindBar
from securechat.ui.full.messages import Messages
from securechat.ui.full.model import Model
from securechat.ui.full.pace import Pace
from securechat.ui.full.pane import Pane
from securechat.ui.full.typed import Typed
from securechat.ui.stdout import Output

MOST_AT_ONCE = 50  # events: a millisecond or two; between two such pieces keys are read
COLLECT_AFTER = (2000, 5, 1000)  # objects: looking through 10 000 holds keys up for a few ms, through all for 100
TICK = 0.5
GOODBYE_TIMEOUT = 5.0
DARK, LIGHT = "textual-dark", "textual-light"


class FullScreen(App[None]):
    """Runs in the main thread, in an asyncio loop of its own; the client's thread only wakes it."""

    CSS_PATH = "full.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False  # the terminal's own selection, with Shift, does not write to the clipboard by itself
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it so
        (0, "-tiny"),
        (50, "-narrow"),
        (90, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+k", "switcher", show=False),
        Binding("ctrl+f", "find", show=False),
        Binding("ctrl+t", "theme", show=False),
        Binding("ctrl+n,alt+down", "go(1)", show=False, priority=True),
        Binding("ctrl+p,alt+up", "go(-1)", show=False, priority=True),
        Binding("pageup", "page(1)", show=False, priority=True),
        Binding("pagedown", "page(-1)", show=False, priority=True),
        Binding("ctrl+end", "bottom", show=False, priority=True),
        Binding("escape", "bottom", show=False),
    ]

    def __init__(self, client: Client, model: Model, address: str, choices: Choices) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.model = model
        self.unsent = ""  # what was being typed when it all ended
        self.places, self.members = Pane("places"), Pane("members")
        self.heading, self.status = status.Line(id="title"), status.Line(id="status")
        self.messages = Messages(model.current)
        self.find_bar = FindBar()
        self.prompt = Label(id="prompt", markup=False)
        self.typed = Typed(self._completable, self._entered, self._pasted)
        self._client = client
        self._address = address
        self._choices = choices
        self._prompted = ""
        self._pace = Pace(self, self._take, self.show)
        self._rung = 0
        self._said_typing_at = 0.0
        self._leave_by: float | None = None
        self._said_goodbye = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="body"):
            yield self.places
            with Vertical():
                yield self.heading
                yield self.messages
            yield self.members
        yield self.find_bar
        with Horizontal(id="input"):
            yield self.prompt
            yield self.typed
        yield self.status

    def on_mount(self) -> None:
        if self._choices.light is not None:
            self.theme = LIGHT if self._choices.light else DARK
        self.typed.focus()
        self.set_interval(TICK, self._tick)
        self._client.notify(self._pace.waker())

    # What arrives.

    def _take(self) -> bool:
        events = self._client.take(0, MOST_AT_ONCE)
        self.model.heard(events)
        self.messages.lay_out(self.model.unstored)
        if self.model.rings != self._rung:
            self._rung = self.model.rings
            self.bell()
        self._leave_if_due()
        return len(events) == MOST_AT_ONCE

    def _tick(self) -> None:
        self.model.heard(())
        self._show_status()
        self._leave_if_due()

    # What is shown.

    def show(self) -> None:
        """Bring the screen up to date."""
        if not self.messages.is_attached or not self.messages.size:  # Textual ends, or has not laid it out yet
            return
        current = self.model.current
        self.messages.show(current, self.model.unstored)
        if self.messages.near_top:
            self.model.ask_earlier()
        self.places.show(sides.places(self.model.opened.channels, self.model.opened.people, current))
        self.members.show(sides.members(current))
        self.find_bar.search_in(current)
        self._show_prompt()
        self._show_status()

    def _redraw(self) -> None:
        """All of it: what was drawn between two layouts may stand where now something else belongs."""
        self.show()
        self.screen.refresh()

    def _show_prompt(self) -> None:
        question = self.model.chat.question
        prompt = f"{question}: " if question else f"{printable(self.model.chat.target)}> "
        if prompt != self._prompted:  # a new width is a new layout of the screen, which takes its time
            self._prompted = prompt
            self.prompt.update(prompt)
            self.typed.password = bool(question)

    def _show_status(self) -> None:
        model, current = self.model, self.model.current
        behind = "↓ new below: Ctrl-End" if self.messages.below else ""
        title = f"{printable(current.name)}  {current.topic}" if current.topic else printable(current.name)
        self.heading.show(title, behind)
        words = status.status(model.nick, current.name, self._address, self._client.tls, model.queued)
        note = "leaving …" if self.model.chat.leaving else status.typing(model.typing(current))
        self.status.show(words, note)

    # What the person does.

    async def on_event(self, event: events.Event) -> None:
        """Let each key that is typed have its effect before the next.

        By Textual letters go to the widget, and what another key is bound to is done when that comes back from there,
        behind all that came with it: from a slow line two lines would be one, said where only the first belongs.
        """
        keyed = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if keyed:
            self.app_focus = True  # should the terminal not have said so; it gives the line its focus back
        if not keyed or self.focused is not self.typed:
            await super().on_event(event)
        elif isinstance(event, events.Paste) or (isinstance(event, events.Key) and event.is_printable):
            await self.typed.write(event)
        elif isinstance(event, events.Key) and not await self._check_bindings(event.key, priority=True):
            await self._check_bindings(event.key)

    def _entered(self, line: str) -> None:
        self.messages.scroll_to_bottom()
        self._said_typing_at = 0.0
        self.model.entered(line)
        self.show()
        self._leave_if_due()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Let the others know; a command and an answer are nobody's business."""
        chat = self.model.chat
        if not isinstance(event.input, Typed) or chat.question or event.value.startswith("/") or not chat.linked:
            return
        target, moment = chat.target, time.monotonic()
        if not event.value and self._said_typing_at:
            self._said_typing_at = 0.0
            chat.post(lambda session: session.show_typing(target, active=False))
        elif event.value and moment - self._said_typing_at >= EVERY:
            self._said_typing_at = moment
            chat.post(lambda session: session.show_typing(target, active=True))

    def _pasted(self, text: str) -> None:
        def answered(send: bool | None) -> None:
            if send:
                self.model.pasted(text)
                self.show()

        self.push_screen(PasteDialog(text, self.model.chat.target), answered)

    def on_typed_leave(self) -> None:
        self.action_leave()

    def on_pane_chosen(self, event: Pane.Chosen) -> None:
        self._switch(event.name)

    def on_messages_scrolled(self) -> None:
        if self.messages.near_top:
            self.model.ask_earlier(again=True)
        self._show_status()

    def on_app_focus(self, event: events.AppFocus) -> None:
        self.model.look(looking=True)
        self.show()

    def on_app_blur(self, event: events.AppBlur) -> None:
        self.model.look(looking=False)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._redraw)

    def action_switcher(self) -> None:
        def answered(name: str | None) -> None:
            if name is not None:
                self._switch(name)

        model = self.model
        unread = sorted(model.opened, key=lambda one: (-one.mentions, -one.unread))
        names = [one.name for one in unread if one is not model.current]
        self.push_screen(Switcher(names, [name for name in model.names if fold(name) != fold(model.nick)]), answered)

    def action_find(self) -> None:
        self.find_bar.open()

    def on_find_bar_found(self, event: FindBar.Found) -> None:
        self.messages.point_at(event.entry)

    def on_find_bar_closed(self) -> None:
        self.messages.point_at(None)
        self.typed.focus()

    def action_theme(self) -> None:
        """The other one, at the next visit, too."""
        self.theme = LIGHT if self.theme == DARK else DARK
        self._choices.choose(light=self.theme == LIGHT)

    def action_go(self, steps: int) -> None:
        self.model.go(steps)
        self.show()

    def action_page(self, pages: int) -> None:
        self.messages.scroll_page(pages)

    def action_bottom(self) -> None:
        if self.model.chat.question:
            self.model.chat.cancel()
            self.typed.clear()
        self.messages.scroll_to_bottom()
        self.show()

    def action_leave(self) -> None:
        if self.model.chat.question:
            return self.action_bottom()
        self.model.chat.leaving = True
        return self._leave_if_due()

    async def action_quit(self) -> None:
        self.action_leave()

    def _switch(self, name: str) -> None:
        """To what is open, to a person, or into a channel, as the commands do it."""
        if self.model.opened.find(name) is not None:
            self.model.switch(name)
        else:
            self.model.entered(f"/join {name}" if name.startswith("#") else f"/msg {name}")
        self.show()

    def _completable(self) -> tuple[list[str], list[str]]:
        return [one.name for one in self.model.opened.channels], self.model.names

    # The end.

    def _leave_if_due(self) -> None:
        """Once what was typed is acknowledged, but do not wait for ever."""
        chat, moment = self.model.chat, time.monotonic()
        if chat.ended is not None:
            self._end()
        if not chat.leaving:
            return
        if self._leave_by is None:
            self._leave_by = moment + GOODBYE_TIMEOUT
        if self._said_goodbye:
            if moment > self._leave_by:
                self._end()
        elif chat.settled or moment > self._leave_by:
            self._said_goodbye, self._leave_by = True, moment + GOODBYE_TIMEOUT
            self._client.quit()
        self._show_status()

    def _end(self) -> None:
        self.unsent = "" if self.typed.password else self.typed.value
        self.exit()

    def _fatal_error(self) -> None:
        """Textual would print every local variable, and with them what is nobody's business; `run` raises it anew."""
        self._close_messages_no_wait()


def run(client: Client, visit: Visit, way: Way, target: str, *, join: bool) -> None:
    """Chat until the person leaves or there is no going on. Raises what `Chat.finish` raises.

    `join`: enter the target first if it is a channel that we are not in.
    """
    app = FullScreen(client, Model(client, visit, target, join=join), str(way.address), way.profile.choices)
    gc.freeze()  # what is here now stays until the end
    gc.set_threshold(*COLLECT_AFTER)
    app.run()
    if app._exception is not None:
        raise app._exception
    chat = app.model.chat
    Output().write([*chat.last_words(), *chat.doubtful(), *chat.unsent(app.unsent)])
    chat.finish()
