"""A person's mistake is one line with its cause and what to type next, and an exit status; never a traceback.

What `adduser` and its kin and `gen_certs.py` refuse is tested beside them; `login` has a table of its own.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from securechat.store.accounts import Accounts
from securechat.tls import authority
from tests import forking
from tests.running import PASSWORD, Server

LONG_LABEL = "x" * 64 + ".example"  # no name server is asked for it
CHEAP_HASHES = "auth.bcrypt_rounds is 4"  # a warning about this test's own configuration
NET_BIND_SERVICE = 10
PR_CAPBSET_DROP = 24
EXEMPT_PORTS = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def nothing(server: Server) -> None:
    """All is well but for the words typed."""


def is_configured(text: str) -> Callable[[Server], None]:
    return lambda server: server.configure(text)


def has_no_certificate(server: Server) -> None:
    shutil.rmtree(server.certificates)


def has_another_key(server: Server) -> None:
    other = server.data / "other"
    authority.create(other)
    shutil.copy(other / "server.key", server.certificates / "server.key")


def has_a_broken_certificate(server: Server) -> None:
    (server.certificates / "server.crt").write_text("not PEM")


def has_no_key(server: Server) -> None:
    (server.certificates / "server.key").unlink()


def has_a_newer_schema(server: Server) -> None:
    server.open_store().close()
    with closing(sqlite3.connect(server.data / "securechat.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")


def has_another_file_for_a_database(server: Server) -> None:
    (server.data / "securechat.db").touch(mode=0o600)
    (server.data / "securechat.db").write_text("Dear diary, today I learned that a database is not a text file.\n" * 99)


class Mistake(NamedTuple):
    words: str  # of `securechat`; CERTS and TAKEN are filled in
    status: int
    said: tuple[str, ...]
    given: Callable[[Server], None] = nothing


SERVE = "serve --listen 127.0.0.1:0 --cert CERTS/server.crt --key CERTS/server.key"

MISTAKES = {
    "no certificate": Mistake(
        "serve --listen 127.0.0.1:0", 2, ("no certificate", "make one with: python scripts/gen_certs.py")
    ),
    "certificate not there": Mistake(
        SERVE, 2, ("cannot read", "server.crt", "scripts/gen_certs.py"), has_no_certificate
    ),
    "key not there": Mistake(SERVE, 2, ("cannot read", "server.key", "scripts/gen_certs.py"), has_no_key),
    "broken certificate": Mistake(SERVE, 1, ("holds no certificate", "gen_certs.py --force"), has_a_broken_certificate),
    "key of another": Mistake(SERVE, 1, ("does not belong to", "gen_certs.py --force"), has_another_key),
    "certificate without key": Mistake(
        "serve --listen 127.0.0.1:0 --cert CERTS/server.crt", 2, ("give both --cert and --key",)
    ),
    "port in use": Mistake(SERVE.replace("127.0.0.1:0", "TAKEN"), 1, ("the port is in use", "--listen HOST:PORT")),
    "port given twice": Mistake(
        SERVE.replace("127.0.0.1:0", "127.0.0.1:FREE --listen 127.0.0.1:FREE"), 1, ("the port is in use",)
    ),
    "address of another machine": Mistake(
        SERVE.replace("127.0.0.1", "192.0.2.1"), 1, ("does not have that address", "--listen HOST:PORT")
    ),
    "impossible name to listen on": Mistake(SERVE.replace("127.0.0.1", "a..b"), 1, ("no host name", "--listen")),
    "too long a name to listen on": Mistake(SERVE.replace("127.0.0.1", LONG_LABEL), 1, ("no host name", "--listen")),
    "unknown key": Mistake(SERVE, 2, ("config.toml", "$.tls", "`cert`"), is_configured("[tls]\ncert = 'x'\n")),
    "wrong kind": Mistake(SERVE, 2, ("limits.outbox", "int"), is_configured("[limits]\noutbox = 'x'\n")),
    "no listener": Mistake("serve", 2, ("listen",), lambda server: prepend(server, "listen = []")),
    "no channel name": Mistake(SERVE, 2, ("'lobby'", "autojoin"), is_configured("[channels]\nautojoin = ['lobby']\n")),
    "no TOML": Mistake(SERVE, 2, ("config.toml", "line"), is_configured("[tls\n")),
    "no network": Mistake(SERVE, 2, ("config.toml", "10.0.0.0/99"), is_configured("[limits]\nexempt=['10.0.0.0/99']")),
    "no such configuration": Mistake(SERVE + " --config none.toml", 2, ("none.toml", "No such file")),
    "no SQLite": Mistake(SERVE, 2, ("expected sqlite:",), is_configured("[store]\nurl = 'postgresql://me:pw@x/y'\n")),
    "newer schema": Mistake(SERVE, 1, ("'9999'", "newer securechat"), has_a_newer_schema),
    "newer schema for a command": Mistake("users list", 1, ("'9999'", "newer securechat"), has_a_newer_schema),
    "no database": Mistake(SERVE, 1, ("something else", "--data"), has_another_file_for_a_database),
}


def prepend(server: Server, line: str) -> None:
    path = server.data / "config.toml"
    path.write_text(f"{line}\n{path.read_text()}")


@pytest.fixture
def server(tmp_path: Path) -> Iterable[Server]:
    """Not running; its certificates may be spoilt."""
    authority.create(tmp_path / "certificates")
    server = Server(tmp_path / "data", tmp_path / "certificates")
    yield server
    if server.process is not None:
        server.kill()


def one_line(done: subprocess.CompletedProcess[str], status: int, *said: str) -> None:
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    [line] = [line for line in done.stderr.splitlines() if CHEAP_HASHES not in line]
    assert line.startswith("securechat: ")
    assert "this is a bug" not in line
    for words in said:
        assert words in line


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_an_exit_status(server: Server, tmp_path: Path, mistake: Mistake) -> None:
    mistake.given(server)
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as free:
        values = {
            "CERTS": str(server.certificates),
            "TAKEN": f"127.0.0.1:{taken.getsockname()[1]}",
            "FREE": str(free.getsockname()[1]),
        }
        free.close()
        words = mistake.words
        for name, value in values.items():
            words = words.replace(name, value)
        one_line(forking.run(server.command(*words.split()), cwd=tmp_path), mistake.status, *mistake.said)


def drop_the_right_to_low_ports() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, NET_BIND_SERVICE, 0, 0, 0)


def test_a_port_that_only_root_may_use_is_one_line(server: Server, tmp_path: Path) -> None:
    if EXEMPT_PORTS.exists() and int(EXEMPT_PORTS.read_text()) <= 1:
        return  # everyone may use every port here
    words = server.command(*SERVE.replace("CERTS", str(server.certificates)).replace(":0", ":1").split())
    drop = drop_the_right_to_low_ports if os.geteuid() == 0 else None
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, preexec_fn=drop)
    one_line(done, 1, "not permitted", "above 1023")


def test_a_second_server_on_the_same_data_is_told_the_first_one_s_pid(server: Server, tmp_path: Path) -> None:
    server.start()
    assert server.process is not None
    words = server.command(*SERVE.replace("CERTS", str(server.certificates)).split())
    done = forking.run(words, cwd=tmp_path)
    one_line(done, 1, f"process {server.process.pid} already serves", "--data")
    with server.login("ada") as ada:
        ada.sync()


def login(server: Server, folder: Path, host: str, *extra: str) -> subprocess.CompletedProcess[str]:
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(PASSWORD)
    words = ["login", f"ada@{host}:{server.port}", "--password-file", str(password), *extra]
    return forking.run([*forking.PREFIX, *words, "--profile-dir", str(folder / "profile")], cwd=folder)


@pytest.mark.parametrize("state", ["unknown", "suspended", "deleted"])
def test_who_may_not_log_in_is_told_so_with_status_5(server: Server, tmp_path: Path, state: str) -> None:
    if state != "unknown":
        server.adduser("ada")
        with closing(server.open_store()) as database:
            accounts = Accounts(database, ())
            accounts.suspend("ada") if state == "suspended" else accounts.delete("ada")
    server.start()
    one_line(login(server, tmp_path, "localhost", "--ca", str(server.ca)), 5)
