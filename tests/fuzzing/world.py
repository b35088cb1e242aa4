"""A whole server without sockets and TLS: peers whose bytes go through lines, turns, the store and delivery."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from securechat import config
from securechat.auth import passwords
from securechat.auth.throttle import Throttle
from securechat.auth.verifier import CertificateVerifier, DeviceTokens, InviteVerifier, Verifier
from securechat.chat.directory import Directory
from securechat.protocol.lines import LineBuffer, Unended, read_line
from securechat.server.core import Core
from securechat.server.delivery import deliver
from securechat.server.items import Answer, Gone, Item, Overdue, Resume, Said, Tick
from securechat.server.job import Job
from securechat.server.reading import StoredHistory
from securechat.server.services import PoolFull, Services
from securechat.server.session import Session, Stage
from securechat.server.turn import Turn
from securechat.store import snapshot
from securechat.store.accounts import Accounts, NewAccount
from securechat.store.certificates import Certificates
from securechat.store.database import open_database
from securechat.store.errors import StoreError
from securechat.store.invites import Invites
from securechat.store.tokens import Tokens
from securechat.store.totp import Factors
from securechat.store.upkeep import upkeep
from securechat.store.writer import Writer
from tests.fuzzing.grammar import PASSWORD, PEOPLE, Grammar
from tests.fuzzing.invariants import Broken, Reader
from tests.wire import ALL_CAPS

CAPS = ("", "message-tags server-time echo-message", "batch labeled-response message-tags account-tag extended-join",
        "labeled-response", "message-tags server-time account-tag echo-message batch labeled-response multi-prefix "
        "extended-join standard-replies draft/chathistory",
        "message-tags server-time batch draft/chathistory draft/event-playback draft/message-redaction "
        "draft/read-marker echo-message", ALL_CAPS, ALL_CAPS)  # fmt: skip
ADMITTED, REGISTERING = 10, 4  # peers at any time
NOTED = {"known_addresses"}  # of the state, what a turn whose commit failed may have changed all the same
STEP = 0.05  # seconds between two turns


class Peer:
    """One connection: `said` is what has not yet reached the server."""

    def __init__(self, session: Session, limit: int) -> None:
        self.session = session
        self.lines = LineBuffer(limit)
        self.reader = Reader()
        self.said = b""
        self.last = b""  # input, for the report
        session.link = cast(Any, self)  # the core never looks inside; delivery hands it to `send`


class Errors(logging.Handler):
    """Errors that the server caught and logged are failures all the same."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(logging.Formatter().format(record))


