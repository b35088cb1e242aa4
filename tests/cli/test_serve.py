"""`securechat serve` from its start to its end: where it listens, what it serves with, how it goes."""

from __future__ import annotations

import base64
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from securechat.auth import passwords
from securechat.store.accounts import Accounts
from tests.running import PASSWORD, Server
from tests.wire import PATIENCE, Wire

Login = Callable[..., Wire]

ENDS_WITHIN = 5.0
ANNOUNCED = re.compile(r"listening on (.+):(\d+) \(TLS 1\.3\)\n")

# Runs `securechat` with a bug in it: the first line of the function named in the first argument raises. The tracing
# function does that in the line's place, so the code is as it is.
WITH_A_BUG = """
import sys, threading
from securechat.cli.main import main
wanted = sys.argv.pop(1)
def raises(frame, event, argument):
    if event == "line":
        raise KeyError("planted")
def traced(frame, event, argument):
    owner = type(frame.f_locals["self"]).__name__ + "." if "self" in frame.f_locals else ""
    return raises if owner + frame.f_code.co_name == wanted else None
threading.settrace(traced)
sys.settrace(traced)
main(sys.argv[1:])
"""


@contextmanager
def serving(words: list[str], announced: int = 1, **options: object) -> Iterator[list[tuple[str, int]]]:
    """Where a `serve` process listens; it must end well."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **options) as process:  # type: ignore[call-overload]
        try:
            lines = [process.stdout.readline() for _ in range(announced)]
            matches = [ANNOUNCED.fullmatch(line) for line in lines]
            assert all(matches), lines
            yield [(match[1].strip("[]"), int(match[2])) for match in matches]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def pair(server: Server) -> list[str]:
    return ["--cert", str(server.certificates / "server.crt"), "--key", str(server.certificates / "server.key")]


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


# Where it listens, and what it serves with


def test_it_listens_wherever_it_is_told_to(idle_server: Server) -> None:
    idle_server.adduser("ada")
    wanted = ["127.0.0.1:0", "127.0.0.2:0", "localhost:0"]
    words = [word for place in wanted for word in ("--listen", place)]
    addresses = socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)
    with serving(idle_server.command("serve", *pair(idle_server), *words), 2 + len(addresses)) as places:
        assert [address for address, _ in places[:2]] == ["127.0.0.1", "127.0.0.2"]
        assert len({port for _, port in places[2:]}) == 1
        for place in places:
            with Wire(place, idle_server.ca) as wire:
                wire.register("ada", PASSWORD)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback")
@pytest.mark.parametrize(("listen", "shown"), [("[::1]:0", "::1"), (":0", "::")])
def test_it_listens_on_ipv6_too(idle_server: Server, listen: str, shown: str) -> None:
    idle_server.adduser("ada")
    with serving(idle_server.command("serve", *pair(idle_server), "--listen", listen)) as [(address, port)]:
        assert address == shown
        for host in ["::1"] if shown == "::1" else ["::1", "127.0.0.1"]:
            with Wire((host, port), idle_server.ca) as wire:
                wire.register("ada", PASSWORD)


def test_certificates_are_looked_for_in_certs_and_then_in_the_data_folder(idle_server: Server, tmp_path: Path) -> None:
    words = idle_server.command("serve", "--listen", "127.0.0.1:0")
    for name in ("server.crt", "server.key"):
        shutil.copy(idle_server.certificates / name, idle_server.data)
    with serving(words, cwd=tmp_path):
        pass
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "server.crt").write_text("broken, but nearer")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "certs/server.crt holds no certificate" in done.stderr


def test_the_configuration_says_where_unless_the_command_line_does(idle_server: Server) -> None:
    lines = [f"certificate = '{idle_server.certificates}/server.crt'", f"key = '{idle_server.certificates}/server.key'"]
    listen = "[[listen]]\naddress = '127.0.0.3'\nport = 0\n"
    idle_server.configure("\n".join([listen, "[tls]", *lines]))
    with serving(idle_server.command("serve")) as [(address, _)]:
        assert address == "127.0.0.3"
    with serving(idle_server.command("serve", "--listen", "127.0.0.1:0")) as [(address, _)]:
        assert address == "127.0.0.1"


def test_a_database_that_others_could_read_is_taken_from_them(idle_server: Server) -> None:
    idle_server.adduser("ada")
    database = idle_server.data / "securechat.db"
    database.chmod(0o644)
    idle_server.start().stop()
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
    assert f"others could read {database}" in idle_server.log()


def test_a_key_that_others_could_read_is_taken_from_them(idle_server: Server, tmp_path: Path) -> None:
    for name in ("server.crt", "server.key"):
        shutil.copy(idle_server.certificates / name, tmp_path)
    key = tmp_path / "server.key"
    key.chmod(0o644)
    idle_server.certificates = tmp_path
    idle_server.start()
    assert stat.S_IMODE(key.stat().st_mode) & 0o027 == 0
    assert f"others could read key {key}" in idle_server.log()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # between two looks at what no reply tells of


# How it goes


def ends(server: Server, *readers: Wire, number: int = signal.SIGTERM) -> float:
    """Seconds until the process is gone, with status 0. `readers` hang up when they are told, as clients do."""
    began = time.monotonic()
    server.signal(number)
    for wire in readers:
        wire.until_closed()
        wire.close()
    assert server.wait() == 0
    return time.monotonic() - began


def keep_asking(wire: Wire) -> None:
    """Until an answer takes longer than it should."""
    while True:
        wire.send("PING x")
        wire.wait_for("PONG", within=0.3)


def last_words(wire: Wire) -> str:
    [error] = [line for line in wire.seen if line.command == "ERROR"]
    return error.params[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_clients_are_told_and_what_they_said_is_kept(server: Server, login: Login, number: int) -> None:
    ada, bob = login("ada"), login("bob")
    with server.connect() as stranger:
        stranger.sync()
        for text in range(50):
            ada.send(f"PRIVMSG #lobby :line {text}", label=str(text))
        ada.wait_for(label="10")
        assert ends(server, ada, bob, stranger, number=number) < ENDS_WITHIN
    for wire in (ada, bob, stranger):
        assert last_words(wire) == "the server is shutting down"
    echoed = {line.params[-1] for line in ada.seen if line.command == "PRIVMSG"}
    assert echoed <= {entry.text for entry in server.history("#lobby")}
    assert "Traceback" not in server.log()
    assert "the server has ended" in server.log()


def test_a_second_signal_changes_nothing_and_nobody_must_hang_up(server: Server, login: Login) -> None:
    ada = login("ada")
    server.signal(signal.SIGINT)
    server.signal(signal.SIGINT)
    assert ends(server, number=signal.SIGINT) < ENDS_WITHIN
    ada.until_closed()
    assert last_words(ada) == "the server is shutting down"


def test_readers_that_stall_and_handshakes_that_never_end_do_not_keep_it(server: Server) -> None:
    server.adduser("stalled", "ada")
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        stack.enter_context(server.login("stalled", ""))
        ada = stack.enter_context(server.login("ada"))
        for number in range(2000):  # more than the kernel takes for a reader who does not read
            ada.send(f"PRIVMSG stalled :{'x' * 400}", label=str(number))
            if number % 50 == 49:
                ada.wait_for(label=str(number))
        assert ends(server, ada) < ENDS_WITHIN


def test_logins_that_are_being_checked_do_not_keep_it(server: Server) -> None:
    with closing(server.open_store()) as database:
        Accounts(database, ()).add("slow", passwords.hash(PASSWORD, 13))
    with ExitStack() as stack:
        wires = [stack.enter_context(server.connect()) for _ in range(15)]
        for wire in wires:
            wire.send("CAP LS 302")
            wire.authenticate("slow", PASSWORD)
        assert ends(server, *wires) < ENDS_WITHIN
    assert {last_words(wire) for wire in wires} == {"the server is shutting down"}


def test_a_database_that_another_process_holds_does_not_keep_it(server: Server, login: Login) -> None:
    ada, bob = login("ada"), login("bob")
    other = sqlite3.connect(server.data / "securechat.db", isolation_level=None)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        ada.send("PRIVMSG #lobby :stored by nobody", label="1")
        with pytest.raises(AssertionError, match="no PONG"):  # while a commit is under way no turn begins
            keep_asking(bob)
        bob.send("PRIVMSG #lobby :neither")
        assert ends(server, ada, bob) < ENDS_WITHIN
        other.execute("ROLLBACK")
    assert [line.label for line in ada.seen if line.command == "FAIL"] == ["1"]
    for wire in (ada, bob):
        assert last_words(wire) == "the server is shutting down"
    assert [entry.text for entry in server.history("#lobby") if entry.kind == "PRIVMSG"] == []


# Bugs


@pytest.mark.parametrize(
    ("function", "thread"), [("Loop._accept", ""), ("Storage._look", "store"), ("_done", "passwords-0")]
)
def test_a_bug_ends_it_with_status_9_and_its_traceback_is_in_the_log(
    idle_server: Server, function: str, thread: str
) -> None:
    """Tracing is slow; so is this test."""
    idle_server.adduser("ada")
    words = idle_server.command("serve", "--listen", "127.0.0.1:0", *pair(idle_server))[3:]
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_A_BUG, function, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if found := ANNOUNCED.fullmatch(line):
        with suppress(OSError, AssertionError), Wire((found[1], int(found[2])), idle_server.ca) as wire:
            wire.register("ada", PASSWORD)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 9
    log = idle_server.log()
    assert "    | KeyError: 'planted'" in log
    assert "in " + function.rpartition(".")[2] in log
    assert f"securechat: the thread {thread} ended" in errors if thread else "this is a bug: KeyError" in errors
    assert "run it again" not in errors
    for secret in (PASSWORD, base64.b64encode(f"\0ada\0{PASSWORD}".encode()).decode()):
        assert secret not in log + errors


def test_a_bug_of_login_is_in_the_client_s_log(server: Server, tmp_path: Path) -> None:
    server.adduser("ada")
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_text(PASSWORD)
    words = ["login", f"ada@localhost:{server.port}", "--ca", str(server.ca)]
    words += ["--profile-dir", str(tmp_path / "profile"), "--password-file", str(tmp_path / "password")]
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_BUG, "_chat", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    log = (tmp_path / "profile" / "client.log").read_text()
    assert done.returncode == 9
    assert f"details in {tmp_path / 'profile' / 'client.log'}" in done.stderr
    assert "    | KeyError: 'planted'" in log
    assert PASSWORD not in log + done.stderr
