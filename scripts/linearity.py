#!/usr/bin/env python3
"""Kill the server and cut people's links at random while they talk, and check the record of it all against a model.

Eight people send to three channels and eight listen; each comes back whenever it has lost the link, and fetches what it
missed. A link is cut behind a random byte, in the middle of a TLS record too. Senders repeat what is in doubt, with its
id, so that it is stored once; with --no-retry it stays in doubt. Then: stored is what was acknowledged, and perhaps
what is in doubt; and every listener's view is the channel's order, without a gap or a double.

Usage, with the repository's .venv: python scripts/linearity.py [--faults 100] [--seed N] [--no-retry] [--record FILE].
Exit status 1 when the record is not linear.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from securechat.server.event import timestamp
from securechat.store.accounts import Accounts
from tests.linearity.checker import Record, Said, check
from tests.linearity.people import CHANNELS, Listener, Person, Sender, Way
from tests.relay import DOWN, UP, Relay
from tests.running import Server, temporary_server

SENDERS = ("ann", "bea", "cyd", "dot", "eve", "fay", "gus", "hal")
LISTENERS = ("ida", "jim", "kay", "leo", "max", "ned", "oda", "pia")
SETTINGS = f'[channels]\nautojoin = {json.dumps(CHANNELS)}\n[limits]\nexempt = ["127.0.0.0/8"]\n'
KILLS = 0.25  # of the faults; the rest cut one link each
FEWEST_ACKNOWLEDGED = 200  # between two faults
LONGEST_DELAY = 0.012  # seconds from then to a kill: several commits long
LONGEST_WAY = 4000  # bytes from then to a cut
PATIENCE = 30.0  # seconds without an acknowledgement, or for somebody to come to an end


@dataclass(frozen=True)
class Run:
    """What was done, and what came of it."""

    record: Record
    kills: int
    cuts: int
    pages: int  # of history


def run(server: Server, faults: int, seed: int, *, repeats: bool = True) -> Run:
    """Let them talk through so many faults; the server is left running. The server's settings are SETTINGS."""
    server.adduser(*SENDERS, *LISTENERS)
    server.start()
    with Relay(server.port) as relay:
        way = Way(server, relay)
        acknowledged = threading.Semaphore(0)
        listeners = [Listener(name, way) for name in LISTENERS]
        senders = [Sender(name, way, seed, repeats, acknowledged) for name in SENDERS]
        way.open.set()
        _begin(listeners, senders)
        kills = _disturb(server, relay, way, acknowledged, faults, random.Random(seed))  # noqa: S311  no secret
        way.ending.set()
        _join(senders)
        way.quiet.set()
        relay.drop()
        _join(listeners)
    presences = {(one.name, channel): one.presences[channel] for one in listeners for channel in CHANNELS}
    sent = [sending for sender in senders for sending in sender.sent.values()]
    record = Record(sent, {channel: _stored(server, channel) for channel in CHANNELS}, presences)
    return Run(record, kills, faults - kills, sum(one.pages for one in listeners))


def _begin(listeners: Sequence[Listener], senders: Sequence[Sender]) -> None:
    for person in listeners:
        person.start()
    for person in listeners:
        if not person.inside.wait(PATIENCE):
            raise AssertionError(f"{person.name} did not come in: {person.failure!r}")
    for person in senders:
        person.start()


def _join(people: Sequence[Person]) -> None:
    for person in people:
        person.join(PATIENCE)
        if person.failure is not None:
            raise person.failure
        if person.is_alive():
            raise AssertionError(f"{person.name} came to no end")


def _disturb(
    server: Server, relay: Relay, way: Way, acknowledged: threading.Semaphore, faults: int, chance: random.Random
) -> int:
    """Gives how many of the faults were kills."""
    kills = [chance.random() < KILLS for _ in range(faults)]
    for is_kill in kills:
        while acknowledged.acquire(blocking=False):  # those from before the last fault
            pass
        for _ in range(FEWEST_ACKNOWLEDGED):
            if not acknowledged.acquire(timeout=PATIENCE):
                raise AssertionError(f"no message was acknowledged for {PATIENCE:g} s")
        if is_kill:
            _kill(server, way, chance.uniform(0, LONGEST_DELAY))
        else:
            _cut(relay, chance)
    return sum(kills)


def _kill(server: Server, way: Way, delay: float) -> None:
    way.open.clear()
    server.kill(delay=delay)
    server.start()
    way.open.set()


def _cut(relay: Relay, chance: random.Random) -> None:
    """Somebody's link, whichever way so many bytes have gone first."""
    link = chance.choice(relay.links())
    for direction in (UP, DOWN):
        link.cut_behind(direction, chance.randrange(LONGEST_WAY))
    if not link.over.wait(PATIENCE):
        raise AssertionError(f"nothing passed a link for {PATIENCE:g} s")


def _stored(server: Server, channel: str) -> list[Said]:
    entries = server.history(channel, limit=10_000_000)
    database = server.open_store()
    try:
        names = {Accounts(database, ()).required(name).id: name for name in SENDERS}
    finally:
        database.close()
    return [Said(one.msgid, timestamp(one.time), names[one.sender], one.text) for one in entries]


def report(run: Run, violations: Sequence[str]) -> str:
    record = run.record
    doubtful = {one.text for one in record.sent if not one.echoes}
    stored = {one.text for channel in record.stored.values() for one in channel}
    presences = [one for each in record.presences.values() for one in each]
    return (
        f"{run.kills} kills and {run.cuts} cut links; {len(record.sent)} messages sent,"
        f" {sum(len(one.links) > 1 for one in record.sent)} of them more than once,"
        f" {len(record.sent) - len(doubtful)} acknowledged, {len(doubtful)} in doubt"
        f" ({len(doubtful & stored)} of them stored), {len(stored)} stored;"
        f" {sum(len(one.live) for one in presences)} shown live and {sum(len(one.fetched) for one in presences)}"
        f" from {run.pages} pages of history, over {len(presences) // len(CHANNELS)} presences;"
        f" violations: {len(violations)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument(
        "--no-retry", action="store_true", help="leave in doubt what was in flight when a link was lost"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write down what was sent, stored and shown, as JSON"
    )
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with temporary_server(SETTINGS) as server:
        done = run(server, options.faults, options.seed, repeats=not options.no_retry)
    if options.record:
        options.record.write_text(as_json(done.record))
    violations = check(done.record)
    for violation in violations:
        print(violation)
    print(report(done, violations))
    return int(bool(violations))


def as_json(record: Record) -> str:
    shown = [
        {"listener": listener, "channel": channel, "presences": [asdict(one) for one in presences]}
        for (listener, channel), presences in record.presences.items()
    ]
    stored = {channel: [asdict(one) for one in entries] for channel, entries in record.stored.items()}
    return json.dumps({"sent": [asdict(one) for one in record.sent], "stored": stored, "shown": shown}, indent=1)


if __name__ == "__main__":
    sys.exit(main())
