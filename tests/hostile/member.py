"""What one bad member costs the others, who talk meanwhile, and the server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmark import machine
from tests.hostile.measure import MEMBERS, p99, talk
from tests.hostile.orders import order
from tests.hostile.vandal import NAME
from tests.running import Server

ROOT = Path(__file__).parents[2]
P99 = 0.100  # seconds
GROWTH_KIB = 64 * 1024
QUIET = 3.0  # seconds
UNPAID = 24 * 10  # lines said in one breath with logins that were let in at the same moment


@dataclass(frozen=True)
class Figures:
    quiet: float  # seconds, the p99 of the others' deliveries
    hostile: float
    growth_kib: int  # of the server's memory
    seconds: float  # of the attack
    tried: int  # bytes that the member's sockets took
    stored: int  # of what he said and did
    allowed: float  # at most, by the settings
    logins: int
    gave_way: int  # sessions above his limit
    cuts: int  # of the session that reads nothing

    @property
    def held(self) -> bool:
        fair = self.hostile <= P99 and self.growth_kib <= GROWTH_KIB
        return fair and 0 < self.stored <= self.allowed and self.gave_way > 0 and self.cuts > 0

    def __str__(self) -> str:
        return (
            f"p99 of deliveries: quiet {self.quiet * 1000:.1f} ms, hostile {self.hostile * 1000:.1f}, "
            f"bound {P99 * 1000:.0f}; server memory {self.growth_kib / 1024:+.1f} MiB, bound {GROWTH_KIB / 1024:.0f}\n"
            f"the member in {self.seconds:.0f} s: {self.tried / 2**20:.2f} MiB taken by TCP, {self.stored} "
            f"lines stored of {self.allowed:.0f} allowed; {self.logins} logins, {self.gave_way} sessions gave way, "
            f"the one that does not read was cut {self.cuts} times"
        )


def endure(server: Server, seconds: float) -> Figures:
    """The server runs, with the pace of the defaults."""
    if NAME not in server.accounts:
        server.adduser(NAME, *(f"m{number}" for number in range(MEMBERS)))
    _, token = server.token(NAME)
    with ExitStack() as stack:
        members = [stack.enter_context(server.login(f"m{number}", "")) for number in range(MEMBERS)]
        vandal = stack.enter_context(_vandal(server, token))
        talk(members, 1.0)  # what is slow only once
        quiet = p99(talk(members, QUIET))
        before, began = machine.rss_kib(server.pid), time.monotonic()
        order(vandal, "attack")
        hostile = p99(talk(members, seconds))
        growth = machine.peak_rss_kib(server.pid) - before
        tried, logins, cuts = map(int, order(vandal, "stop").split())
        took = time.monotonic() - began
    limits = server.settings.limits
    return Figures(
        quiet,
        hostile,
        growth,
        took,
        tried,
        _stored(server),
        limits.message_burst + took * limits.messages_per_second + UNPAID,
        logins,
        server.log().count(f"closed {NAME} from 127.0.0.1: too many sessions"),
        cuts,
    )


def _stored(server: Server) -> int:
    with closing(server.open_store()) as database, database.read() as connection:
        query = "SELECT count(*) FROM entry WHERE sender_id = (SELECT id FROM account WHERE name = ?)"
        return int(connection.exec_driver_sql(query, (NAME,)).scalar_one())


@contextmanager
def _vandal(server: Server, token: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.hostile.vandal", str(server.port), str(server.ca), token]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
