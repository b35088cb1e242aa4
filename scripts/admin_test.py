#!/usr/bin/env python3
"""Administer a busy server with real commands: they take effect at once, none fails, and the talk goes on meanwhile.

Usage, with the repository's .venv: python scripts/admin_test.py [--runs 200] [--people 100]. Exit status 1 when
something was too late or failed.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.running import PASSWORD, Server, temporary_server
from tests.wire import Wire

CHANNEL = "#lobby"
SENDERS = ("ann", "bea", "cyd", "dot")
IN_FLIGHT = 8  # messages of one sender without an echo
PACE = 0.02  # seconds between two messages of the one whose echoes are timed
OTHER_PASSWORD = "quite another battery"  # noqa: S105  of throw-away accounts
SESSION_ENDS_WITHIN = 1.0  # seconds after the command has ended
DELAY_LIMIT = 0.1  # seconds that an import may add to a message
REASONS = {"passwd": "password", "suspend": "suspended", "deluser": "deleted"}


class Sender(threading.Thread):
    """Keeps IN_FLIGHT messages unacknowledged until `stop` is called; every one must come back."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(name=wire.name, daemon=True)
        self.wire = wire
        self.echoed = 0
        self.error = ""
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            for number in range(IN_FLIGHT):
                self._send(number)
            for number in itertools.count(IN_FLIGHT):
                self.wire.wait_for("PRIVMSG", lambda message: message.label is not None)
                self.wire.seen.clear()
                self.echoed += 1
                if self._stopping.is_set():
                    return
                self._send(number)
        except (AssertionError, OSError) as error:
            self.error = f"{self.name}: {error}"

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)
        self.wire.close()

    def _send(self, number: int) -> None:
        self.wire.send(f"PRIVMSG {CHANNEL} :{number}", label=str(number))


class Metronome(threading.Thread):
    """One message at a time, at a steady pace; how long each took to come back."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(name=wire.name, daemon=True)
        self.wire = wire
        self.echoes: list[float] = []
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(PACE):
            began = time.perf_counter()
            self.wire.ask(f"PRIVMSG {CHANNEL} :tick")
            self.echoes.append(time.perf_counter() - began)
            self.wire.seen.clear()

    def take(self) -> list[float]:
        """The echoes since the last call."""
        taken, self.echoes = self.echoes, []
        return taken

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)


@dataclass
class Figures:
    """What a run of `administer` saw; seconds."""

    commands: int = 0
    durations: list[float] = field(default_factory=list)
    logins: list[float] = field(default_factory=list)  # from the command's end to the end of the burst
    ends: list[float] = field(default_factory=list)  # from the command's end to the session's
    echoed: int = 0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.commands} commands beside {self.echoed} echoed messages: each took {_ms(self.durations)};"
            f" a login right behind one {_ms(self.logins)}; a session ended {_ms(self.ends)} after one;"
            f" failures: {len(self.failures)}"
        )


def _ms(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    return f"{statistics.median(seconds) * 1000:.0f} ms (at most {max(seconds) * 1000:.0f})"


class Administrator:
    """Runs commands as people do, one process each, and checks what they bring about."""

    def __init__(self, server: Server, figures: Figures) -> None:
        self.server = server
        self.figures = figures

    def run(self, *words: str, text: str | None = None) -> None:
        began = time.perf_counter()
        done = subprocess.run(
            self.server.command(*words), input=text or "", capture_output=True, text=True, timeout=120, check=False
        )
        self.figures.commands += 1
        self.figures.durations.append(time.perf_counter() - began)
        if done.returncode or done.stderr:
            self.figures.failures.append(f"{' '.join(words)}: {done.returncode} {done.stderr.strip()}")

    def cycle(self, name: str) -> Iterator[None]:
        """One account's life; yields after each command that ends sessions and each that allows logins."""
        self.run("adduser", name, "--password-stdin", text=PASSWORD)
        wire = self.log_in(name, PASSWORD)
        yield
        self.run("passwd", name, "--password-stdin", text=OTHER_PASSWORD)
        self.ended(wire, "passwd")
        wire = self.log_in(name, OTHER_PASSWORD)
        yield
        self.run("users", "suspend", name)
        self.ended(wire, "suspend")
        yield
        self.run("users", "resume", name)
        wire = self.log_in(name, OTHER_PASSWORD)
        yield
        self.run("deluser", name, "--release-name", "--yes")
        self.ended(wire, "deluser")
        yield

    def log_in(self, name: str, password: str) -> Wire | None:
        began = time.perf_counter()
        wire = self.server.connect()
        try:
            wire.register(name, password)
            self.figures.logins.append(time.perf_counter() - began)
        except AssertionError as error:
            self.figures.failures.append(f"{name} cannot log in: {error}")
            wire.close()
            return None
        return wire

    def ended(self, wire: Wire | None, command: str) -> None:
        """The command is done; the session must end in time, and be told why."""
        if wire is None:
            return
        began = time.perf_counter()
        try:
            last = wire.until_closed(within=5.0)
            self.figures.ends.append(time.perf_counter() - began)
            errors = [message.params[-1] for message in last if message.command == "ERROR"]
            if not errors or REASONS[command] not in errors[-1]:
                self.figures.failures.append(f"after {command} the session was told {errors}")
            if self.figures.ends[-1] > SESSION_ENDS_WITHIN:
                self.figures.failures.append(f"after {command} the session lived for {self.figures.ends[-1]:.1f} s")
        except AssertionError:
            self.figures.failures.append(f"after {command} the session lived on")
        finally:
            wire.close()


