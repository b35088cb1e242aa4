"""The core without sockets and threads: real handlers, real delivery, a real store, committed to within the call.

`Writer` decides how a commit ends, `Fault` makes a handler raise at any of its lines.
"""

from __future__ import annotations

import base64
import re
import resource
import shutil
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from securechat import config
from securechat.auth import passwords
from securechat.auth.throttle import Throttle
from securechat.auth.verifier import CertificateVerifier, DeviceTokens, InviteVerifier, Verifier
from securechat.chat.directory import Directory
from securechat.protocol.http import Request
from securechat.protocol.lines import read_line
from securechat.server import accounts, burst, missed, presence
from securechat.server.core import Core
from securechat.server.delivery import deliver
from securechat.server.dispatch import dispatch
from securechat.server.items import Answer, Asked, Gone, Item, Resume, Said, Tick
from securechat.server.reading import StoredHistory
from securechat.server.sending import CHOKED
from securechat.server.services import READS, Services
from securechat.server.session import Session, Stage
from securechat.server.storage import settle
from securechat.server.turn import Turn
from securechat.store import changes, channels, history, login_failures, snapshot
from securechat.store import writer as store
from securechat.store.accounts import Accounts, NewAccount
from securechat.store.certificates import Certificates
from securechat.store.database import FILE, open_database
from securechat.store.errors import CommitUncertain, StoreBusy, StoreError
from securechat.store.invites import Invites
from securechat.store.rows import AccountChanged, Entry, Row, Snapshot
from securechat.store.tokens import Tokens
from securechat.store.totp import Factors
from securechat.store.upkeep import upkeep
from tests.running import PASSWORD, ROUNDS
from tests.wire import ALL_CAPS

SETTINGS = config.Settings(auth=config.Auth(bcrypt_rounds=ROUNDS), store=config.Store(timeout=0.2, durability="normal"))
HASH = passwords.hash(PASSWORD, ROUNDS)
PASSWD = "PASSWD " + base64.b64encode(f"{PASSWORD}\0quite another battery".encode()).decode()
START = 1_700_000_000.0
IN_A_YEAR = int(START * 1000) + 365 * 24 * 3600 * 1000
RANDOM = re.compile(r"msgid=[^; ]+|(?<= #lobby )[\w-]{20}(?= |$)")


@contextmanager
def no_growing_files() -> Iterator[None]:
    """COMMIT itself fails: it cannot write to the WAL."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


class Writer:
    """The real one, with commits that end as `outcomes` says: kept, failed, or an error with either behind it."""

    def __init__(self, real: store.Writer) -> None:
        self._real = real
        self.outcomes: deque[str] = deque()  # of the next commits; empty: all are kept
        self.commits: Counter[str] = Counter()

    def commit(self, rows: Sequence[Row]) -> int:
        outcome = self.outcomes.popleft() if self.outcomes else "kept"
        self.commits[outcome] += 1
        if outcome == "failed":
            raise StoreBusy("made to fail before the commit")
        with no_growing_files() if outcome == "uncertain, lost" else nullcontext():
            newest = self._real.commit(rows)
        if outcome == "uncertain, kept":
            raise CommitUncertain("made to fail behind the commit", newest)
        return newest

    def holds(self, rows: Sequence[Row]) -> bool:
        return self._real.holds(rows)

    def changed(self) -> list[AccountChanged]:
        return self._real.changed()

    def keep_up(self) -> bool:
        return self._real.keep_up()

    def close(self) -> None:
        self._real.close()


class Peer:
    """One client: its session, and what was sent to it since the last `take`; while it does not read, that waits."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.received: list[bytes] = []
        self.outbox: list[bytes] = []
        self.reads = True
        self.opened = False
        self.closed: str | None = None

    def take(self) -> list[str]:
        lines = b"".join(self.received).decode().splitlines()
        self.received.clear()
        return lines


