"""What a crowd is made to say, at a rate, in a closed loop or in a burst, and what that cost the server."""

from __future__ import annotations

import contextlib
import gc
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from scripts.benchmark import machine, servers
from scripts.benchmark.crowd import Channel, Crowd, connect, log_in
from scripts.benchmark.servers import Floor, People
from tests.running import Server

Run = dict[str, Any]
Caps = Sequence[str]  # of the audiences of one channel


class Talk(Protocol):
    def __call__(self, crowd: Crowd, pid: int, /, *, senders: Sequence[int] | None = None) -> Run:
        """Have the senders, or those named, talk to the rest; `pid` serves them."""


class Pair(NamedTuple):
    floor: Run
    server: Run


PLAIN: Caps = ("",)
QUIET = 1.2  # seconds; a server that has just started announces arrivals once a second
PATIENCE = 10.0  # seconds for the last deliveries
PROBE_BYTES = 100


def gather(server: Server, people: People, caps: Sequence[Caps] = (PLAIN,)) -> Crowd:
    """Everyone logged in and listening, each sender's first message behind it; the server has an account for each.

    `caps` are the capabilities that are asked for, in each channel in its turn; more than one set of them divides
    the members evenly.
    """
    channels = []
    for number in range(people.channels):
        first = number * people.in_channel
        names = [servers.name_of(first + person) for person in range(people.in_channel)]
        senders, members = names[: people.senders], names[people.senders :]
        sets = caps[number % len(caps)]
        audiences = [_sockets(server, members[nth :: len(sets)], wanted) for nth, wanted in enumerate(sets)]
        channels.append(Channel(servers.channel_of(number), _sockets(server, senders, sets[0]), audiences))
    crowd = Crowd(channels)
    crowd.settle(QUIET)
    return _warm(crowd)


def _sockets(server: Server, names: Sequence[str], caps: str) -> list[Any]:
    return [wire.sock for wire in log_in(("127.0.0.1", server.port), server.ca, names, caps)]


def gather_at_floor(floor: Floor, people: People) -> Crowd:
    """The same crowd at the floor, which knows no logins."""
    channels = []
    for number in range(people.channels):
        sockets = connect(floor.port, floor.ca, people.in_channel)
        channels.append(Channel(servers.channel_of(number), sockets[: people.senders], [sockets[people.senders :]]))
    return _warm(Crowd(channels))


def _warm(crowd: Crowd) -> Crowd:
    for sender in crowd.senders:
        crowd.say(sender, PROBE_BYTES)
    crowd.read_all(PATIENCE)
    if crowd.lost:
        raise RuntimeError(f"of {crowd.expected} first deliveries {crowd.received} came")
    return crowd


@contextlib.contextmanager
def beside_floor(
    certificates: Path, people: People, caps: Sequence[Caps] = (PLAIN,)
) -> Iterator[Callable[[Talk], Pair]]:
    """The same crowd at a server of ours and at the floor. Gives what has them talk, first there, then here."""
    with (
        servers.server(certificates, people.in_channel, channels=people.channels) as server,
        contextlib.closing(gather(server, people, caps)) as ours,
        servers.floor(certificates, people, ours.added_bytes) as floor,
        contextlib.closing(gather_at_floor(floor, people)) as other,
    ):
        yield lambda talk: Pair(talk(other, floor.pid), talk(ours, server.pid))


def paced(
    crowd: Crowd, pid: int, rate: float, seconds: float, payload: int, senders: Sequence[int] | None = None
) -> Run:
    """`rate` messages of `payload` bytes a second, in all; the senders take turns."""
    speaking = crowd.senders if senders is None else senders
    with _measuring(crowd, pid) as run:
        began = time.monotonic()
        for nth in range(max(1, round(rate * seconds))):
            crowd.say(speaking[nth % len(speaking)], payload)
            crowd.read(began + (nth + 1) / rate - time.monotonic())
        crowd.read_all(PATIENCE)
    return run


def paced_while(crowd: Crowd, pid: int, rate: float, goes_on: Callable[[], bool], payload: int) -> Run:
    """The first sender says `rate` messages a second for as long as something goes on, one at least."""
    with _measuring(crowd, pid) as run:
        began = time.monotonic()
        for nth in itertools.count(1):
            crowd.say(0, payload)
            crowd.read(began + nth / rate - time.monotonic())
            if not goes_on():
                break
        crowd.read_all(PATIENCE)
    return run


def closed_loop(
    crowd: Crowd, pid: int, window: int, seconds: float, payload: int, senders: Sequence[int] | None = None
) -> Run:
    """Each sender keeps `window` messages in flight: the next leaves when one has reached everyone."""
    with _measuring(crowd, pid) as run:
        deadline = time.monotonic() + seconds
        for sender in crowd.senders if senders is None else senders:
            for _ in range(window):
                crowd.say(sender, payload)
        while (left := deadline - time.monotonic()) > 0:
            crowd.read_once(left)
            while crowd.finished:
                crowd.say(crowd.finished.popleft(), payload)
        crowd.read_all(PATIENCE)
    return run


def burst(crowd: Crowd, pid: int, count: int, payload: int) -> Run:
    """Every sender says `count` messages at once; no latencies."""
    with _measuring(crowd, pid, timed=False) as run:
        for sender in crowd.senders:
            crowd.say(sender, payload, count)
        crowd.read_all(PATIENCE)
    return run


@contextlib.contextmanager
def _measuring(crowd: Crowd, pid: int, *, timed: bool = True) -> Iterator[Run]:
    """Fills the run when the block is done."""
    run: Run = {}
    crowd.start(timed=timed)
    gc.collect()
    gc.disable()  # or the load would stop for milliseconds
    try:
        began, own, cpu = time.monotonic(), time.process_time(), machine.cpu_seconds(pid)
        yield run
        took, own, used = time.monotonic() - began, time.process_time() - own, machine.cpu_seconds(pid) - cpu
    finally:
        gc.enable()
    run |= {
        "deliveries": crowd.received,
        "seconds": took,
        "deliveries_s": crowd.received / took,
        "cpu_us": used / crowd.received * 1e6,
        "load_percent": own / took * 100,
        "lost": crowd.lost,
        "out_of_order": crowd.out_of_order,
    }
    if timed:
        latencies = sorted(crowd.latencies)
        run |= {"p50_ms": latencies[len(latencies) // 2] * 1e3, "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3}
