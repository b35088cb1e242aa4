"""Two hundred people at a server that may open 64 files: those inside go on, and when the rest leave all is well."""

from __future__ import annotations

import contextlib
import signal

from scripts.benchmark import machine, visitors
from scripts.benchmark.visitors import Visitors
from tests.running import PASSWORD, Server
from tests.wire import Wire, acknowledged, heard

FILES = 64
PEOPLE = [f"guest{number}" for number in range(200)]
SETTINGS = '[limits]\nexempt = ["127.0.0.0/8"]\n'  # so that nothing but the files is short
MESSAGES = 100
ENOUGH = 20  # people inside, besides the two who talk
QUIET = 2.0  # seconds


def test_without_a_free_file_nothing_acknowledged_is_lost_and_all_is_well_when_people_leave(
    idle_server: Server,
) -> None:
    server = idle_server
    server.configure(SETTINGS)
    server.adduser(*PEOPLE)
    server.start(prefix=("prlimit", f"--nofile={FILES}:{FILES}"))
    with server.login("ada") as ada, server.login("bob") as bob:
        said, inside = talk_in_a_crowd(server, ada)
        assert inside < FILES
        assert heard(bob) == said
        with server.login("cyd") as cyd:  # they have left: there is room again
            assert [line.params[1] for line in cyd.ask(f"CHATHISTORY LATEST #lobby * {MESSAGES}")] == said
            said.append(acknowledged(ada, "the last"))
    server.signal(signal.SIGKILL)
    server.wait()
    server.start()
    assert [entry.text for entry in server.history("#lobby")] == said
    assert "out of file descriptors" in server.log()
    assert "Traceback" not in server.log()
    assert "cannot" not in server.log()  # read what somebody missed, or check a login


def talk_in_a_crowd(server: Server, speaker: Wire) -> tuple[list[str], int]:
    """What was acknowledged while everyone wanted to come in, and how many of them were let in."""
    said: list[str] = []
    with contextlib.closing(Visitors(server.port)) as load:
        for name in PEOPLE:
            load.send_in(name, visitors.login(name, password=PASSWORD))
        inside = 0
        while len(said) < MESSAGES or inside < ENOUGH:  # how soon they come in is the machine's affair
            if len(said) < MESSAGES:
                said.append(acknowledged(speaker, f"line {len(said)}"))
            inside += len(load.serve(0.03))
        assert busy(server, load) < 0.3
    return said, inside


def busy(server: Server, load: Visitors) -> float:
    """What the server takes of a core while most still knock and nobody says anything."""
    before = machine.cpu_seconds(server.pid)
    load.stay(QUIET)
    return (machine.cpu_seconds(server.pid) - before) / QUIET