class CoreRun:
    """A core over a copy of the database `template`; `now` is its clock."""

    def __init__(self, template: Path, folder: Path, settings: config.Settings = SETTINGS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template, folder / FILE)
        self.settings = settings
        self.now = START
        self.database = open_database(folder, SETTINGS.store)
        self.accounts = Accounts(self.database, SETTINGS.channels.autojoin)
        with self.database.write() as connection:
            channels.ensure(connection, SETTINGS.channels.autojoin)
            seen = changes.newest_id(connection)
        self.writer = Writer(store.Writer(self.database, after=seen, upkeep=upkeep(SETTINGS.history)))
        self.tokens = Tokens(self.database)
        self.invites = Invites(self.database, SETTINGS.channels.autojoin)
        self.certificates = Certificates(self.database)
        self.factors = Factors(self.database)
        services = Services(
            Verifier(self.accounts, self.factors, settings.auth, lambda: self.now),
            DeviceTokens(self.tokens, lambda: self.now),
            InviteVerifier(self.invites, lambda: self.now),
            CertificateVerifier(self.certificates),
            StoredHistory(self.database),
            lambda reason, address: None,
            str,
        )
        self.core = Core(self.fresh(), self.fresh_throttle(), settings, services, lambda: self.now)
        self.waiting: deque[Item] = deque()
        self.peers: list[Peer] = []
        self.jobs_started = 0
        self.reading_fails_with: Exception | None = None  # for as long as it is set
        self.checking_fails_with: Exception | None = None  # passwords; the same
        self.now += presence.QUIET_TIME + 1

    def close(self) -> None:
        self.writer.close()
        self.database.close()

    def __enter__(self) -> CoreRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What happens

    def connect(self, source: str = "127.0.0.1") -> Peer:
        peer = Peer(Session(source))
        peer.session.link = peer  # opaque to the core; delivery gives it back to us
        self.peers.append(peer)
        return peer

    def connect_as(self, name: str, caps: str = ALL_CAPS, secret: str = PASSWORD, *, source: str = "127.0.0.1") -> Peer:
        """A logged-in peer; it and the others still have what they were sent at its arrival."""
        peer = self.connect(source)
        self.say(peer, *registration(name, caps, secret), "CAP END")
        assert peer.session.stage is Stage.ADMITTED, peer.take()
        return peer

    def login(self, name: str, caps: str = ALL_CAPS, secret: str = PASSWORD, *, source: str = "127.0.0.1") -> Peer:
        peer = self.connect_as(name, caps, secret, source=source)
        for one in self.peers:
            one.take()
        return peer

    def say(self, peer: Peer, *lines: str) -> None:
        self.queue(peer, *lines)
        self.run()

    def ask(self, request: Request) -> str:
        """What a peer that speaks HTTP is answered."""
        peer = self.connect()
        self.waiting.append(Asked(peer.session, request))
        self.run()
        assert peer.closed is not None
        return b"".join(peer.received).decode()

    def queue(self, peer: Peer, *lines: str) -> None:
        for line in lines:
            message = read_line(line.encode())
            assert message is not None
            self.waiting.append(Said(peer.session, message))

    def drop(self, peer: Peer) -> None:
        """The connection is lost, and nobody comes back in time."""
        self.lose(peer)
        self.pass_(SETTINGS.limits.linger)

    def lose(self, peer: Peer) -> None:
        peer.session.note_handed(self.core.directory.newest)
        peer.session.link = None
        self.waiting.append(Gone(peer.session, "closed by the peer"))
        self.run()

    def read(self, peer: Peer) -> None:
        """It takes what is waiting for it."""
        peer.received += peer.outbox
        peer.outbox.clear()
        if peer.opened:
            peer.session.handed = None
        peer.session.choked = False
        self.waiting.append(Resume(peer.session))
        self.run()

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.waiting.append(Tick())
        self.run()

    def look(self) -> None:
        """Take over what administrators wrote."""
        self.waiting.extendleft(reversed(self.writer.changed()))
        self.run()

    def keep_up(self) -> None:
        """What the store thread does while no turn comes."""
        while self.writer.keep_up():
            pass

    def run(self) -> None:
        """Turns until nothing waits; what each is sent is in its peer then."""
        while self.waiting:
            self.step()

    def step(self) -> None:
        """One turn."""
        turn = self.core.turn(self.waiting)
        newest = settle(self.writer, turn.rows) if turn.rows else None
        if isinstance(newest, StoreError):
            turn, newest = self.core.again(turn, newest), None
            assert not turn.rows
        self._stands(turn, newest)

    def _stands(self, turn: Turn, newest: int | None) -> None:
        for job in turn.jobs:
            self.jobs_started += 1
            failure = self.reading_fails_with if job.pool == READS else self.checking_fails_with
            self.waiting.append(Answer(job, failure or _result(job.work)))
        deliver(turn.output, self._send)
        self.core.settled(turn, newest)
        for session in turn.opened:
            if session.link is not None:
                session.link.opened = True
                session.handed = None if not session.link.outbox else session.handed
        self.waiting.extend(map(Resume, turn.unfinished))
        for session, reason in turn.closing:
            session.note_handed(self.core.directory.newest)
            if session.link is not None:
                session.link.closed = reason
                session.link = None
                self.waiting.append(Gone(session, reason))

    def _send(self, peer: Any, pieces: tuple[bytes, ...]) -> None:
        if peer.reads:
            peer.received += pieces
        else:
            peer.outbox += pieces
            peer.session.choked = sum(map(len, peer.outbox)) >= CHOKED
            peer.session.note_handed(self.core.directory.newest)

    # What is so now

    def fresh(self) -> Directory:
        """A directory as a server that starts now would load it."""
        return Directory.load(self.stored(), SETTINGS.server.network, SETTINGS.channels.autojoin)

    def fresh_throttle(self) -> Throttle:
        with self.database.read() as connection:
            return Throttle(self.settings.limits, login_failures.load(connection))

    def stored(self) -> Snapshot:
        with self.database.read() as connection:
            return snapshot.load(connection)

    def texts(self, target: str = "#lobby") -> list[str]:
        return [entry.text for entry in self.entries(target)]

    def entries(self, target: str, *kinds: str) -> list[Entry]:
        """What the store has of a target; messages unless other kinds are asked for."""
        with self.database.read() as connection:
            return history.latest(connection, target, 10_000, kinds=kinds or history.MESSAGES)

    def msgid(self, text: str, target: str) -> str:
        """Of the only message with this text."""
        [found] = [entry.msgid for entry in self.entries(target) if entry.text == text]
        return found

    def held(self) -> Snapshot:
        return self.core.directory.snapshot()

    def state(self) -> object:
        """Everything that the core holds, stored or not, for comparisons."""
        directory = self.core.directory
        people = {
            ident: (
                _numbers(p.sessions),
                _keys(p.channels),
                p.away,
                p.present,
                p.bot,
                p.realname if p.present else None,
                p.revoked,
                p.totp_step,
            )
            for ident, p in directory.people.items()
        }
        rooms = {c.key: (_ids(c.invited), _ids(c.unannounced)) for c in directory.channels.values()}
        names = {key: person.id for key, person in directory.names.items()}
        sessions = [_session_state(peer.session) for peer in self.peers]
        present = (
            _ids(directory.present),
            dict(directory.lingering),
            dict(directory.watchers),
            _numbers(directory.opers),
            (dict(directory.failures), directory.failures_since),
        )
        guesses = dict(self.core.throttle.accounts), dict(self.core.throttle.networks)
        return directory.snapshot(), people, rooms, names, present, set(directory.redacted), sessions, guesses


