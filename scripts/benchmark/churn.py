"""Whether memory comes back: people join, part, come back and talk in bursts, for minutes."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterable
from typing import Any

import click

from scripts.benchmark import machine, report, servers
from scripts.benchmark.report import Figure
from scripts.benchmark.visitors import Tally, Visitor, Visitors
from tests.running import Server

ROW = (200, 10.0)  # members and minutes, of the goals
CHANNEL = servers.channel_of(0)
CHANNELS = 20
JOINS = 3  # channels that each one joins in a round
RECONNECTING = 4  # one of so many, in a round
SPEAKERS = 10
BURST = 50  # messages of each speaker, joined
PAYLOAD = 100  # bytes of text
QUIET = 0.5  # seconds before memory is taken
SAMPLES = 10  # of memory, over the whole time


@click.command()
@click.option("--members", default=ROW[0], show_default=True)
@click.option("--minutes", default=ROW[1], show_default=True)
@click.pass_obj
def churn(as_json: bool, members: int, minutes: float) -> None:
    """Memory after minutes of joins, parts, reconnects and bursts. Takes ten minutes.

    A crowd of 200 does the same round over and over: each joins three of 20 channels, ten of them send 50 messages
    each at once to #lobby, a quarter hang up and come back, everyone parts. The server's memory is taken after a first
    round and after the last, with everyone there and nobody speaking.
    """
    with servers.certificates() as certificates, servers.server(certificates, members) as server:
        run = _churn_run(server, members, minutes * 60)
    growth = (run["end_kib"] / run["start_kib"] - 1) * 100
    figures = [
        Figure("RSS after the first round (MiB)", run["start_kib"] / 1024),
        Figure("RSS after the last (MiB)", run["end_kib"] / 1024),
        Figure("growth (%)", growth, 15 if (members, minutes) == ROW else None),
        Figure("highest between rounds (MiB)", max(run["samples_kib"]) / 1024),
        Figure("rounds", run["rounds"]),
    ]
    report.show(as_json, f"churn: {members} members, {minutes:g} minutes", figures, [run])


def _churn_run(server: Server, members: int, seconds: float) -> dict[str, Any]:
    answers = Tally(b" PONG ")
    with contextlib.closing(Visitors(server.port, answers.hear)) as load:
        crowd = Crowd(load, answers, members)
        crowd.round()
        load.stay(QUIET)
        samples = [machine.rss_kib(server.pid)]
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            crowd.round()
            if passed >= len(samples) / SAMPLES * seconds:
                samples.append(machine.rss_kib(server.pid))
        load.stay(QUIET)
        end = machine.rss_kib(server.pid)
    return {"start_kib": samples[0], "end_kib": end, "samples_kib": [*samples, end], "rounds": crowd.rounds}


class Crowd:
    """Who does it; each part of a round ends when the server has done all of it.

    A speaker says `burst` messages at once.
    """

    def __init__(self, load: Visitors, answers: Tally, members: int, burst: int = BURST) -> None:
        self._load = load
        self._answers = answers
        self._asked = 0
        self._random = random.Random(1)  # noqa: S311  the same in every run
        self._people = self._bring(map(servers.name_of, range(members)))
        self._lines = burst
        self.rounds = 0

    def round(self) -> None:
        joined = [self._random.sample(range(CHANNELS), JOINS) for _ in self._people]
        self._each(f"JOIN {_list(channels)}" for channels in joined)
        self._burst()
        self._reconnect()
        self._each(f"PART {_list(channels)}" for channels in joined)
        self.rounds += 1

    def _bring(self, names: Iterable[str]) -> list[Visitor]:
        return self._load.bring(names)

    def _each(self, lines: Iterable[str]) -> None:
        for visitor, line in zip(self._people, lines, strict=True):
            visitor.say(f"{line}\r\n".encode())
        self._wait()

    def _burst(self) -> None:
        text = f"PRIVMSG {CHANNEL} :{'x' * PAYLOAD}\r\n".encode()
        for visitor in self._random.sample(self._people, min(SPEAKERS, len(self._people))):
            visitor.say(text * self._lines)
        self._wait()

    def _reconnect(self) -> None:
        """The places in the crowd stay: who comes back is a member of the same channels."""
        places = self._random.sample(range(len(self._people)), len(self._people) // RECONNECTING)
        for place in places:
            self._load.dismiss(self._people[place])
        back = {visitor.name: visitor for visitor in self._bring(self._people[place].name for place in places)}
        for place in places:
            self._people[place] = back[self._people[place].name]
        self._wait()

    def _wait(self) -> None:
        """Until everyone has an answer to what is said last."""
        self._asked += 1
        for visitor in self._people:
            visitor.say(b"PING churn\r\n")
        self._load.serve_until(lambda: self._answers.all_have(self._asked, self._people))


def _list(channels: Iterable[int]) -> str:
    return ",".join(f"#churn{number}" for number in channels)
