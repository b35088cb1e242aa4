"""The database is locked, the disk is full, the store breaks: senders are told, nobody else notices, and it heals."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running import PASSWORD, Server
from tests.wire import Wire

Login = Callable[..., Wire]
log = logging.getLogger(__name__)

HELD = 10.0  # seconds
STORE_TIMEOUT = 3.0  # the default of store.timeout
HOLDER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
other.execute("ROLLBACK")
"""


@contextlib.contextmanager
def lock_held(server: Server) -> Iterator[None]:
    """Another process holds the database's lock."""
    words = [sys.executable, "-c", HOLDER, str(server.data / "securechat.db")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        try:
            yield
        finally:
            holder.stdin.close()


class Chatter(threading.Thread):
    """One that says something whenever the last line was answered; `failed` counts the FAILs."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self.failed = 0
        self._ended = threading.Event()

    def run(self) -> None:
        for number in range(1_000_000):
            if self._ended.is_set():
                return
            self.wire.send("PRIVMSG #lobby :chatter", label=f"chatter-{number}")
            self.failed += self.wire.wait_for(label=f"chatter-{number}").command == "FAIL"

    def __enter__(self) -> Chatter:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def log_in_and_out(server: Server, name: str) -> None:
    server.login(name).close()


def texts(wire: Wire) -> list[str]:
    return [line.params[-1] for line in wire.seen if line.command == "PRIVMSG"]


def test_while_another_process_holds_the_lock_senders_are_told_and_all_else_goes_on(
    server: Server, login: Login
) -> None:
    server.adduser("ada", admin=True)
    server.adduser("eve")
    ada, bob, cyd = login("ada"), login("bob"), login("cyd")
    ada.ask("TOPIC #lobby :as it was")
    with lock_held(server):
        began = time.monotonic()
        ada.send("PRIVMSG #lobby :lost", label="1")
        first_pong = timed(bob.sync)
        fail = ada.wait_for(label="1")
        told_after = time.monotonic() - began
        assert (fail.command, *fail.params[:2]) == ("FAIL", "PRIVMSG", "TEMPORARILY_UNAVAILABLE")
        assert STORE_TIMEOUT - 0.2 < told_after < STORE_TIMEOUT + 1
        with Chatter(cyd) as chatter:
            pongs, logins = [], []
            while time.monotonic() - began < HELD:
                pongs.append(timed(bob.sync))
                logins.append(timed(lambda: log_in_and_out(server, "eve")))
                assert ada.ask("TOPIC #lobby :lost")[0].params[1] == "TEMPORARILY_UNAVAILABLE"
                assert ada.ask("JOIN #lost")[0].command == "FAIL"
        assert chatter.failed > 10
    healed = timed(lambda: ada.ask("PRIVMSG #lobby :kept"))
    bob.wait_for("PRIVMSG", text="kept")
    figures = "told after %.2f s; first PONG %.2f s, then at most %.3f; login at most %.3f; healed in %.3f; %d FAILs"
    log.info(figures, told_after, first_pong, max(pongs), max(logins), healed, chatter.failed)
    assert first_pong < STORE_TIMEOUT + 1
    assert max(pongs) < 1
    assert max(logins) < 1
    assert healed < 1
    assert texts(bob) == ["kept"]
    assert [entry.text for entry in server.history("#lobby")] == ["kept"]
    for wire in (ada, bob):
        assert wire.ask("TOPIC #lobby")[0].params[-1] == "as it was"
    assert ada.ask("NAMES #lost")[0].command == "366"
    assert server.log().count("cannot store") == 1
    assert server.log().count("the store works again") == 1


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[Server, bool], None]]:
    """Gives `fill(server, full)` for a server whose data lies in `folder`.

    Root gets a small tmpfs there. Others may not mount: the kernel then refuses the server's writes to any file.
    """
    if os.geteuid() == 0:
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)], check=True)
        try:
            yield lambda server, full: fill(folder / "filler", full)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        yield refuse_writes


def fill(filler: Path, full: bool) -> None:
    if not full:
        return filler.unlink()
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65536, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return None


def refuse_writes(server: Server, full: bool) -> None:
    assert server.process is not None
    limit = 0 if full else resource.RLIM_INFINITY
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def resident_kib(server: Server) -> int:
    assert server.process is not None
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1])


def test_on_a_full_disk_senders_are_told_and_all_else_goes_on(tmp_path: Path, certificates: Path) -> None:
    with contextlib.ExitStack() as stack:
        set_full = stack.enter_context(small_disk(tmp_path / "small"))
        server = Server(tmp_path / "small", certificates, '[log]\nlevel = "DEBUG"\n')
        server.adduser("ada", "bob", "eve")
        server.start()
        stack.callback(server.kill)
        ada, bob = stack.enter_context(server.login("ada")), stack.enter_context(server.login("bob"))
        ada.ask("PRIVMSG #lobby :before")
        set_full(server, True)
        fill_up(ada)
        before = resident_kib(server)
        pongs, logins = [], []
        for number in range(300):
            assert ada.ask(f"PRIVMSG #lobby :lost-{number} {'x' * 300}")[0].command == "FAIL"
            if number % 30 == 0:
                pongs.append(timed(bob.sync))
                logins.append(timed(lambda: log_in_and_out(server, "eve")))
        grown = resident_kib(server) - before
        set_full(server, False)
        healed = timed(lambda: wait_until_stored(ada))
        bob.wait_for("PRIVMSG", text="healed")
        figures = "PONG at most %.3f s; login at most %.3f; healed in %.3f; resident memory grew by %d KiB"
        log.info(figures, max(pongs), max(logins), healed, grown)
        assert max(pongs) < 1
        assert max(logins) < 1
        assert grown < 4096
        assert texts(bob) == [entry.text for entry in server.history("#lobby")]
        assert "lost" not in " ".join(texts(bob))


def fill_up(wire: Wire) -> None:
    """What room is left in the files that are there already is used up; then a FAIL comes."""
    for number in range(20_000):
        if wire.ask(f"PRIVMSG #lobby :{number} {'x' * 300}")[0].command == "FAIL":
            return
    raise AssertionError("the disk does not fill")


def wait_until_stored(wire: Wire) -> None:
    deadline = time.monotonic() + 5
    while wire.ask("PRIVMSG #lobby :healed")[0].command == "FAIL":
        assert time.monotonic() < deadline


def test_the_server_ends_in_time_though_a_commit_waits_for_the_lock(server: Server, login: Login) -> None:
    ada, bob = login("ada"), login("bob")
    with lock_held(server):
        for number in range(50):
            ada.send("PRIVMSG #lobby :lost", label=str(number))
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        assert server.wait() == 0
        took = time.monotonic() - began
    log.info("ended %.2f s after SIGTERM", took)
    assert took < 5
    assert [line.command for line in ada.until_closed()].count("PRIVMSG") == 0
    assert texts(bob) == []
    assert server.history("#lobby") == []


def test_the_end_of_the_server_finishes_what_is_committed(server: Server, login: Login) -> None:
    ada, bob = login("ada"), login("bob")
    ada.send_bytes(b"".join(b"@label=%d PRIVMSG #lobby :%d\r\n" % (number, number) for number in range(500)))
    ada.wait_for("PRIVMSG", label="3")
    assert server.stop() == 0
    ada.until_closed()
    bob.until_closed()
    stored = [entry.text for entry in server.history("#lobby")]
    assert texts(ada) == texts(bob) == stored


def test_the_process_ends_when_its_store_breaks(tmp_path: Path, certificates: Path) -> None:
    server = Server(tmp_path / "data", certificates, '[[listen]]\naddress = "127.0.0.1"\nport = 0\n')
    server.adduser("ada", "bob")
    words = [sys.executable, "-m", "tests.server.breaking", str(server.data), str(certificates)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+) \(TLS", process.stdout.readline())
        assert found is not None
        server.port = int(found[1])
        with server.login("ada") as ada, server.login("bob") as bob:
            ada.send("PRIVMSG #lobby :lost", label="1")
            began = time.monotonic()
            assert process.wait(timeout=5) == 9
            assert time.monotonic() - began < 2
            assert [line.command for line in ada.until_closed()] == []
            assert texts(bob) == []
        assert process.stderr is not None
        assert process.stderr.read() == "the thread store ended (RuntimeError); see the log\n"
    assert "RuntimeError: made to break" in server.log()


@pytest.mark.parametrize("commits", [1, 3])
def test_a_commit_that_raises_and_is_not_kept_is_shown_to_nobody(commits: int, server: Server, login: Login) -> None:
    """COMMIT itself fails, as the WAL cannot be written: the store is asked how it ended."""
    ada, bob = login("ada"), login("bob")
    refuse_writes(server, True)
    for _ in range(commits):
        assert ada.ask("PRIVMSG #lobby :lost")[0].command == "FAIL"
    refuse_writes(server, False)
    assert ada.ask("PRIVMSG #lobby :kept")[0].command == "PRIVMSG"
    bob.wait_for("PRIVMSG", text="kept")
    assert texts(bob) == ["kept"]
    server.kill()
    assert [entry.text for entry in server.history("#lobby")] == ["kept"]


def test_who_leaves_while_a_turn_that_closes_him_fails_is_gone_all_the_same(idle_server: Server, login: Login) -> None:
    """A PASSWD that cannot be stored leaves the account's other sessions as they were, but for one that hung up."""
    idle_server.configure("[store]\ntimeout = 1.0\n")
    idle_server.start()
    ada, other, bob = login("ada"), login("ada"), login("bob")
    change = base64.b64encode(f"{PASSWORD}\0quite another battery".encode()).decode()
    with lock_held(idle_server):
        ada.send(f"PASSWD {change}", label="1")
        # Its turn has begun once nobody is answered any more.
        while True:
            bob.send("PING x", label="2")
            try:
                bob.wait_for(label="2", within=0.1)
            except AssertionError:
                break
        other.close()
        assert ada.wait_for(label="1").params[1] == "TEMPORARILY_UNAVAILABLE"
    ada.send("QUIT")
    ada.until_closed()
    bob.wait_for("QUIT")
    assert bob.ask("WHOIS ada")[0].command == "401"
