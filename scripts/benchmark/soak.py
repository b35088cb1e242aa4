"""Whether half an hour of everything that people do leaves anything behind: memory, threads, open files."""

from __future__ import annotations

import contextlib
import itertools
import statistics
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from scripts.benchmark import machine, report, servers, visitors
from scripts.benchmark.churn import CHANNEL, PAYLOAD, SPEAKERS, Crowd
from scripts.benchmark.report import Figure
from scripts.benchmark.visitors import Steps, Tally, Visitor, Visitors
from securechat.store.database import FILE
from tests.running import PASSWORD, Server
from tests.wire import Wire

ROW = (200, 30.0)  # members and minutes, of the goals
TENTHS = 10  # of the time; of the memory in each the median counts, for a page of history takes some for a moment
SETTLED = 3  # the tenth that a third of the time ends in; from there on memory must not rise
RISE = 2.0  # MiB
BURST = 10  # messages of each speaker, joined: no faster than people may talk
AT_ONCE = 10  # on their way in, all from one address
CAPS = "message-tags server-time batch labeled-response echo-message draft/chathistory soju.im/search"
ASKING = 10  # one of so many reads and searches in a round
ROUND = 4.0  # seconds; the work of one takes half a second
LEAVING = 30.0  # seconds until nobody's connection is left
QUESTIONS = (
    f"CHATHISTORY LATEST {CHANNEL} * 100\r\nCHATHISTORY BEFORE {CHANNEL} timestamp=2199-01-01T00:00:00.000Z 100\r\n"
    f"SEARCH text={'x' * PAYLOAD};in={CHANNEL};limit=50\r\nWHO {CHANNEL}\r\nLIST\r\n"
).encode()
SETTINGS = "[limits]\nlinger = 0.5\n"  # those who left are soon gone


@click.command()
@click.option("--members", default=ROW[0], show_default=True)
@click.option("--minutes", default=ROW[1], show_default=True)
@click.pass_obj
def soak(as_json: bool, members: int, minutes: float) -> None:
    """Memory, threads and files after everything that people do. Takes half an hour.

    A crowd of 200 under the limits that are shipped does a round every four seconds: each joins three of 20 channels,
    ten of them send ten messages at once to #lobby, a quarter hang up and come back, with a password or a token, with
    CHATHISTORY or to be played what they missed; some page in the history and search, somebody guesses a password,
    everyone parts. Memory is taken after each round; its median over a tenth of the time must not rise once a third is
    over. Threads and open files are counted when nobody is there, after a first round and at the end.
    """
    with servers.certificates() as certificates, servers.server(certificates, members, SETTINGS, paced=True) as server:
        run = _soak_run(server, members, minutes * 60)
    tenths = _tenths(run["samples_kib"])
    at_third, *later = [kib / 1024 for kib in tenths[SETTLED:]]
    figures = [
        Figure("RSS after a third of the time (MiB)", at_third),
        Figure("highest tenth after that (MiB)", max(later)),
        Figure("rise (MiB)", max(later) - at_third, RISE if (members, minutes) == ROW else None),
        Figure("highest for a moment (MiB)", max(run["samples_kib"]) / 1024),
        Figure("threads left behind", run["threads"], 0),
        Figure("open files left behind", run["files"], 0),
        Figure("logins", run["logins"]),
        Figure("messages", run["messages"]),
        Figure("rounds", run["rounds"]),
        Figure("of a core, server (%)", run["server_percent"]),
        Figure("of a core, load (%)", run["load_percent"]),
    ]
    report.show(as_json, f"soak: {members} members, {minutes:g} minutes", figures, [run])


def _soak_run(server: Server, members: int, seconds: float) -> dict[str, Any]:
    sockets = _sockets(server.pid)
    _visit(server, members, 0.0)
    before = _left_behind(server.pid, sockets)
    began, cpu, busy = time.monotonic(), machine.cpu_seconds(server.pid), time.process_time()
    crowd, samples = _visit(server, members, seconds)
    took = time.monotonic() - began
    used = machine.cpu_seconds(server.pid) - cpu, time.process_time() - busy
    after = _left_behind(server.pid, sockets)
    return {
        "samples_kib": samples,
        "threads": after[0] - before[0],
        "files": after[1] - before[1],
        "logins": crowd.logins,
        "messages": crowd.rounds * BURST * min(SPEAKERS, members),
        "rounds": crowd.rounds,
        "server_percent": used[0] / took * 100,
        "load_percent": used[1] / took * 100,
    }


def _tenths(samples: Sequence[int]) -> list[float]:
    """The median in each tenth of the time; where there are fewer samples some count more than once."""
    begins = [part * len(samples) // TENTHS for part in range(TENTHS + 1)]
    return [statistics.median(samples[begin : max(begin + 1, end)]) for begin, end in pairwise(begins)]


def _visit(server: Server, members: int, seconds: float) -> tuple[Soakers, list[int]]:
    """Rounds for so long, one at least, and the memory after each. Then all leave."""
    answers = Tally(b" PONG ")
    samples: list[int] = []
    with contextlib.closing(Visitors(server.port, answers.hear)) as load:
        crowd = Soakers(load, answers, members, server)
        began = time.monotonic()
        for number in itertools.count(1):
            crowd.round()
            load.stay(min(began + number * ROUND, began + seconds) - time.monotonic())
            samples.append(machine.rss_kib(server.pid))
            if time.monotonic() - began >= seconds:
                return crowd, samples


class Soakers(Crowd):
    """A crowd that also reads, and that comes in in several ways."""

    def __init__(self, load: Visitors, answers: Tally, members: int, server: Server) -> None:
        self._server = server
        self.logins = 0
        super().__init__(load, answers, members, BURST)

    def round(self) -> None:
        super().round()
        self._read()
        self._guess()

    def _bring(self, names: Iterable[str]) -> list[Visitor]:
        people = self._load.bring(names, self._conversation, AT_ONCE)
        self.logins += len(people)
        return people

    def _conversation(self, name: str) -> Steps:
        caps = self._random.choice((CAPS, CAPS, ""))
        return visitors.login(name, caps=caps, password=self._random.choice((PASSWORD, None)))

    def _read(self) -> None:
        for visitor in self._random.sample(self._people, -(-len(self._people) // ASKING)):
            visitor.say(QUESTIONS)
        self._wait()

    def _guess(self) -> None:
        """Somebody else's password, from an address where nobody is."""
        address = ("127.0.0.1", self._server.port)
        with Wire(address, self._server.ca, source=f"127.0.1.{1 + self.rounds % 250}") as wire:
            wire.send("CAP REQ sasl")
            wire.authenticate(self._random.choice(self._people).name, "a wrong password")
            wire.wait_for("904")


def _left_behind(pid: int, sockets: int) -> tuple[int, int]:
    """Threads and open files, once no connection is left."""
    deadline = time.monotonic() + LEAVING
    while _sockets(pid) > sockets:
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {LEAVING:g} s connections are still open that nobody has")
        time.sleep(0.1)
    return len(list(Path(f"/proc/{pid}/task").iterdir())), len(_files(pid))


def _sockets(pid: int) -> int:
    return sum(file.startswith("socket:") for file in _files(pid))


def _files(pid: int) -> list[str]:
    """What each of the process's descriptors is, without those of the store: it opens a connection when it needs one
    more, eight at most, and keeps it.
    """
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(link.readlink()))
    return [file for file in found if FILE not in file]
