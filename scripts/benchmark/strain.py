"""Load beside what is measured, in a process of its own and niced, so that it disturbs the measuring little.

Run as `python -m scripts.benchmark.strain KIND PORT [ARGUMENT...]`. It prints `under way` when it is, goes on until
its standard input ends, and then prints one JSON object: how much it did, how long, and on how much CPU time.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import random
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from scripts.benchmark import servers, visitors
from scripts.benchmark.visitors import HANDSHAKE, Tally, Visitor, Visitors
from tests.running import PASSWORD

NICENESS = 10
LOOK = 0.1  # seconds at most without a look at the standard input
UNDER_WAY = "under way"
MOST_OPEN = 200  # handshakes that wait for the server
PAGE = 100  # messages
PAGE_CAPS = "batch draft/chathistory soju.im/search message-tags server-time account-tag"


@contextlib.contextmanager
def strain(kind: str, port: int, *words: object) -> Iterator[dict[str, Any]]:
    """The load for the time of the block; afterwards the dict holds `done`, `seconds` and `busy`."""
    command = [sys.executable, "-m", "scripts.benchmark.strain", kind, str(port), *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=servers.ROOT
    ) as process:
        try:
            assert process.stdout is not None
            _require(process.stdout.readline().strip() == UNDER_WAY)
            outcome: dict[str, Any] = {}
            yield outcome
            said, _ = process.communicate()
            _require(process.returncode == 0)
            outcome.update(json.loads(said))
        finally:
            process.kill()


def _require(goes_on: bool) -> None:
    if not goes_on:
        raise RuntimeError("the load beside has ended by itself; what it said is above")


def guest(number: int) -> str:
    """The accounts of this load, beside the members of the crowd."""
    return f"guest{number}"


# Each kind yields how much it has done so far, again and again; first when it is under way.


def logins(port: int, at_once: int) -> Iterator[int]:
    """So many on their way in at any time; each logs in once, with the password, and makes room for the next."""
    names = (guest(number) for number in itertools.count())
    done = 0
    with contextlib.closing(Visitors(port)) as load:
        for name in itertools.islice(names, at_once):
            load.send_in(name, visitors.login(name, password=PASSWORD))
        while True:
            yield done
            for visitor in load.serve(LOOK):
                load.dismiss(visitor)
                name = next(names)
                load.send_in(name, visitors.login(name, password=PASSWORD))
                done += 1


def members(port: int, count: int, at_once: int) -> Iterator[int]:
    """The crowd's own accounts come in, so many at a time, and stay."""
    names = map(servers.name_of, range(count))
    inside = 0
    with contextlib.closing(Visitors(port)) as load:
        for name in itertools.islice(names, at_once):
            load.send_in(name, visitors.login(name))
        while True:
            yield inside
            arrived = load.serve(LOOK)
            inside += len(arrived)
            for name in itertools.islice(names, len(arrived)):
                load.send_in(name, visitors.login(name))


def handshakes(port: int, rate: int) -> Iterator[int]:
    """So many a second, each closed again; fewer if the server does not keep up."""
    opened = done = 0
    began = time.monotonic()
    with contextlib.closing(Visitors(port)) as load:
        while True:
            due = began + opened / rate
            if (now := time.monotonic()) >= due and opened - done < MOST_OPEN:
                load.send_in("", HANDSHAKE)
                opened += 1
            for visitor in load.serve(min(max(0.0, due - now), LOOK)):
                load.dismiss(visitor)
                done += 1
            if done:
                yield done


def pages(port: int, readers: int, channel: str, oldest: int, newest: int, apart: int) -> Iterator[int]:
    """Readers that in turn ask for a page from anywhere between two times (milliseconds) and search for something
    that was said there, a word or the beginning of one, each the next as soon as it has one.

    The messages are numbered and `apart` from one another.
    """
    chosen = random.Random(1)  # noqa: S311  the same pages in every run
    ends = Tally(b" BATCH -")
    asked: Counter[str] = Counter()

    def ask(reader: Visitor) -> None:
        asked[reader.name] += 1
        place = chosen.randint(oldest, newest)
        if asked[reader.name] % 2:
            moment = datetime.fromtimestamp(place // 1000, UTC)
            request = f"CHATHISTORY BEFORE {channel} timestamp={moment:%Y-%m-%dT%H:%M:%S}.000Z {PAGE}"
        else:
            number = str((place - oldest) // apart)
            word = number if chosen.random() < 0.5 else f"{number[:3]}*" if len(number) > 2 else number
            request = f"SEARCH text={word};in={channel};limit={PAGE}"
        reader.say(f"{request}\r\n".encode())

    def hear(reader: Visitor, data: bytes) -> None:
        ends.hear(reader, data)
        if ends.counts[reader.name] == asked[reader.name]:
            ask(reader)

    with contextlib.closing(Visitors(port, hear)) as load:
        inside = load.bring(
            map(guest, range(readers)), functools.partial(visitors.login, caps=PAGE_CAPS, password=PASSWORD)
        )
        for reader in inside:
            ask(reader)
        load.serve_until(lambda: ends.all_have(1, inside))
        while True:
            yield ends.counts.total()
            load.serve(LOOK)


KINDS = {"logins": logins, "members": members, "handshakes": handshakes, "pages": pages}


def main(kind: str, *words: str) -> None:
    os.nice(NICENESS)
    load = KINDS[kind](*(int(word) if word.isdigit() else word for word in words))
    first = next(load)
    print(UNDER_WAY, flush=True)
    began, busy, done = time.monotonic(), time.process_time(), first
    while not select.select([sys.stdin], [], [], 0)[0]:
        done = next(load)
    seconds, busy = time.monotonic() - began, time.process_time() - busy
    print(json.dumps({"done": done - first, "seconds": seconds, "busy": busy}))


if __name__ == "__main__":
    main(*sys.argv[1:])
