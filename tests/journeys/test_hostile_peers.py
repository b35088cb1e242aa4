"""One bad peer costs the others nothing: silence, stalled readers, too many connections, no file descriptors left."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.benchmark import machine
from securechat.auth import passwords
from securechat.store.accounts import Accounts
from tests.hostile.enemy import half_a_hello, silent, tcp_only
from tests.hostile.measure import SETTINGS, measure
from tests.hostile.member import GROWTH_KIB, P99, endure
from tests.running import PASSWORD, Server
from tests.wire import PATIENCE, Wire

EXEMPT = '[limits]\nexempt = ["127.0.0.0/8"]\n'
SLACK = 2.5  # other tests run beside this one; scripts/hostile.py by itself keeps the strict bound


@pytest.mark.parametrize(
    "settings",
    [SETTINGS["default limits"], pytest.param(SETTINGS["limits.exempt"], marks=pytest.mark.slow)],  # both: hostile.py
    ids=SETTINGS,
)
def test_peers_that_never_log_in_or_never_read_delay_nobody(idle_server: Server, settings: str) -> None:
    idle_server.configure(settings)
    figures = measure(idle_server.start(), pairs=3, seconds=1.5)
    assert statistics.median(figures.hostile) <= SLACK * figures.bound, figures
    assert statistics.median(figures.logins_cheap) < 1.0, figures  # a dear hash waits, niced, for the other tests
    assert figures.flooded > 16 << 20
    assert figures.cuts > 0
    assert "closed stalled from 127.0.0.1: does not read: " in idle_server.log()


def closed_after(sock: socket.socket, began: float) -> tuple[float, bytes]:
    """Seconds since `began` until the server has closed, and what it said before."""
    sock.settimeout(PATIENCE)
    said = b""
    try:
        while data := sock.recv(4096):
            said += data
    except (ConnectionResetError, ssl.SSLError):
        pass
    sock.close()
    return time.monotonic() - began, said


@pytest.mark.parametrize("kind", [tcp_only, half_a_hello, silent])
def test_a_silent_peer_is_closed_after_the_registration_timeout(idle_server: Server, kind) -> None:
    idle_server.configure("[limits]\nregistration_timeout = 1.0\n")
    idle_server.start()
    began = time.monotonic()
    seconds, said = closed_after(kind(("127.0.0.1", idle_server.port), "127.0.1.1"), began)
    assert 0.9 < seconds < 4.0
    assert said == (b"ERROR :login took longer than 1 s\r\n" if kind is silent else b"")
    idle_server.stop()
    words = "login took too long" if kind is silent else "handshake took too long"
    assert f"refused 1 connection from 127.0.1.1: {words}" in idle_server.log()


def test_a_peer_that_drips_bytes_is_closed_all_the_same(idle_server: Server) -> None:
    """The deadline counts from the accept, not from the last byte."""
    idle_server.configure("[limits]\nregistration_timeout = 1.0\n")
    idle_server.start()
    began = time.monotonic()
    with idle_server.connect() as wire:
        wire.sock.settimeout(0.05)
        while time.monotonic() < began + PATIENCE:
            try:
                wire.sock.sendall(b"x")
                if wire.sock.recv(100).startswith(b"ERROR :login took longer"):
                    break
            except TimeoutError:
                continue
    assert 0.9 < time.monotonic() - began < 4.0


def is_open(sock: socket.socket) -> bool:
    """Whether the server has kept a connection on which it says nothing."""
    sock.settimeout(0.5)
    try:
        return sock.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def strangers(server: Server, stack: ExitStack, number: int, source: str) -> list[socket.socket]:
    return [stack.enter_context(tcp_only(("127.0.0.1", server.port), source)) for _ in range(number)]


def test_20_connections_of_an_address_may_be_without_login_and_no_more(server: Server) -> None:
    with ExitStack() as stack:
        kept = strangers(server, stack, 20, "127.0.1.1")
        refused = strangers(server, stack, 3, "127.0.1.1")
        assert not any(is_open(sock) for sock in refused)
        assert is_open(kept[-1])
        with server.login("ada", source="127.0.1.2"):
            pass
        kept.pop().close()
        with server.login("bob", source="127.0.1.1"):  # the one that left makes room, and the member does not count
            assert is_open(kept[0])
            kept += strangers(server, stack, 1, "127.0.1.1")
            assert is_open(kept[-1])
    server.stop()
    words = "too many connections from one address that have not logged in"
    assert f"refused 3 connections from 127.0.1.1: {words}" in server.log()


def test_so_many_connections_in_all_may_be_without_login_and_no_more(idle_server: Server) -> None:
    assert idle_server.settings.limits.unauthenticated == 1000
    idle_server.configure("[limits]\nunauthenticated = 30\n")
    idle_server.start()
    with idle_server.login("ada", source="127.0.2.1") as ada, ExitStack() as stack:
        kept = strangers(idle_server, stack, 15, "127.0.1.1") + strangers(idle_server, stack, 15, "127.0.1.2")
        refused = strangers(idle_server, stack, 2, "127.0.1.3")
        assert not any(is_open(sock) for sock in refused)
        assert is_open(kept[-1])
        ada.sync()
    idle_server.stop()
    assert "refused 2 connections from 127.0.1.3: too many connections that have not logged in" in idle_server.log()


def test_logins_whose_peers_have_hung_up_are_not_checked(idle_server: Server) -> None:
    """With a dear hash 40 of them once kept everyone else out for ten seconds."""
    idle_server.configure(EXEMPT)
    database = idle_server.open_store()
    Accounts(database, ["#lobby"]).add("eve", passwords.hash(PASSWORD, 12))
    database.close()
    idle_server.start()
    began = time.process_time()
    passwords.check("a wrong one", passwords.hash(PASSWORD, 12))
    dear = (time.process_time() - began) / 2
    before = machine.cpu_seconds(idle_server.pid)
    for _ in range(20):
        with idle_server.connect() as gone:
            gone.begin("eve", "a wrong one")
    with idle_server.login("ada"):
        assert machine.cpu_seconds(idle_server.pid) - before < 8 * dear


def test_without_free_file_descriptors_the_server_neither_dies_nor_spins_and_recovers(idle_server: Server) -> None:
    idle_server.configure(EXEMPT)
    idle_server.adduser("bob")
    idle_server.start(prefix=("prlimit", "--nofile=64:64"))
    with idle_server.login("ada") as ada:
        with ExitStack() as stack:
            strangers(idle_server, stack, 100, "127.0.1.1")
            ada.sync()
            wait_for_log(idle_server, "out of file descriptors")
            before, began = machine.cpu_seconds(idle_server.pid), time.monotonic()
            while time.monotonic() < began + 2.0:
                ada.sync()
                ada.send("PRIVMSG #lobby :still here", label="1")
                ada.wait_for("PRIVMSG", label="1")
                time.sleep(0.1)  # the pace of a chat, not a wait for something
            assert machine.cpu_seconds(idle_server.pid) - before < 0.6
        with idle_server.connect() as bob:
            bob.register("bob", PASSWORD)
        ada.sync()


def test_the_system_s_soft_limit_on_files_is_not_ours(idle_server: Server) -> None:
    idle_server.start(prefix=("prlimit", "--nofile=64:300"))
    assert idle_server.process is not None
    limits = Path(f"/proc/{idle_server.process.pid}/limits").read_text()
    assert re.search(r"Max open files +300 +300 ", limits)


def wait_for_log(server: Server, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while words not in server.log():
        assert time.monotonic() < deadline, f"{words!r} was not logged"
        time.sleep(0.02)


def test_a_member_who_floods_in_every_way_costs_the_others_nothing(idle_server: Server) -> None:
    """The session that reads nothing is cut, too: scripts/hostile.py member does the same for minutes."""
    idle_server.configure("[limits]\nlinger = 0\nping_interval = 6\nping_timeout = 2\n", paced=True)
    figures = endure(idle_server.start(), 15)
    assert figures.hostile < SLACK * P99, figures
    assert figures.growth_kib < GROWTH_KIB, figures
    assert 0 < figures.stored <= figures.allowed, figures
    assert figures.gave_way > 0, figures
    assert figures.cuts > 0, figures


FLOODS = {
    "behind a wait for history": b"CHATHISTORY LATEST #lobby * 100\n" + b"WHO #lobby\n" * 5900,
    "unread answers": b"WHO #lobby\n" * 5900,
    "short lines": b"x\n" * 320_000,
    "empty lines": b"\n" * 6_000_000,
    "masks": b"".join(b"WHO %d%s\n" % (number, b"*a" * 230) for number in range(1000)),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_member_s_flood_delays_nobody(server: Server, flood: bytes) -> None:
    """Each of these once stopped everyone for one to seven seconds."""
    server.adduser(*(f"m{number}" for number in range(40)))
    with ExitStack() as stack:
        for number in range(40):
            stack.enter_context(server.login(f"m{number}", ""))
        ada = stack.enter_context(server.login("ada"))
        eve = stack.enter_context(server.login("eve", "draft/chathistory"))
        flooding = threading.Thread(target=send_all, args=(eve, flood))
        flooding.start()
        slowest = 0.0
        for number in range(40):
            began = time.perf_counter()
            ada.send(f"PRIVMSG #lobby :{number}", label=str(number))
            ada.wait_for("PRIVMSG", label=str(number))
            slowest = max(slowest, time.perf_counter() - began)
        socket.socket.shutdown(eve.sock, socket.SHUT_RDWR)  # below TLS, which the other thread is using
        flooding.join()
    assert slowest < 0.8


def send_all(wire: Wire, data: bytes) -> None:
    with contextlib.suppress(OSError):
        wire.send_bytes(data)