class World:
    """`throw` gives one input to someone; whatever then breaks raises."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)
        self.grammar = Grammar(self.random)
        self.now = 1_800_000_000.0
        self.settings = config.Settings(auth=config.Auth(bcrypt_rounds=4))
        self.database = open_database(folder, config.Store(durability="normal"))
        self.accounts = Accounts(self.database, self.settings.channels.autojoin)
        hashed = passwords.hash(PASSWORD, 4)
        self.accounts.add_all([NewAccount(name, hashed, "admin" if name == "ada" else "member") for name in PEOPLE])
        self.writer = Writer(self.database, upkeep=upkeep(self.settings.history))
        verifier = Verifier(self.accounts, Factors(self.database), self.settings.auth, lambda: self.now)
        tokens = DeviceTokens(Tokens(self.database), lambda: self.now)
        invites = InviteVerifier(Invites(self.database, ()), lambda: self.now)
        certificates = CertificateVerifier(Certificates(self.database))
        history = StoredHistory(self.database)
        services = Services(verifier, tokens, invites, certificates, history, lambda reason, address: None, str)
        self.core = Core(self._loaded(), Throttle(self.settings.limits), self.settings, services, lambda: self.now)
        self.waiting: deque[Item] = deque(self.writer.changed())
        self.jobs: list[Job] = []
        self.peers: list[Peer] = []
        self.speaker: Peer | None = None

    def close(self) -> None:
        self.writer.close()
        self.database.close()

    def throw(self) -> None:
        self._fill()
        if self.speaker not in self.peers or self.random.random() < 0.5:  # some things take several lines of one peer
            self.speaker = self.random.choice(self.peers)
        self._throw(self.speaker)

    def _throw(self, peer: Peer) -> None:
        peer.last = self.grammar.input()
        peer.said += peer.last
        cut = self.random.randrange(len(peer.said) + 1)
        self._hear(peer, peer.said[:cut])
        peer.said = peer.said[cut:]
        if self.random.random() < 0.15:
            self._happen()
            self.step()

    def drain(self) -> None:
        """Let everything be said, heard and answered."""
        for peer in list(self.peers):
            self._hear(peer, peer.said + b"\r\n")
            peer.said = b""
        self._unchoke()
        while self.waiting or self.jobs:
            self._work(len(self.jobs))
            self.step()

    def step(self) -> None:
        """One turn and what follows from it; now and then its commit fails."""
        self.now += STEP if self.random.random() < 0.99 else -2 * STEP
        turn, newest = self.core.turn(self.waiting), None
        if turn.rows:
            if self.random.random() < 0.03:
                turn = self.core.again(turn, StoreError("made to fail"))
            else:
                newest = self.writer.commit(turn.rows)
        elif self.random.random() < 0.2:
            self.writer.keep_up()
        self.jobs += turn.jobs
        deliver(turn.output, self._send)
        self._settled(turn, newest)
        self.waiting.extend(map(Resume, turn.unfinished))
        self._close(turn)

    def check_state(self) -> None:
        """What the core holds is what a server would load that starts now."""
        self.waiting.extend(self.writer.changed())
        while self.waiting:
            self.step()
        held, stored = self.core.directory.snapshot(), self._loaded().snapshot()
        for field in dataclasses.fields(held):
            ours, theirs = getattr(held, field.name), getattr(stored, field.name)
            if ours != theirs and field.name not in NOTED:
                raise Broken(f"the core's {field.name} are not the store's:\n{ours}\n{theirs}")

    def _loaded(self) -> Directory:
        with self.database.read() as connection:
            everything = snapshot.load(connection)
        return Directory.load(everything, self.settings.server.network, self.settings.channels.autojoin)

    def _fill(self) -> None:
        """As many peers as there should be: a new one for each that has gone."""
        while len(self.peers) < ADMITTED + REGISTERING:
            exempt = self.random.random() < 0.8  # or most logins would end at the limit of guesses
            session = Session(f"127.0.0.{self.random.randrange(1, 255)}", exempt=exempt)
            peer = Peer(session, self.settings.limits.registration_line)
            self.peers.append(peer)
            if sum(one.session.stage is Stage.ADMITTED for one in self.peers) < ADMITTED:
                self._admit(peer)

    def _admit(self, peer: Peer) -> None:
        name = self.random.choice(PEOPLE)
        caps = self.random.choice(CAPS)
        self._hear(peer, f"CAP REQ :sasl {caps}\r\nNICK {name}\r\nUSER u 0 * :{name} é\r\n".encode())
        self._hear(peer, b"AUTHENTICATE PLAIN\r\n")
        self._hear(peer, f"AUTHENTICATE {self.grammar.login(name)}\r\nCAP END\r\n".encode())

    def _hear(self, peer: Peer, data: bytes) -> None:
        """What the loop does with bytes that came."""
        try:
            for line in peer.lines.feed(data):
                message = read_line(line)
                if message is not None:
                    self.waiting.append(Said(peer.session, message))
                    if message.label is not None:
                        peer.reader.labels[message.label] += 1
        except Unended:
            self.waiting.append(Overdue(peer.session, "a line without an end"))

    def _happen(self) -> None:
        """What comes from elsewhere: workers' answers, the clock, lost connections, an administrator."""
        self._work(self.random.randrange(3))
        chance = self.random.random()
        if chance < 0.01:
            peer = self.random.choice(self.peers)
            self._forget(peer)
            self.waiting.append(Gone(peer.session, "closed by the peer"))
        elif chance < 0.02:
            self.waiting.append(Tick())
        elif chance < 0.06:
            self.random.choice(self.peers).session.choked = True
        elif chance < 0.12:
            self._unchoke()
        elif chance < 0.124:
            self.accounts.suspend("dan")
        elif chance < 0.13:
            self.accounts.resume("dan")
        elif chance < 0.134:
            self.accounts.set_role("bob", self.random.choice(("admin", "member")))
        elif chance < 0.25 and self.jobs:
            waits = self.random.choice(self.jobs).session
            if waits.link is not None:
                self.waiting.append(Overdue(waits, "login took too long"))
                self._work(len(self.jobs))
        self.waiting.extend(self.writer.changed())

    def _unchoke(self) -> None:
        for peer in self.peers:
            if peer.session.choked:
                peer.session.choked = False
                self.waiting.append(Resume(peer.session))

    def _work(self, jobs: int) -> None:
        for _ in range(min(jobs, len(self.jobs))):
            job = self.jobs.pop(self.random.randrange(len(self.jobs)))
            result: object
            try:
                result = PoolFull() if self.random.random() < 0.02 else job.work()
            except Exception as error:  # a worker hands it over, too
                result = error
            self.waiting.append(Answer(job, result))

    def _settled(self, turn: Turn, newest: int | None) -> None:
        self.core.settled(turn, newest)
        for session in turn.opened:
            session.handed = None

    def _send(self, link: object, pieces: tuple[bytes, ...]) -> None:
        peer = cast(Peer, link)
        try:
            peer.reader.take(b"".join(pieces))
        except Broken as broken:
            raise Broken(f"{broken}; the last input was {peer.last!r}") from broken
        self.grammar.msgids += peer.reader.msgids
        del self.grammar.msgids[:-50]
        peer.reader.msgids.clear()

    def _close(self, turn: Turn) -> None:
        for peer in [peer for peer in self.peers if any(peer.session is session for session, _ in turn.closing)]:
            if not peer.reader.ended:
                raise Broken("a session was closed without ERROR")
            self._forget(peer)

    def _forget(self, peer: Peer) -> None:
        peer.session.link = None
        self.peers.remove(peer)


@contextlib.contextmanager
def watched() -> Iterator[Errors]:
    """Fail on what the server logs as an error."""
    errors = Errors()
    logger = logging.getLogger("securechat")
    level = logger.level
    logger.addHandler(errors)
    logger.setLevel(logging.ERROR)
    try:
        yield errors
    finally:
        logger.removeHandler(errors)
        logger.setLevel(level)


def run(inputs: int, seed: int, folder: Path) -> World:
    """Throw `inputs` at a world of this seed. Raises what breaks, or Broken."""
    world = World(seed, folder)
    with watched() as errors, contextlib.closing(world):
        for number in range(1, inputs + 1):
            world.throw()
            if errors.found:
                raise Broken(f"input {number}: the server logged an error\n{errors.found[0]}")
            if number % 5000 == 0:
                world.check_state()
        world.drain()
        world.check_state()
    return world
