"""What the others notice of bad peers: how long their messages take and how long a newcomer's login takes."""

from __future__ import annotations

import selectors
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from securechat.auth import passwords
from securechat.store.accounts import Accounts, NewAccount
from tests.hostile.enemy import FLOODER, STALLED
from tests.hostile.orders import order
from tests.running import PASSWORD, Server
from tests.wire import Wire

ROOT = Path(__file__).parents[2]
MEMBERS = 20
RATE = 20.0  # messages a second, in all
LATE = "late"  # log in from an address of their own, with a hash of the default cost; each once, for it is renewed
LATE_ADDRESS = "127.0.2.1"
COST = 12


# Who is cut must be seen to leave at once, not when he might not come back any more: so the enemy counts it.
SETTINGS = {
    "default limits": "[limits]\nlinger = 0\n",
    "limits.exempt": '[limits]\nlinger = 0\nexempt = ["127.0.0.0/8"]\n',
}


@dataclass
class Figures:
    """Seconds: of each pair the p99 of deliveries, and the logins under attack."""

    quiet: list[float] = field(default_factory=list)
    hostile: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)
    logins_cheap: list[float] = field(default_factory=list)
    flooded: int = 0  # bytes sent to the one that never reads
    cuts: int = 0  # how often that one was cut

    @property
    def bound(self) -> float:
        return max(2 * statistics.median(self.quiet), 0.040)

    @property
    def held(self) -> bool:
        return statistics.median(self.hostile) <= self.bound and max(self.logins) < 1.0 and self.cuts > 0

    def __str__(self) -> str:
        def shown(values: list[float]) -> str:
            return " ".join(f"{value * 1000:.1f}" for value in values)

        return (
            f"p99 of deliveries, ms: quiet {shown(self.quiet)}; hostile {shown(self.hostile)}\n"
            f"medians, ms: quiet {statistics.median(self.quiet) * 1000:.1f}, "
            f"hostile {statistics.median(self.hostile) * 1000:.1f}, bound {self.bound * 1000:.1f}\n"
            f"logins under attack, ms: cost {COST} {shown(self.logins)}; cost 4 {shown(self.logins_cheap)}\n"
            f"the reader that never reads: {self.flooded / 2**20:.1f} MiB sent to it, cut {self.cuts} times"
        )


def measure(server: Server, pairs: int, seconds: float) -> Figures:
    """Pairs of quiet and hostile phases, one after the other."""
    prepare(server, pairs)
    figures = Figures()
    with ExitStack() as stack:
        members = [stack.enter_context(server.login(f"m{number}", "")) for number in range(MEMBERS)]
        enemy = stack.enter_context(_enemy(server))
        talk(members, 1.0)  # what is slow only once
        for number in range(pairs):
            figures.quiet.append(p99(talk(members, seconds)))
            order(enemy, "attack")
            figures.logins.append(_login(server, f"{LATE}{number}"))
            figures.logins_cheap.append(_login(server, "m0"))
            figures.hostile.append(p99(talk(members, seconds)))
            sent, cuts = map(int, order(enemy, "stop").split())
            figures.flooded += sent
            figures.cuts += cuts
            for member in members:
                member.sync()
    return figures


def prepare(server: Server, pairs: int) -> None:
    dear = passwords.hash(PASSWORD, COST)
    late = [NewAccount(f"{LATE}{number}", dear, "member") for number in range(pairs)]
    server.adduser(STALLED, FLOODER, *(f"m{number}" for number in range(MEMBERS)))
    database = server.open_store()
    try:
        Accounts(database, ("#lobby",)).add_all(late)
    finally:
        database.close()


@contextmanager
def _enemy(server: Server) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.hostile.enemy", str(server.port), str(server.ca)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _login(server: Server, name: str) -> float:
    """From the connection to the welcome."""
    began = time.perf_counter()
    with server.connect(source=LATE_ADDRESS) as wire:
        wire.register(name, PASSWORD, "")
        return time.perf_counter() - began


def talk(members: list[Wire], seconds: float) -> list[float]:
    """Members speak in turn, RATE times a second; gives how long each line took to each of the others."""
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        for member in members:
            member.sock.setblocking(False)
            selector.register(member.sock, selectors.EVENT_READ, bytearray())
        count = int(seconds * RATE)
        expected = count * (len(members) - 1)
        began = time.perf_counter()
        spoken = 0
        while len(latencies) < expected and time.perf_counter() < began + seconds + 10:
            if spoken < count and time.perf_counter() >= began + spoken / RATE:
                line = f"PRIVMSG #lobby :spoken {time.perf_counter()}\r\n"
                members[spoken % len(members)].sock.sendall(line.encode())
                spoken += 1
            for key, _ in selector.select(0.002):
                sock: ssl.SSLSocket = key.fileobj  # type: ignore[assignment]  # we registered it
                latencies += _spoken(sock, key.data)
    if len(latencies) < expected:
        raise RuntimeError(f"{expected - len(latencies)} of {expected} lines were not delivered")
    return latencies


def _spoken(sock: ssl.SSLSocket, buffer: bytearray) -> list[float]:
    """The ages of the lines that have come."""
    try:
        while data := sock.recv(65536):
            buffer += data
    except ssl.SSLWantReadError:
        pass
    now = time.perf_counter()
    *lines, rest = bytes(buffer).split(b"\n")
    buffer[:] = rest
    return [now - float(line.rpartition(b" ")[2]) for line in lines if b":spoken " in line]


def p99(latencies: list[float]) -> float:
    return sorted(latencies)[int(len(latencies) * 0.99)]
