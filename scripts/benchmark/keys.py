"""How long a key takes to the screen in the full screen, while others talk: a real login on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pexpect

from scripts.benchmark import machine, report, servers
from scripts.benchmark.report import Figure
from tests.running import PASSWORD, Server
from tests.wire import Wire

LETTERS = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩ"  # none of them is in what the others say, nor anywhere else on the screen
KEY_EVERY = 0.05  # seconds; faster than people type
PATIENCE = 10.0
REACH_MS = 50.0
PIECE = 50  # messages between two round trips of the flood: what the sender is told must be read, too


@click.command()
@click.option("--seconds", default=6.0, show_default=True, help="How long is typed while others talk.")
@click.option("--rate", default=200, show_default=True, help="Messages a second of the others.")
@click.option("--lines", default=10_000, show_default=True, help="How many come in one go before that, while typing.")
@click.pass_obj
def typing(as_json: bool, seconds: float, rate: int, lines: int) -> None:
    """Key to screen in the full screen, under a flood and under a steady rate. Takes 20 seconds."""
    with servers.certificates() as certificates, servers.server(certificates, 2) as server, _opened(server) as screen:
        talker = server.login("member1")
        flood = _typed_while(screen, lambda: _flood(talker, lines))
        steady = _typed_while(screen, lambda: _talk(talker, rate, seconds))
        talker.close()
    figures = [
        *_figures(f"{lines:,} lines at once", flood),
        *_figures(f"{rate} msg/s", steady),
    ]
    rows = [{"load": load, "ms": times} for load, times in (("flood", flood), ("steady", steady))]
    report.show(as_json, "typing: key to screen", figures, rows)


class Screen:
    """The terminal's other side: what was drawn is looked at as bytes, which costs the machine next to nothing."""

    def __init__(self, child: pexpect.spawn[bytes]) -> None:
        self._child = child
        self._shown = b""

    def wait_for(self, words: str, within: float = PATIENCE) -> None:
        """From what was drawn since the last wait on."""
        wanted, deadline = words.encode(), time.perf_counter() + within
        while wanted not in self._shown:
            if time.perf_counter() > deadline:
                raise click.ClickException(f"no {words!r} on the screen within {within:.0f} s")
            self.read(0.05)
        self._shown = b""

    def read(self, seconds: float) -> None:
        try:
            self._shown += self._child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            pass

    def type(self, text: str) -> None:
        self._child.send(text)

    def clear(self) -> None:
        self.type("\x15")
        self.rest(0.2)

    def rest(self, seconds: float) -> None:
        """Let time pass, and forget what is drawn meanwhile."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)
        self._shown = b""


@contextlib.contextmanager
def _opened(server: Server) -> Iterator[Screen]:
    with tempfile.TemporaryDirectory() as folder:
        password = Path(folder) / "password"
        password.write_text(PASSWORD)
        password.chmod(0o600)
        words = ["-m", "securechat", "login", f"member0@localhost:{server.port}", "--ca", str(server.ca)]
        words += ["--password-file", str(password), "--profile-dir", str(Path(folder) / "profile")]
        env = {**os.environ, "TERM": "xterm-256color"}
        child = pexpect.spawn(sys.executable, words, env=env, dimensions=(30, 100), timeout=PATIENCE)
        child.delaybeforesend = None  # pexpect would hold each key for 50 ms
        try:
            screen = Screen(child)
            screen.wait_for("you are member0", 30)
            machine.pin(machine.SERVER_CPU, child.pid)  # the load has the other core
            yield screen
        finally:
            child.close(force=True)


def _typed_while(screen: Screen, load: Callable[[], None]) -> list[float]:
    """Milliseconds from each key to its letter on the screen, as long as the load lasts."""
    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    times: list[float] = []
    while thread.is_alive():
        for letter in LETTERS:
            began = time.perf_counter()
            screen.type(letter)
            screen.wait_for(letter)
            took = time.perf_counter() - began
            times.append(took * 1000)
            screen.rest(max(0.0, KEY_EVERY - took))
            if not thread.is_alive():
                break
        screen.clear()
    return times


def _flood(talker: Wire, count: int) -> None:
    """As fast as the server takes it."""
    for number in range(count):
        talker.send(f"PRIVMSG #lobby :line {number} of a flood, as long as what people write mostly is")
        if number % PIECE == PIECE - 1:
            talker.sync()
            talker.seen.clear()


def _talk(talker: Wire, rate: int, seconds: float) -> None:
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, began + number / rate - time.perf_counter()))  # the pace of the load; nothing is waited for
        talker.send(f"PRIVMSG #lobby :message {number}, as long as what people write mostly is")
        if number % PIECE == PIECE - 1:
            talker.sync()
            talker.seen.clear()


def _figures(load: str, times: list[float]) -> list[Figure]:
    p99 = sorted(times)[int(len(times) * 0.99)]
    return [
        Figure(f"{load}: p50 (ms)", statistics.median(times)),
        Figure(f"{load}: p99 (ms)", p99, REACH_MS),
        Figure(f"{load}: worst (ms)", max(times)),
    ]
