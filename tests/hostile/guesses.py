"""A crowd that guesses at one account's password, while its owner comes and goes; and what time tells about names."""

from __future__ import annotations

import base64
import contextlib
import itertools
import random
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from securechat.config import Limits
from tests.running import PASSWORD, Server
from tests.wire import Wire

OWNER = "owner"
OWNERS_ADDRESS = "127.0.3.1"
OF_ONE = 8  # guessers at a time of one address, which may have 20 connections
AT_ONCE = 100  # in all
LONGEST = 2.0  # seconds of the owner's login
BETWEEN = 0.5  # seconds between two of them

ATTEMPTS = 10  # of one connection, in turn
ACCOUNTS = 4  # that are guessed at, and as many names that no account has
FAIR = (0.40, 0.60)  # of the area under the curve: whoever tells by time which names there are is hardly ever right


@dataclass
class Figures:
    """Of the two halves, before the server was killed and after."""

    bound: int
    checked: int = 0
    refused: int = 0
    logins: list[float] = field(default_factory=list)  # the owner's, in seconds

    @property
    def held(self) -> bool:
        return 0 < self.checked <= self.bound and bool(self.logins) and max(self.logins) <= LONGEST

    def __str__(self) -> str:
        longest = max(self.logins, default=0.0)
        return (
            f"{self.checked} passwords checked (at most {self.bound}), {self.refused} refused; the owner's "
            f"{len(self.logins)} logins meanwhile: longest {longest:.2f} s"
        )


def guess(server: Server, sources: Sequence[str], guesses: int) -> Figures:
    """Guesses from these addresses in turn, in two halves; in between the server is killed and starts again."""
    limits = Limits()
    figures = Figures(limits.guesses_per_address if len(sources) == 1 else limits.guesses_per_account)
    turns = itertools.cycle(sources)
    server.adduser(OWNER)
    _log_in(server)  # makes his address known
    for half in (guesses // 2, guesses - guesses // 2):
        with _owner_comes_and_goes(server, figures), ThreadPoolExecutor(min(OF_ONE * len(sources), AT_ONCE)) as crowd:
            answers = list(crowd.map(lambda source: _is_checked(server, source), itertools.islice(turns, half)))
        figures.checked += sum(answers)
        figures.refused += len(answers) - sum(answers)
        server.kill()
        server.start()
    return figures


def _is_checked(server: Server, source: str) -> bool:
    """Whether the password of this guess was looked at."""
    with server.connect(source=source) as wire:
        wire.authenticate(OWNER, "a wrong one")
        return wire.wait_for(matches=lambda line: line.command in ("FAIL", "904"), within=60).command == "904"


@contextlib.contextmanager
def _owner_comes_and_goes(server: Server, figures: Figures) -> Iterator[None]:
    """He logs in from where he was before, again and again."""
    over = threading.Event()

    def come_and_go() -> None:
        while True:
            figures.logins.append(_log_in(server))
            if over.wait(BETWEEN):
                return

    with ThreadPoolExecutor(1) as owner:
        coming = owner.submit(come_and_go)
        try:
            yield
        finally:
            over.set()
        coming.result()


def _log_in(server: Server) -> float:
    began = time.perf_counter()
    with server.connect(source=OWNERS_ADDRESS) as wire:
        wire.register(OWNER, PASSWORD, "")
        return time.perf_counter() - began


@dataclass
class Times:
    """Seconds from a password to its refusal, and the bytes of it."""

    known: list[float] = field(default_factory=list)
    unknown: list[float] = field(default_factory=list)
    answers: set[bytes] = field(default_factory=set)

    @property
    def area(self) -> float:
        """How often an unknown name takes longer than a known one; 0.5 says nothing. Source: Mann and Whitney's U."""
        pairs = itertools.product(self.unknown, self.known)
        won = sum(1.0 if one > other else 0.5 if one == other else 0.0 for one, other in pairs)
        return won / (len(self.unknown) * len(self.known))

    @property
    def held(self) -> bool:
        return FAIR[0] <= self.area <= FAIR[1] and len(self.answers) == 1

    def __str__(self) -> str:
        return (
            f"{len(self.unknown)} unknown names: median {statistics.median(self.unknown) * 1000:.2f} ms; "
            f"{len(self.known)} wrong passwords: {statistics.median(self.known) * 1000:.2f} ms; "
            f"area under the curve {self.area:.3f}, {len(self.answers)} different answer(s)"
        )


def compare(server: Server, tries: int) -> Times:
    """So many of each kind, in random order; within all limits, for it is not them that is looked at."""
    known = [f"known{number}" for number in range(ACCOUNTS)]
    server.adduser(*known)
    names = [one for number in range(tries) for one in (known[number % ACCOUNTS], f"nobody{number % ACCOUNTS}")]
    random.Random(tries).shuffle(names)
    times = Times()
    for number, start in enumerate(range(0, len(names), ATTEMPTS)):
        with server.connect(source=f"127.0.4.{number % 250 + 1}") as wire:
            for name in names[start : start + ATTEMPTS]:
                seconds = _time(wire, name, times.answers)
                (times.known if name in known else times.unknown).append(seconds)
    return times


def _time(wire: Wire, name: str, answers: set[bytes]) -> float:
    wire.send("AUTHENTICATE PLAIN")
    wire.wait_for("AUTHENTICATE")
    secret = base64.b64encode(f"\0{name}\0a wrong one".encode())
    began = time.perf_counter()
    wire.send_bytes(b"AUTHENTICATE " + secret + b"\r\n")
    answer = wire.sock.recv(4096)
    seconds = time.perf_counter() - began
    answers.add(answer)
    return seconds
