"""How long the command line takes to answer, and to have a message stored."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from scripts.benchmark import report, servers
from scripts.benchmark.report import Figure
from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken
from securechat.tls import authority

STORED_WITHIN = 0.5  # seconds, from the start of `send` with a device token, over loopback


@click.command()
@click.option("--runs", default=9, show_default=True)
@click.pass_obj
def startup(as_json: bool, runs: int) -> None:
    """How long the command line takes to answer, and to have a message stored. Takes 10 seconds."""
    figures: list[Figure] = []
    rows = []
    with _sending() as send:
        for words, limit in ((["--help"], None), (["login", "--help"], None), (send, STORED_WITHIN)):
            times = [_timed([sys.executable, "-m", "securechat", *words]) for _ in range(runs)]
            command = "securechat send '#lobby' x" if words is send else f"securechat {' '.join(words)}"
            figures.append(Figure(f"{command} (s)", statistics.median(times), limit))
            rows.append({"command": command, "seconds": times})
    report.show(as_json, f"startup: median of {runs}", figures, rows)


@contextmanager
def _sending() -> Iterator[list[str]]:
    """The words that send a message, with a server that runs and a profile that knows the device token."""
    with tempfile.TemporaryDirectory() as folder:
        certificates, profile, name = Path(folder) / "certs", Path(folder) / "profile", servers.name_of(0)
        authority.create(certificates)
        with servers.server(certificates, 1) as server:
            token = DeviceToken("00000000", servers.token_of(name))
            Profile(profile).token(Address("localhost", server.port), name).keep(token)
            where = ["--server", f"{name}@localhost:{server.port}", "--ca", str(server.ca)]
            yield ["send", "#lobby", "x", *where, "--profile-dir", str(profile)]


def _timed(words: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
