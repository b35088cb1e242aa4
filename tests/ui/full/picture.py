"""The picture of the README, always the same. `python -m tests.ui.full.picture` draws it anew."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from securechat.client.address import Address
from securechat.client.events import Entered, Event
from securechat.client.profile import Profile
from securechat.client.session import Session
from securechat.ui.full.app import LIGHT, FullScreen
from securechat.ui.full.model import Model
from tests.client.conftest import Script

PICTURE = Path(__file__).parents[3] / "docs" / "full-screen.svg"
SIZE, NARROW = (100, 16), (60, 15)
CHANNELS = ("#lobby", "#ops", "#releases")
NOW = datetime(2026, 3, 1, 17, 38, tzinfo=UTC)
MORNING = (
    ("#lobby", "bob", "03-01T17:41", "the release notes are in, thank you all"),
    ("#lobby", "grace", "03-01T17:45", "see you tomorrow"),
    ("#lobby", "eve", "03-02T08:58", "good morning! who is in the office today?"),
    ("#lobby", "bob", "03-02T08:59", "me, from ten on; the train is late again 🚆"),
    ("#ops", "grace", "03-02T09:00", "the backup of last night is verified"),
    ("#ops", "grace", "03-02T09:01", "Ada, can you look at the disk of db2?"),
    ("ada", "bob", "03-02T09:02", "shall I bring coffee?"),
    ("#releases", "robot", "03-02T09:02", "1.4.0 is built: 2311 tests passed"),
)


class Played(Script):
    """As a client, but what is posted runs at once, in a session whose server plays what the picture needs."""

    account = "ada"
    tls = "TLSv1.3"

    def __init__(self) -> None:
        super().__init__()
        self._ticket = 0

    def post(self, call: Callable[[Session], None]) -> None:
        call(self.session)

    def say(self, target: str, words: str, *, action: bool = False) -> int:
        self._ticket += 1
        self.conversation.outbox.put(self.conversation.line(self._ticket, target, words, action=action))
        self.later(0)
        return self._ticket

    def notify(self, call: Callable[[], None]) -> None:
        call()

    def take(self, timeout: float | None, most: int) -> list[Event]:
        return self.session.take_events()

    def echo(self, time: str) -> None:
        """The server stores what was said last."""
        line = next(line for line in reversed(self.sent()) if "PRIVMSG" in line)
        label = line.partition("label=")[2].partition(";")[0].partition(" ")[0]
        self.session.feed(
            f"@label={label};time={time}:00.000Z;msgid=own :ada!ada@team {line.partition(' ')[2]}\r\n".encode(),
            self.now,
        )


def draw(folder: Path, *, size: tuple[int, int] = SIZE, light: bool = False) -> str:
    """The picture as SVG."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    played = Played()
    played.enter(*CHANNELS)
    profile = Profile(folder)
    model = Model(played, profile.visit(Address("chat.example.org"), "ada"), "#lobby", join=False, clock=lambda: NOW)
    app = FullScreen(played, model, "chat.example.org", profile.choices)

    async def run() -> str:
        async with app.run_test(size=size) as pilot:
            app.theme = LIGHT if light else app.theme
            app.model.heard([Entered("ada", CHANNELS, NOW)])
            await _play(played, app, pilot.pause)
            return app.export_screenshot(title="securechat")

    return asyncio.run(run())


async def _play(played: Played, app: FullScreen, pause: Callable[[], object]) -> None:
    def feed(*lines: str) -> None:
        app.model.heard(played.server(*lines))

    feed(
        ":s 353 ada = #lobby :@grace ada +bob eve robot",
        ":s 366 ada #lobby :End",
        ":s 332 ada #lobby :Stand-up at 9:30, room 2",
    )
    for number, (target, nick, when, text) in enumerate(MORNING):
        app.model.look(looking=number != 2)  # the person looks away for the night
        feed(f"@time=2026-{when}:00.000Z;msgid=m{number} :{nick}!{nick}@team PRIVMSG {target} :{text}")
        if number == 2:
            app.model.look(looking=True)
    unread = app.model.current.unread_from
    app.model.entered("I am, until noon")
    played.echo("2026-03-02T09:04")
    app.model.heard(played.session.take_events())
    app.model.current.unread_from = unread
    app.model.current.generation += 1
    feed("@+typing=active :eve!eve@team TAGMSG #lobby")
    app.typed.value = "and then from home"
    app.show()
    await pause()
    app.show()
    await pause()


def texts(svg: str) -> list[str]:
    """What is written in a picture, whatever it looks like."""
    root = ElementTree.fromstring(svg)
    words = (
        "".join(element.itertext()).replace("\xa0", " ").strip()
        for element in root.iter()
        if element.tag.endswith("}text")
    )
    return [word for word in words if word]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        PICTURE.write_text(draw(Path(made)), encoding="utf-8")