def make_template(folder: Path, admin: str = "ada", members: Sequence[str] = ("bob", "cyd", "dot")) -> Path:
    """A database with these accounts, to make CoreRuns of."""
    database = open_database(folder, config.Store())
    people = [NewAccount(admin, HASH, "admin"), *(NewAccount(name, HASH) for name in members)]
    Accounts(database, SETTINGS.channels.autojoin).add_all(people)
    database.close()
    return folder / FILE


def registration(login: str, caps: str = ALL_CAPS, secret: str = PASSWORD) -> tuple[str, ...]:
    """What a client says up to its admission, without the CAP END that brings it; `login` may be `name@device`."""
    response = base64.b64encode(f"\0{login}\0{secret}".encode()).decode()
    name = login.partition("@")[0]
    opening = ("CAP LS 302", f"NICK {name}", f"USER {name} 0 * :{name.title()} Test", f"CAP REQ :sasl {caps}".rstrip())
    return (*opening, "AUTHENTICATE PLAIN", f"AUTHENTICATE {response}")


def plain(lines: Sequence[str]) -> list[str]:
    """Lines without what is random in them; the order of names in a 353 is nobody's promise."""
    return [_sorted_names(RANDOM.sub("msgid=?", line)) for line in lines]


def _sorted_names(line: str) -> str:
    head, found, words = line.partition(" :")
    if " 353 " not in line or not found:
        return line
    return f"{head} :{' '.join(sorted(words.split()))}"


def _result(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:
        return error


def _ids(people: Any) -> set[int]:
    return {person.id for person in people}


def _keys(some: Any) -> set[str]:
    return {channel.key for channel in some}


def _numbers(sessions: Any) -> set[int]:
    return {id(session) for session in sessions}


def _session_state(session: Session) -> object:
    left_out = ("link", "strikes", "registration")
    registering = session.registration
    said = registering and [getattr(registering, name) for name in registering.__slots__]
    values = [getattr(session, name) for name in session.__slots__ if name not in left_out]
    return [dict(value) if isinstance(value, dict) else value for value in values], said


def _session(frame: FrameType) -> object:
    """Whose item it is that this frame handles."""
    given = frame.f_locals
    return given["answer"].session if "answer" in given else given.get("session")


class Broken(Exception):
    """What a Fault raises."""


class Fault:
    """Makes the `number`-th line that a handler runs raise; `fired` says whether it ran that many.

    A tracing function that raises does so in the traced line's place, so the code under test is as it is. Lines of
    the server and of the chat count, from an item's handler down; those that open and undo a turn do not.
    """

    FOLDERS = (
        str(Path(dispatch.__code__.co_filename).parent),
        str(Path(sys.modules[Directory.__module__].__file__).parent),
    )
    ENTRIES = frozenset(
        handler.__code__
        for handler in (
            *(dispatch, presence.lost, presence.end, presence.announce, accounts.changed, Core._answered),
            *(burst.rejoin, missed.find, missed.keep),
        )
    )

    def __init__(self, number: int, *, of: Session | None = None, within: Callable[..., object] | None = None) -> None:
        self.left = number
        self._of = of  # whose items alone count
        self._entries = self.ENTRIES if within is None else {within.__code__}
        self.fired = False
        self.where = ""
        self._entry: FrameType | None = None

    def __enter__(self) -> Fault:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        code: CodeType = frame.f_code
        if self.fired or not code.co_filename.startswith(self.FOLDERS):
            return None
        if self._entry is None and code in self._entries and self._of in (None, _session(frame)):
            self._entry = frame
        return self._traced if self._entry is not None else None

    def _traced(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "return" and frame is self._entry:
            self._entry = None
        elif event == "line" and not self.fired:
            self.left -= 1
            if not self.left:
                self.fired = True
                self.where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise Broken(self.where)
        return self._traced
