"""What a siege by strangers costs those who log in meanwhile, and the server."""

from __future__ import annotations

import ipaddress
import itertools
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.benchmark import machine
from securechat.auth import passwords
from securechat.config import Limits
from securechat.store.accounts import Accounts, NewAccount
from tests.hostile.measure import COST
from tests.running import PASSWORD, Server

ROOT = Path(__file__).parents[2]
LISTENING = "0A"  # the state of a socket in /proc/net/tcp
KIB_EACH = 32
AT_THE_DOOR = 1  # just accepted: who makes room for it is closed next
LOOK = 2.0  # seconds between two looks at who is inside; the server stands while one takes its tenth of a second
BETWEEN = 0.25  # seconds between two logins


@dataclass(frozen=True)
class Plan:
    strangers: int = 10_000
    addresses: int = 1250
    rate: float = 500.0  # of their coming, a second; they take as much CPU of this machine as the server does
    limits: Limits = field(default_factory=Limits)


@dataclass
class Figures:
    plan: Plan
    logins: list[float] = field(default_factory=list)  # seconds, under siege
    refused: int = 0
    most: int = 0  # strangers inside at once
    most_of_address: int = 0
    rss_kib: float = 0.0  # that the server grew by for each stranger
    came: float = 0.0  # seconds in which all came
    kept: float = 0.0  # seconds that the most patient one was kept
    gone: float = 0.0  # seconds from the last one's coming until the server had none

    @property
    def held(self) -> bool:
        limits = self.plan.limits
        return (
            not self.refused
            and self.p95 <= 1.0
            and max(self.logins) <= 5.0
            and self.most <= limits.unauthenticated + AT_THE_DOOR
            and self.most_of_address <= limits.unauthenticated_per_address + AT_THE_DOOR
            and self.rss_kib <= KIB_EACH
            and max(self.kept, self.gone) <= limits.registration_timeout
        )

    @property
    def p95(self) -> float:
        return sorted(self.logins)[int(len(self.logins) * 0.95)]

    def __str__(self) -> str:
        return (
            f"{self.plan.strangers} strangers from {self.plan.addresses} addresses came in {self.came:.1f} s; "
            f"inside at once {self.most}, of one address {self.most_of_address}\n"
            f"{len(self.logins)} logins under siege, of cost {COST}: median {statistics.median(self.logins):.3f} s, "
            f"p95 {self.p95:.3f}, longest {max(self.logins):.3f}, refused {self.refused}\n"
            f"server memory for each {self.rss_kib:.1f} KiB; the last was gone {self.gone:.1f} s after it had come, "
            f"none was kept longer than {self.kept:.1f} s"
        )


def besiege(server: Server, plan: Plan) -> Figures:
    """The server runs, with `plan.limits`."""
    figures = Figures(plan)
    names = _newcomers(server, 400)
    for name in itertools.islice(names, 3):  # what is slow only once
        _log_in(server, name, "127.2.250.1")
    before = machine.rss_kib(server.pid)
    with _process(server, plan) as strangers, _watch(server, figures, before):
        began = time.monotonic()
        _tell(strangers, f"come {plan.strangers}")
        coming = threading.Thread(target=_answer, args=(strangers,))
        coming.start()
        sources = (f"127.2.{number // 250}.{number % 250 + 1}" for number in itertools.count())
        while coming.is_alive():
            _log_in_under_siege(server, next(names), next(sources), figures)
        last = time.monotonic()
        figures.came = last - began
        while strangers_inside(server).total() and time.monotonic() < last + plan.limits.registration_timeout * 2:
            _log_in_under_siege(server, next(names), next(sources), figures)
        figures.gone = time.monotonic() - last
        _tell(strangers, "left")
        left, kept = _answer(strangers).split()
        assert left == "0", f"{left} strangers do not know that the server closed them"
        figures.kept = float(kept)
    return figures


def _newcomers(server: Server, number: int) -> Iterator[str]:
    """Accounts with a password of the usual cost, each used once: it is hashed anew at the cost of the tests."""
    dear = passwords.hash(PASSWORD, COST)
    people = [NewAccount(f"late{number}", dear) for number in range(number)]
    database = server.open_store()
    try:
        Accounts(database, ()).add_all(people)
    finally:
        database.close()
    return (person.name for person in people)


def _log_in_under_siege(server: Server, name: str, source: str, figures: Figures) -> None:
    began = time.perf_counter()
    try:
        _log_in(server, name, source)
    except (OSError, AssertionError):
        figures.refused += 1
    figures.logins.append(time.perf_counter() - began)
    time.sleep(BETWEEN)  # they come one by one: it is a chat server, and each check takes a quarter of a second


def _log_in(server: Server, name: str, source: str) -> None:
    """From the connection to the welcome, from an address that nobody came from before."""
    with server.connect(source=source) as wire:
        wire.register(name, PASSWORD, "")


@contextmanager
def _process(server: Server, plan: Plan) -> Iterator[subprocess.Popen[str]]:
    words = [str(server.port), str(plan.addresses), str(plan.rate)]
    command = [sys.executable, "-m", "tests.hostile.strangers", *words]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _tell(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words + "\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError("the process of strangers has ended; what it said is above")
    return answer


@contextmanager
def _watch(server: Server, figures: Figures, before: int) -> Iterator[None]:
    """Look all the time how many are inside, and what that costs."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK):
            server.signal(signal.SIGSTOP)  # the list is exact only while nothing moves
            try:
                inside = strangers_inside(server)
            finally:
                server.signal(signal.SIGCONT)
            figures.most = max(figures.most, inside.total())
            figures.most_of_address = max([figures.most_of_address, *inside.values()])
            figures.rss_kib = (machine.peak_rss_kib(server.pid) - before) / max(figures.most, 1)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def strangers_inside(server: Server) -> Counter[str]:
    """By address, the connections that the server has accepted and not closed; source: proc(5), /proc/net/tcp."""
    found: set[str] = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_, inode = line.split()[:10]
        if int(local.partition(":")[2], 16) == server.port and state != LISTENING and inode != "0":
            found.add(remote)
    addresses = Counter(map(_address, found))
    return Counter({address: number for address, number in addresses.items() if address.startswith("127.1.")})


def _address(field: str) -> str:
    return str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(field.partition(":")[0]), "little")))
