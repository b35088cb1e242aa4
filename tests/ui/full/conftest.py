"""The full screen over a real server: without a terminal, where Textual's pilot presses keys and what is drawn is text,
or on a real one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from securechat.client import past
from securechat.client.address import Address
from securechat.client.client import Client
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.outbox import Outbox
from securechat.client.profile import Profile
from securechat.client.way import Way
from securechat.ui.full.app import FullScreen
from securechat.ui.full.messages import Messages
from securechat.ui.full.model import Model
from securechat.ui.full.typed import Typed
from tests.cli.conftest import Login
from tests.running import PASSWORD, Server
from tests.terminal import Terminal

PATIENCE = 15.0
WIDE, NARROW = (100, 30), (60, 15)
UNTOLD = ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES")  # the last two are set where tests run side by side


class Screen:
    """What one person has before him."""

    def __init__(self, app: FullScreen, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def model(self) -> Model:
        return self.app.model

    @property
    def messages(self) -> Messages:
        return self.app.query_one(Messages)

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    async def until(self, reached: Callable[[], object], what: str = "") -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, f"{what or 'it'} does not come:\n{self.text}"
            await self.pilot.pause(0.02)

    async def shows(self, *words: str) -> None:
        for one in words:
            await self.until(lambda one=one: one in self.text, repr(one))

    async def hides(self, word: str) -> None:
        await self.until(lambda: word not in self.text, f"an end of {word!r}")

    async def enter(self, line: str) -> None:
        """As if it were typed; the keys themselves take their time."""
        typed = self.app.query_one(Typed)
        typed.value = line
        await self.pilot.press("enter")

    async def type(self, text: str) -> None:
        for character in text:
            await self.pilot.press(KEYS.get(character, character))


KEYS = {
    " ": "space",
    "/": "slash",
    "#": "number_sign",
    "?": "question_mark",
    "!": "exclamation_mark",
    ",": "comma",
    ":": "colon",
}


class Stage:
    """People of one server, each with a profile of his own."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder

    @contextmanager
    def client(self, name: str, port: int | None = None) -> Iterator[tuple[Client, Profile, Address]]:
        """`port`: by way of a relay."""
        profile, address = Profile(self.folder / name), Address("localhost", port or self.server.port)
        way = Way(profile, address, ca=self.server.ca)
        conversation = Conversation(profile.visit(address, name).seen, Outbox(keeping=profile.spool(address, name)))
        client = Client(
            Credentials(name, PASSWORD),
            past.everything("#lobby"),
            conversation,
            way.connect,
            delay=lambda tries, lasted: 0.05,
        )
        client.log_in(way.connect())
        try:
            yield client, profile, address
        finally:
            client.close()

    def play(
        self,
        name: str,
        journey: Callable[[Screen], Awaitable[None]],
        *,
        size: tuple[int, int] = WIDE,
        port: int | None = None,
    ) -> None:
        """Log in, and have the person make this journey once all is there."""
        with self.client(name, port) as (client, profile, address):
            visit = profile.visit(address, name)
            app = FullScreen(client, Model(client, visit, "#lobby", join=False), "localhost", profile.choices)

            async def run() -> None:
                async with app.run_test(size=size) as pilot:
                    screen = Screen(app, pilot)
                    await screen.until(lambda: app.model.chat.linked)
                    await journey(screen)

            asyncio.run(run())
            visit.save(at_once=True)


@pytest.fixture
def stage(server: Server, tmp_path: Path) -> Stage:
    server.adduser("ada", "bob", "eve")
    return Stage(server, tmp_path)


@pytest.fixture
def full(idle_server: Server, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """`full("ada")` opens it, on a terminal that says of its size and colours what most do.

    `port`: by way of a relay.
    """
    opened: list[Terminal] = []
    person = Login(idle_server, tmp_path)

    def full(name: str, *extra: str, size: tuple[int, int] = (80, 24), port: int | None = None, **env: str) -> Terminal:
        base = {key: value for key, value in person.env.items() if key not in UNTOLD}
        words = person.words(name, *extra, port=port)
        opened.append(Terminal(words, base | {"TERM": "xterm-256color"} | env, *size))
        return opened[-1]

    yield full
    for one in opened:
        one.child.close(force=True)
