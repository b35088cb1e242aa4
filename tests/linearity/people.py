"""Who takes part in a run: senders and listeners that come back through the relay whenever they have lost the link."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from securechat.protocol.message import Message
from tests.linearity.checker import Echo, Presence, Said, Sending, merged
from tests.relay import Relay
from tests.running import PASSWORD, Server
from tests.wire import ALL_CAPS, Wire

CHANNELS = ("#red", "#green", "#blue")
IN_FLIGHT = 4  # messages of one sender without an echo
PAGE = 100  # messages of history in one answer, as many as the server gives
PATIENCE = 30.0  # seconds without coming in until somebody gives up
ALWAYS = "timestamp=1970-01-01T00:00:00.000Z"  # before everything


class Way:
    """How everybody comes in. Shut while the server is down; `ending` begins when nobody need say anything new, and
    `quiet` when all that was said is acknowledged or given up.
    """

    def __init__(self, server: Server, relay: Relay) -> None:
        self.open = threading.Event()
        self.ending = threading.Event()
        self.quiet = threading.Event()
        self._server = server
        self._relay = relay

    def login(self, name: str, caps: str) -> Wire:
        """Comes in, over as many tries as it takes."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._try(name, caps)
            except (AssertionError, OSError):  # the link was cut, or the server killed
                if time.monotonic() > deadline:
                    raise

    def _try(self, name: str, caps: str) -> Wire:
        self.open.wait(PATIENCE)
        wire = Wire(self._relay.address, self._server.ca)
        try:
            wire.register(name, PASSWORD, caps)
        except BaseException:
            wire.close()
            raise
        return wire


class Person(threading.Thread):
    """Says or hears until the run ends; `failure` is what ended it before that."""

    def __init__(self, name: str, way: Way) -> None:
        super().__init__(name=name, daemon=True)
        self.way = way
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.take_part()
        except BaseException as error:
            self.failure = error

    def take_part(self) -> None:
        raise NotImplementedError


class Sender(Person):
    """Keeps IN_FLIGHT messages unacknowledged and releases `acknowledged` for each echo.

    With `repeats` every message has an id, and what is in doubt after a lost link is said again; without, it stays so.
    """

    def __init__(self, name: str, way: Way, seed: int, repeats: bool, acknowledged: threading.Semaphore) -> None:
        super().__init__(name, way)
        self.sent: dict[str, Sending] = {}  # by text
        self.links = 0
        self._chance = random.Random(f"{seed} {name}")
        self._repeats = repeats
        self._acknowledged = acknowledged
        self._under_way: list[str] = []  # texts

    def take_part(self) -> None:
        while self._under_way or not self.way.ending.is_set():
            with self.way.login(self.name, f"{ALL_CAPS} securechat/retry" if self._repeats else ALL_CAPS) as wire:
                self.links += 1
                wire.seen.clear()
                self._talk(wire)
            if not self._repeats:
                self._under_way.clear()

    def _talk(self, wire: Wire) -> None:
        try:
            for text in self._under_way:
                self._send(wire, text)
            while True:
                while len(self._under_way) < IN_FLIGHT and not self.way.ending.is_set():
                    self._send(wire, self._begin())
                if not self._under_way:
                    return
                self._hear(wire.wait_for("PRIVMSG", _is_own))
        except (AssertionError, OSError):  # the link is lost; what came before that counts
            for message in filter(_is_own, wire.until_closed()):
                self._hear(message)

    def _begin(self) -> str:
        text = f"{self.name}-{len(self.sent)}"
        self.sent[text] = Sending(
            self.name, self._chance.choice(CHANNELS), text, time.monotonic(), (), repeated=self._repeats
        )
        self._under_way.append(text)
        return text

    def _send(self, wire: Wire, text: str) -> None:
        sending = self.sent[text]
        self.sent[text] = replace(sending, links=(*sending.links, self.links))
        tags = f"@label={text};+securechat/id={text}" if self._repeats else f"@label={text}"
        wire.send(f"{tags} PRIVMSG {sending.channel} :{text}")

    def _hear(self, echo: Message) -> None:
        assert echo.label is not None
        sending = self.sent[echo.label]
        self.sent[echo.label] = replace(sending, echoes=(*sending.echoes, Echo(echo.tags["msgid"], time.monotonic())))
        self._under_way.remove(echo.label)
        self._acknowledged.release()


def _is_own(message: Message) -> bool:
    return message.command == "PRIVMSG" and message.label is not None


class Listener(Person):
    """Fetches what it missed of every channel, then listens until the link is lost; the last time it only fetches."""

    def __init__(self, name: str, way: Way) -> None:
        super().__init__(name, way)
        self.inside = threading.Event()  # for the first time
        self.presences: dict[str, list[Presence]] = {channel: [] for channel in CHANNELS}
        self.pages = 0

    def take_part(self) -> None:
        while True:
            with self.way.login(self.name, ALL_CAPS) as wire:
                last = self.way.quiet.is_set()  # if not, the link is there to be closed when it is
                closed = self._listen(wire, last)
            self._note(wire.seen, closed)
            if last and len(closed) == len(CHANNELS):
                return

    def _listen(self, wire: Wire, last: bool) -> set[str]:
        """Gives the channels whose gap was closed."""
        closed: set[str] = set()
        try:
            for channel in CHANNELS:
                self._fetch(wire, channel)
                closed.add(channel)
            self.inside.set()
            while not last:
                wire.wait_for()
        except (AssertionError, OSError):  # the link is lost
            wire.until_closed()
        return closed

    def _fetch(self, wire: Wire, channel: str) -> None:
        point = self._last(channel)
        while True:
            page = wire.ask(f"CHATHISTORY AFTER {channel} {point} {PAGE}")
            self.pages += 1
            if refused := [line.params for line in page if line.command == "FAIL"]:
                raise RuntimeError(f"the history was refused: {refused}")
            if len(page) < PAGE:
                return
            point = f"msgid={page[-1].tags['msgid']}"

    def _last(self, channel: str) -> str:
        """The last message that this listener can be sure to have everything before."""
        for presence in reversed(self.presences[channel]):
            if known := merged(presence):
                return f"msgid={known[-1].msgid}"
        return ALWAYS

    def _note(self, seen: Sequence[Message], closed: set[str]) -> None:
        for channel in CHANNELS:
            said = [one for one in seen if one.command == "PRIVMSG" and one.params[0] == channel]
            fetched = tuple(_said(one) for one in said if "batch" in one.tags)
            live = tuple(_said(one) for one in said if "batch" not in one.tags)
            self.presences[channel].append(Presence(fetched, live, channel in closed))


def _said(message: Message) -> Said:
    assert message.source is not None
    return Said(message.tags["msgid"], message.tags["time"], message.source.partition("!")[0], message.params[-1])
