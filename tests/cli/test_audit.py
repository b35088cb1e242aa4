"""`securechat audit` as people run it, beside a running server."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing

import pytest

from securechat.store.schema import AUDIT_TRIGGERS
from tests import forking
from tests.running import PASSWORD, Server
from tests.wire import Wire

Login = Callable[..., Wire]


def run(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    result = forking.run(server.command("audit", *words), cwd=server.data)
    assert "Traceback" not in result.stderr
    return result


@pytest.fixture
def busy(server: Server, login: Login) -> Server:
    """Ada has killed Bob's sessions, with a reason that would like to be a line of its own."""
    server.adduser("ada", admin=True)
    ada = login("ada")
    login("bob")
    ada.ask(f"OPER ada :{PASSWORD}")
    ada.ask("KILL bob :\x1b[2Jgone\x85\u2028")
    return server


def test_it_is_shown_in_lines_that_nobody_can_forge(busy: Server) -> None:
    lines = run(busy).stdout.splitlines()
    assert [line[22:] for line in lines[1:]] == [
        "login ada from 127.0.0.1 (password)",
        "account.add bob by " + lines[0].rpartition(" by ")[2].replace("admin", "member"),
        "login bob from 127.0.0.1 (password)",
        "oper ada from 127.0.0.1",
        r"kill bob by ada from 127.0.0.1 (\x1b[2Jgone\x85\u2028)",
    ]
    assert run(busy, "--limit", "1").stdout.splitlines() == lines[-1:]
    assert run(busy, "--account", "BOB", "--since", "1h").stdout.splitlines() == [lines[2], lines[3], lines[5]]
    assert run(busy, "show", "--since", "2001-01-01").stdout.splitlines() == lines
    assert run(busy, "--since", "yesterday").returncode == 2


def test_who_is_behind_sudo_is_named(idle_server: Server) -> None:
    words = idle_server.command("adduser", "ada", "--password-stdin")
    environment = {**os.environ, "SUDO_USER": "grace"}
    assert forking.run(words, input=PASSWORD, env=environment).returncode == 0
    assert run(idle_server).stdout.endswith(" (sudo by grace) (member)\n")


def test_each_entry_is_a_json_object_a_line(busy: Server) -> None:
    facts = [json.loads(line) for line in run(busy, "--json").stdout.splitlines()]
    assert [one["act"] for one in facts] == ["account.add", "login", "account.add", "login", "oper", "kill"]
    assert facts[-1]["detail"] == "\x1b[2Jgone\x85\u2028"
    assert facts[1]["time"].endswith("+00:00")
    head = json.loads(run(busy, "verify", "--json").stdout)
    assert head == {"whole": True, "entries": 6, "head": facts[-1]["hash"], "problems": []}


def test_what_comes_is_followed(busy: Server, login: Login) -> None:
    words = busy.command("audit", "--follow", "--limit", "1", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["act"] == "kill"
        login("cyd")
        came = [json.loads(follower.stdout.readline()) for _ in range(2)]
        assert [(one["act"], one["subject"]) for one in came] == [("account.add", "cyd"), ("login", "cyd")]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 130


def test_what_was_done_to_it_is_told_with_status_1(busy: Server) -> None:
    assert run(busy, "verify").stdout.startswith("ok: 6 entries, head ")
    head = run(busy, "verify").stdout.split()[-1]
    assert run(busy, "verify", "--head", head.upper()).returncode == 0
    busy.stop()
    with closing(sqlite3.connect(busy.data / "securechat.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute("DELETE FROM audit WHERE act = 'kill'")
        connection.execute(AUDIT_TRIGGERS["audit_no_delete"])
    result = run(busy, "verify", "--head", head)
    assert (result.returncode, result.stdout) == (1, "")
    assert "entry 6 is missing" in result.stderr
    assert f"no entry has the hash {head}" in result.stderr
