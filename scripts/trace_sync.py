#!/usr/bin/env python3
"""Trace the system calls of a server that is sent one message: the WAL is synced before a byte of it leaves.

Usage, with the repository's .venv and strace: python scripts/trace_sync.py [--durability full|normal]. Exit status 1
when a byte left before the sync had returned, as it must with `normal`; 2 when tracing is not possible here.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from securechat.tls import authority
from tests.running import Server
from tests.wire import PATIENCE, Wire

TEXT = "one-synced-message"
SYNCS = ("fsync", "fdatasync")
STORES = ("pwrite64", "pwritev", "write")
SENDS = ("write", "writev", "sendto", "sendmsg")

# `-f -ttt -yy` writes: pid, time, then `call(3<path>, …) = 0`, or the two halves of it around what came between.
_WHOLE = re.compile(r"^\d+ +(?P<time>[\d.]+) (?P<call>\w+)\((?P<fd>\d+<.*?>+)?(?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<pid>\d+) +(?P<time>[\d.]+) <\.\.\. (?P<call>\w+) resumed>")


class CannotTrace(Exception):
    """strace is missing, or may not trace here; the text says which."""


@dataclass(frozen=True)
class Step:
    """Something that the server did: `began` and `ended` are the lines of the trace where the call did."""

    call: str
    fd: str
    began: int
    ended: int
    time: float
    line: str

    @property
    def to_wal(self) -> bool:
        return "securechat.db-wal" in self.fd

    @property
    def to_peer(self) -> bool:
        return "<TCP" in self.fd


def require_strace() -> None:
    """Raises CannotTrace."""
    if shutil.which("strace") is None:
        raise CannotTrace("strace is not installed")
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise CannotTrace(f"strace may not trace here: {tried.stderr.strip()}")


def record(server: Server, trace: Path) -> tuple[float, float]:
    """Send one message through a traced server; gives the times between which it came and its bytes left."""
    calls = ",".join(sorted({*SYNCS, *STORES, *SENDS}))
    # -D: the server stays our child, and strace its own.
    server.start(prefix=["strace", "-D", "-f", "-ttt", "-yy", "-s", "65536", "-e", f"trace={calls}", "-o", str(trace)])
    with server.login("ann") as ann, server.login("bea") as bea, server.login("cyd") as cyd:
        _all_quiet([ann, bea, cyd])
        began = time.time()
        ann.send(f"PRIVMSG #lobby :{TEXT}", label="1")
        ann.wait_for("PRIVMSG", label="1")
        for wire in (bea, cyd):
            wire.wait_for("PRIVMSG", text=TEXT)
        ended = time.time()
    server.stop()
    _wait_for_end(trace)
    return began, ended


def _all_quiet(wires: Sequence[Wire]) -> None:
    """In the first seconds arrivals are announced together, once a second: these must be over."""
    for wire in wires:
        joined = {(line.source or "").partition("!")[0] for line in wire.seen if line.command == "JOIN"}
        for other in wires:
            if other is not wire and other.name not in joined:
                wire.wait_for("JOIN", lambda line, name=other.name: (line.source or "").startswith(f"{name}!"))
    for wire in wires:
        wire.sync()


def _wait_for_end(trace: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not re.search(r"\+\+\+ exited with \d+ \+\+\+\s*\Z", trace.read_text(errors="replace")):
        if time.monotonic() > deadline:
            raise CannotTrace("strace did not write its trace to the end")
        time.sleep(0.02)


def steps(lines: Sequence[str]) -> Iterator[Step]:
    """The calls of a trace, each with the line where it began and the one where it had returned."""
    open_calls: dict[str, tuple[int, re.Match[str]]] = {}
    for number, line in enumerate(lines):
        pid = line.partition(" ")[0]
        if resumed := _RESUMED.match(line):
            began, first = open_calls.pop(resumed["pid"])
            yield Step(first["call"], first["fd"] or "", began, number, float(first["time"]), lines[began])
        elif whole := _WHOLE.match(line):
            if line.rstrip().endswith("<unfinished ...>"):
                open_calls[pid] = number, whole
            else:
                yield Step(whole["call"], whole["fd"] or "", number, number, float(whole["time"]), line)


def problem(lines: Sequence[str], began: float, ended: float) -> str | None:
    """What is wrong with the order of storing, syncing and sending the one message; None when all is right."""
    during = [step for step in steps(lines) if began <= step.time]
    sends = [step for step in during if step.call in SENDS and step.to_peer and step.time <= ended]
    stored = [step for step in during if step.call in STORES and step.to_wal and TEXT in step.line]
    if len(sends) < 3 or not stored:
        return f"the trace holds {len(stored)} writes of the text to the WAL and {len(sends)} to the three peers"
    first = min(send.began for send in sends)
    last_stored = max(step.ended for step in stored)
    synced = [step for step in during if step.call in SYNCS and step.to_wal and last_stored < step.began]
    if not synced:
        return "the WAL was not synced behind the message"
    if min(step.ended for step in synced) >= first:
        return "a byte left for a peer before the WAL's sync had returned"
    return None


def check(folder: Path, certificates: Path, durability: str) -> str | None:
    """Run a server with this durability in `folder`, trace one message and judge. Raises CannotTrace."""
    require_strace()
    server = Server(folder / "data", certificates, f'[store]\ndurability = "{durability}"\n')
    trace = folder / "trace"
    try:
        began, ended = record(server, trace)
    finally:
        if server.process is not None:
            server.kill()
    return problem(trace.read_text(errors="replace").splitlines(), began, ended)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        certificates = Path(folder, "certificates")
        certificates.mkdir()
        authority.create(certificates)
        try:
            found = check(Path(folder), certificates, options.durability)
        except CannotTrace as error:
            print(f"cannot trace: {error}", file=sys.stderr)
            return 2
    print(found or "the WAL's sync had returned before the first byte of the echo or of a delivery was written")
    return int(found is not None)


if __name__ == "__main__":
    sys.exit(main())