@contextmanager
def busy(server: Server) -> Iterator[list[Sender]]:
    """Four senders that never pause."""
    server.adduser(*SENDERS)
    senders = [Sender(server.login(name)) for name in SENDERS]
    for sender in senders:
        sender.start()
    try:
        yield senders
    finally:
        for sender in senders:
            sender.stop()


def administer(server: Server, runs: int, administrators: int = 2) -> Figures:
    """At least `runs` commands, by several administrators at once, beside four senders."""
    figures = Figures()
    with busy(server) as senders:
        threads = [
            threading.Thread(target=_administer, args=(Administrator(server, figures), number, runs // administrators))
            for number in range(administrators)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    figures.echoed = sum(sender.echoed for sender in senders)
    figures.failures += [sender.error for sender in senders if sender.error]
    return figures


def _administer(administrator: Administrator, number: int, runs: int) -> None:
    done = 0
    for turn in itertools.count():
        for _ in administrator.cycle(f"guest{number}-{turn % 3}"):  # a released name is taken again
            done += 1
        if done >= runs:
            return


@dataclass(frozen=True)
class Import:
    """What a sender saw: seconds until its own echo, before and during the import of `people`."""

    people: int
    took: float
    quiet: list[float]
    during: list[float]

    @property
    def delay(self) -> float:
        """How much later than in quiet the slowest message came back."""
        return max(self.during) - statistics.median(self.quiet)

    def __str__(self) -> str:
        return (
            f"importing {self.people} people took {self.took:.1f} s; own echo in quiet {_ms(self.quiet)},"
            f" during it {_ms(self.during)} over {len(self.during)} messages"
        )


def import_people(server: Server, people: int, names: str = "person") -> Import:
    """Import at the default cost of bcrypt while somebody talks."""
    lines = "".join(f"{names}{number},{PASSWORD} {number}\n" for number in range(people))
    settings = server.data / "default.toml"
    settings.write_text("")
    words = [*server.command("users", "import", "-"), "--config", str(settings)]
    with ExitStack() as stack:
        metronome = Metronome(stack.enter_context(server.login("metronome")))
        stack.callback(metronome.stop)
        metronome.start()
        _until(lambda: len(metronome.echoes) >= 100)
        quiet = metronome.take()
        began = time.perf_counter()
        subprocess.run(words, input=lines, capture_output=True, text=True, check=True, timeout=300)
        took = time.perf_counter() - began
        count = len(metronome.echoes)
        _until(lambda: len(metronome.echoes) >= count + 20)  # the server takes the people in
        during = metronome.take()
    with server.connect() as wire:
        wire.register(f"{names}{people - 1}", f"{PASSWORD} {people - 1}")
    return Import(people, took, quiet, during)


def _until(true: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError("the server does not answer")
        time.sleep(0.01)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--people", type=int, default=100)
    options = parser.parse_args()
    with temporary_server() as server:
        server.start()
        imported = import_people(server, options.people)
        print(imported)
        figures = administer(server, options.runs)
        print(figures)
    for failure in figures.failures:
        print(failure)
    return int(bool(figures.failures) or imported.delay > DELAY_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
