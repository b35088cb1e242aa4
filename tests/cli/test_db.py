"""`securechat db` as people run it: beside a running server, and where it must refuse."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import forking
from tests.running import Server
from tests.wire import Wire

Result = subprocess.CompletedProcess[str]
Login = Callable[..., Wire]


def run(server: Server, *words: str) -> Result:
    result = forking.run(server.command("db", *words), cwd=server.data)
    assert "Traceback" not in result.stderr
    return result


def acts(server: Server) -> list[str]:
    shown = forking.run(server.command("audit", "--json"))
    return [json.loads(line)["act"] for line in shown.stdout.splitlines()]


def refused(result: Result, status: int, *words: str) -> None:
    assert (result.returncode, result.stdout) == (status, "")
    for word in words:
        assert word in result.stderr


def test_a_backup_beside_a_running_server_comes_back_as_it_was(server: Server, login: Login, tmp_path: Path) -> None:
    file = tmp_path / "chat.db"
    ada = login("ada")
    ada.ask("PRIVMSG #lobby :before the backup")
    made = run(server, "backup", str(file))
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith(f"wrote {file}: accounts 1, messages 1, the newest of 2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ada.ask("PRIVMSG #lobby :behind it")[0].command == "PRIVMSG"
    refused(run(server, "restore", str(file)), 1, f"process {server.pid} already serves")
    assert [entry.text for entry in server.history("#lobby")] == ["before the backup", "behind it"]

    server.stop()
    done = run(server, "restore", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    [_, kept] = done.stdout.splitlines()
    assert Path(kept.rpartition(" ")[2]).exists()
    server.start()
    assert [entry.text for entry in server.history("#lobby")] == ["before the backup"]
    assert login("ada").ask("PRIVMSG #lobby :again")[0].command == "PRIVMSG"
    assert run(server, "verify", kept.rpartition(" ")[2]).stdout.startswith(kept.rpartition(" ")[2] + " is whole")
    assert acts(server) == ["account.add", "login", "database.backup", "database.restore", "login"]


def test_the_facts_come_as_json(server: Server, login: Login, tmp_path: Path) -> None:
    login("ada").ask("PRIVMSG #lobby :hello")
    file = str(tmp_path / "chat.db")
    made = json.loads(run(server, "backup", file, "--json").stdout)
    assert (made["file"], made["accounts"], made["messages"]) == (file, 1, 1)
    assert json.loads(run(server, "verify", file, "--json").stdout) == {**made, "whole": True}
    own = json.loads(run(server, "verify", "--json").stdout)
    assert (own["whole"], own["newest"]) == (True, made["newest"])
    server.stop()
    done = json.loads(run(server, "restore", file, "--json").stdout)
    assert done["accounts"] == 1
    assert Path(done["replaced"]).exists()


def test_a_damaged_file_is_told_of_and_never_restored(idle_server: Server, tmp_path: Path) -> None:
    idle_server.adduser("ada")
    file = tmp_path / "chat.db"
    assert run(idle_server, "backup", str(file)).returncode == 0
    with file.open("r+b") as opened:
        opened.seek(8192)
        opened.write(b"\xa5" * 65536)
    refused(run(idle_server, "verify", str(file)), 1, "is damaged")
    told = run(idle_server, "verify", str(file), "--json")
    assert (told.returncode, json.loads(told.stdout)["whole"]) == (1, False)
    refused(run(idle_server, "restore", str(file)), 1, "is damaged")
    assert run(idle_server, "verify").returncode == 0


def test_nothing_is_written_over_and_never_the_database_itself(idle_server: Server, tmp_path: Path) -> None:
    idle_server.adduser("ada")
    file = tmp_path / "chat.db"
    file.write_text("precious")
    refused(run(idle_server, "backup", str(file)), 1, "--force")
    assert file.read_text() == "precious"
    assert run(idle_server, "backup", str(file), "--force").returncode == 0
    (tmp_path / "link.db").symlink_to(idle_server.data / "securechat.db")
    for own in (idle_server.data / "securechat.db", tmp_path / "link.db", Path("securechat.db-wal")):
        refused(run(idle_server, "backup", "--force", str(own)), 2, "the server's own database")
        refused(run(idle_server, "restore", str(own)), 2, "the server's own database")
    assert run(idle_server, "verify").returncode == 0


@pytest.mark.parametrize("words", [("backup", "x.db"), ("verify",), ("restore", "x.db")])
def test_where_there_is_nothing_nothing_is_made(idle_server: Server, words: tuple[str, ...]) -> None:
    refused(run(idle_server, *words), 2, "there is no ")
    assert not list(idle_server.data.glob("*.db"))
