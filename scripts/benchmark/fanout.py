"""What a delivery costs the server, beside the floor in the same minutes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from scripts.benchmark import report, servers, talk
from scripts.benchmark.report import Figure, median_of, median_ratio
from scripts.benchmark.servers import People
from scripts.benchmark.talk import Pair, Run, Talk

TAGGED = "message-tags server-time account-tag"
TURN = 2.0  # seconds
LONE = 1000.0  # us of CPU for a message, whatever its receivers share besides the floor: the goal of 200 members


@dataclass(frozen=True, slots=True)
class Load:
    """Who are there and what they say: `rate` messages a second in all, of `payload` bytes.

    Without a rate as many as come through, each sender with `window` in flight.
    """

    people: People
    rate: float | None
    payload: int = 100
    window: int = 4

    def __str__(self) -> str:
        people = self.people
        where = f"{people.channels} channels of {people.members}" if people.channels > 1 else str(people.members)
        how = f"{people.senders} senders with {self.window} messages" if self.rate is None else f"{self.rate:g} msg/s"
        return f"{where} members, {how} of {self.payload} bytes{' in flight each' if self.rate is None else ''}"

    def talk(self, seconds: float) -> Talk:
        if self.rate is None:
            return functools.partial(talk.closed_loop, window=self.window, seconds=seconds, payload=self.payload)
        return functools.partial(talk.paced, rate=self.rate, seconds=seconds, payload=self.payload)


def _rate(context: click.Context, parameter: click.Parameter, value: str) -> float | None:
    """A number of messages a second, or None for as many as come through."""
    if value == "max":
        return None
    try:
        rate = float(value)
    except ValueError:
        rate = 0.0
    if rate <= 0:
        raise click.BadParameter(f"{value!r} is neither a number above 0 nor max")
    return rate


@click.command()
@click.option("--members", default=1000, show_default=True, help="Who listen in each channel; senders come on top.")
@click.option("--rate", callback=_rate, default="20", show_default=True, help="Messages a second in all, or max.")
@click.option("--seconds", default=8.0, show_default=True, help="Of each run, and as many at the floor.")
@click.option("--payload", default=100, show_default=True, help="Bytes of text.")
@click.option("--runs", default=3, show_default=True, help="Each with new processes.")
@click.option("--senders", default=1, show_default=True, help="In each channel; they hear one another.")
@click.option("--channels", default=1, show_default=True, help="Each with people of its own.")
@click.option("--window", default=4, show_default=True, help="With --rate max: messages each sender has in flight.")
@click.option("--caps", default="", help="Capabilities that everyone asks for.")
@click.option("--mixed", is_flag=True, help="Compare channels with tags, without, and with half of each; no floor.")
@click.pass_obj
def fanout(
    as_json: bool,
    members: int,
    rate: float | None,
    seconds: float,
    payload: int,
    runs: int,
    senders: int,
    channels: int,
    window: int,
    caps: str,
    mixed: bool,
) -> None:
    """CPU for each delivery and how long it takes, every message stored and synced. Takes a minute and a half.

    A delivery is one message to one other member. The floor sends the same bytes to the same crowd with nothing else
    to do: no login, no parsing, no storing. Floor and server take turns of two seconds; the ratio is the median of
    the turns' ratios.

    \b
    The sizes of the goals:
      --members 200 --rate 50
      --members 1000 --rate 20
      --members 200 --senders 4 --rate max
      --channels 100 --members 20 --rate 500
      --members 200 --rate 50 --mixed
    """
    load = Load(People(members, senders, channels), rate, payload, window)
    title = f"fanout: {load}, {seconds:g} s, median of {runs}"
    with servers.certificates() as certificates:
        if mixed:
            if rate is None or (senders, channels) != (1, 1):
                raise click.UsageError("--mixed goes with a rate and one sender in one channel")
            rows = [turn for _ in range(runs) for turn in _mixed_run(certificates, load, seconds)]
            report.show(as_json, f"{title}; tags for all, for none, for half", _mixed_figures(rows), rows)
            return
        pairs = [pair for _ in range(runs) for pair in _run(certificates, load, caps, seconds)]
    report.show(as_json, title, _figures(pairs, load), [pair._asdict() for pair in pairs])


def _run(certificates: Path, load: Load, caps: str, seconds: float) -> list[Pair]:
    with talk.beside_floor(certificates, load.people, [(caps,)]) as both:
        return [both(load.talk(turn)) for turn in turns(seconds)]


def turns(seconds: float) -> list[float]:
    """The lengths of the turns that a run is taken in, so that floor and server have the same weather."""
    count = max(1, round(seconds / TURN))
    return [seconds / count] * count


def _figures(pairs: Sequence[Pair], load: Load) -> list[Figure]:
    floors, ours = [pair.floor for pair in pairs], [pair.server for pair in pairs]
    floor_us, floor_p99 = median_of(floors, "cpu_us"), median_of(floors, "p99_ms")
    reach = _goals(floor_us, floor_p99).get(load, {})
    return [
        Figure("CPU per delivery, floor (us)", floor_us),
        Figure("CPU per delivery, securechat (us)", median_of(ours, "cpu_us"), reach.get("cpu")),
        Figure("ratio to the floor", median_ratio(ours, floors, "cpu_us"), reach.get("ratio")),
        Figure("delivery p50, floor (ms)", median_of(floors, "p50_ms")),
        Figure("delivery p50, securechat (ms)", median_of(ours, "p50_ms")),
        Figure("delivery p99, floor (ms)", floor_p99),
        Figure("delivery p99, securechat (ms)", median_of(ours, "p99_ms"), reach.get("p99")),
        Figure("deliveries/s, floor", median_of(floors, "deliveries_s")),
        Figure("deliveries/s, securechat", median_of(ours, "deliveries_s"), reach.get("deliveries"), at_most=False),
        *report.faults(ours),
    ]


def _goals(floor_us: float, floor_p99: float) -> dict[Load, dict[str, float]]:
    return {
        Load(People(200), 50): {"cpu": floor_us + LONE / 200, "p99": 2 * floor_p99},
        Load(People(1000), 20): {"ratio": 1.15, "p99": 1.5 * floor_p99},
        Load(People(200, senders=4), None): {"deliveries": 150_000, "p99": 30},
        Load(People(20, channels=100), 500): {"cpu": 18},
    }


def _mixed_run(certificates: Path, load: Load, seconds: float) -> list[dict[str, Run]]:
    """One server with three channels, each with people of its own, that talk in turn."""
    people = People(load.people.members, channels=3)
    sets = {"plain": ("",), "tagged": (TAGGED,), "mixed": ("", TAGGED)}
    with (
        servers.server(certificates, people.in_channel, channels=people.channels) as server,
        contextlib.closing(talk.gather(server, people, list(sets.values()))) as crowd,
    ):
        return [
            {name: load.talk(turn)(crowd, server.pid, senders=[number]) for number, name in enumerate(sets)}
            for turn in turns(seconds)
        ]


def _mixed_figures(rows: Sequence[dict[str, Run]]) -> list[Figure]:
    plain, tagged, mixed = ([row[name] for row in rows] for name in ("plain", "tagged", "mixed"))
    uniform = [{"cpu_us": (one["cpu_us"] + other["cpu_us"]) / 2} for one, other in zip(plain, tagged, strict=True)]
    return [
        Figure("CPU per delivery, all without tags (us)", median_of(plain, "cpu_us")),
        Figure("CPU per delivery, all with tags (us)", median_of(tagged, "cpu_us")),
        Figure("CPU per delivery, half and half (us)", median_of(mixed, "cpu_us")),
        Figure("half and half to the mean of the uniform ones", median_ratio(mixed, uniform, "cpu_us"), 1.10),
        Figure("delivery p99, all without tags (ms)", median_of(plain, "p99_ms")),
        Figure("delivery p99, all with tags (ms)", median_of(tagged, "p99_ms")),
        Figure("delivery p99, half and half (ms)", median_of(mixed, "p99_ms")),
        *report.faults([*plain, *tagged, *mixed]),
    ]
