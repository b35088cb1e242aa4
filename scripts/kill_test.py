#!/usr/bin/env python3
"""Kill a busy server with SIGKILL again and again: what was acknowledged or shown must be there after each restart.

Usage, with the repository's .venv: python scripts/kill_test.py [--kills 50] [--seed N]. Exit status 1 on a violation.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from securechat.protocol.message import Message
from tests.running import Server, temporary_server
from tests.wire import Wire

CHANNEL = "#lobby"
SENDERS = ("ann", "bea", "cyd", "dot")
IN_FLIGHT = 8  # of one sender
FEWEST_ACKNOWLEDGED = 200  # between two kills
LONGEST_DELAY = 0.012  # seconds from then to the kill: several commits long, so that it falls on every part of one
SHOWN = 5  # violations of a kind


class Sender(threading.Thread):
    """Keeps IN_FLIGHT messages unacknowledged until the server is gone, and releases `acknowledged` for each echo."""

    def __init__(self, wire: Wire, prefix: str, acknowledged: threading.Semaphore) -> None:
        super().__init__(name=wire.name)
        self.wire = wire
        self.prefix = prefix
        self.acknowledged = acknowledged
        self.sent = 0

    def run(self) -> None:
        try:
            for _ in range(IN_FLIGHT):
                self._send()
            while True:
                self.wire.wait_for("PRIVMSG", lambda message: message.label is not None)
                self.acknowledged.release()
                self._send()
        except (AssertionError, OSError):  # the server was killed; what came before that is still to be read
            self.wire.until_closed()
        finally:
            self.wire.close()

    def _send(self) -> None:
        self.sent += 1
        self.wire.send(f"PRIVMSG {CHANNEL} :{self.prefix}-{self.sent}", label=str(self.sent))

    @property
    def seen(self) -> list[str]:
        """The texts that this member was shown, its own echoes among them, in that order."""
        return [message.params[-1] for message in self.wire.seen if message.command == "PRIVMSG"]

    @property
    def echoed(self) -> int:
        return sum(message.command == "PRIVMSG" and message.label is not None for message in self.wire.seen)


@dataclass(frozen=True)
class Round:
    """One kill: what came of it."""

    acknowledged: int
    stored: int  # entries that this round added
    unseen: int  # of them, stored but shown to nobody: the kill fell between commit and delivery
    unstored: int  # sent, and lost without ever having been acknowledged
    violations: tuple[str, ...]


def run(server: Server, kills: int, seed: int) -> list[Round]:
    """Load and kill the server `kills` times; the last restart is left running."""
    chance = random.Random(seed)  # noqa: S311  no secret
    server.adduser(*SENDERS)
    server.start()
    rounds = []
    for number in range(kills):
        before = len(server.history(CHANNEL))
        senders = _load_and_kill(server, number, chance.uniform(0, LONGEST_DELAY))
        server.start()
        rounds.append(_judge(server, senders, before))
    return rounds


def _load_and_kill(server: Server, number: int, delay: float) -> list[Sender]:
    acknowledged = threading.Semaphore(0)
    senders = [Sender(server.login(name), f"{number}-{name}", acknowledged) for name in SENDERS]
    for sender in senders:
        sender.wire.seen.clear()
        sender.start()
    for _ in range(FEWEST_ACKNOWLEDGED):
        if not acknowledged.acquire(timeout=30):
            raise AssertionError("no message was acknowledged for 30 s")
    server.kill(delay=delay)
    for sender in senders:
        sender.join()
    return senders


def _judge(server: Server, senders: Sequence[Sender], before: int) -> Round:
    stored = [entry.text for entry in server.history(CHANNEL)]
    shown = {text for sender in senders for text in sender.seen}
    violations = [*_repeated(stored), *_unlike_read(server, stored)]
    for sender in senders:
        violations += _misplaced(sender, stored)
    return Round(
        acknowledged=sum(sender.echoed for sender in senders),
        stored=len(stored) - before,
        unseen=len(set(stored[before:]) - shown),
        unstored=sum(sender.sent for sender in senders) - (len(stored) - before),
        violations=tuple(violations),
    )


def _repeated(stored: Sequence[str]) -> list[str]:
    return [f"stored {count} times: {text}" for text, count in Counter(stored).items() if count > 1][:SHOWN]


def _misplaced(sender: Sender, stored: Sequence[str]) -> list[str]:
    """A member present all the time was shown a run of the history without gaps, in its order."""
    place = {text: index for index, text in enumerate(stored)}
    missing = [f"{sender.name} saw {text}, which is not stored" for text in sender.seen if text not in place]
    places = [place[text] for text in sender.seen if text in place]
    wrong = [
        f"{sender.name} saw {stored[later]} right behind {stored[earlier]}, stored at {later} and {earlier}"
        for earlier, later in itertools.pairwise(places)
        if later != earlier + 1
    ]
    return missing[:SHOWN] + wrong[:SHOWN]


def _unlike_read(server: Server, stored: Sequence[str]) -> list[str]:
    """The front door, CHATHISTORY, gives the newest entries as they are stored."""
    with server.login(SENDERS[0]) as wire:
        lines = wire.ask(f"CHATHISTORY LATEST {CHANNEL} * 100")
    read = [_text(line) for line in lines if line.command == "PRIVMSG"]
    return [] if read == list(stored[-len(read) :]) else ["CHATHISTORY differs from what is stored"]


def _text(message: Message) -> str:
    return message.params[-1]


def report(rounds: Sequence[Round]) -> str:
    between = sum(one.unseen > 0 for one in rounds)
    return (
        f"{len(rounds)} kills, {sum(one.acknowledged for one in rounds)} messages acknowledged"
        f" (at least {min(one.acknowledged for one in rounds)} between two kills),"
        f" {sum(one.stored for one in rounds)} stored,"
        f" {sum(one.unstored for one in rounds)} lost without ever having been acknowledged or shown;"
        f" {between} kills fell between a commit and its delivery;"
        f" violations: {sum(len(one.violations) for one in rounds)}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with temporary_server() as server:
        rounds = run(server, options.kills, options.seed)
    for number, one in enumerate(rounds):
        for violation in one.violations:
            print(f"kill {number}: {violation}")
    print(report(rounds))
    return int(any(one.violations for one in rounds))


if __name__ == "__main__":
    sys.exit(main())
