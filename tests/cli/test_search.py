"""`securechat search` as people and scripts use it: a real server, real processes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import forking
from tests.running import PASSWORD, Server
from tests.terminal import Terminal


class Search:
    """The words and the environment of `securechat search`, with a profile of its own."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.profile = folder / "profile"
        self.password_file = folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n")
        self.password_file.chmod(0o600)
        self.env = {key: value for key, value in os.environ.items() if key != "SECURECHAT_PASSWORD"}

    def __call__(self, *words: str, name: str | None = "ada") -> subprocess.CompletedProcess[str]:
        where = ["--server", f"{name}@localhost:{self.server.port}"] if name else []
        return self.run("search", *words, *where)

    def run(self, command: str, *words: str) -> subprocess.CompletedProcess[str]:
        options = ("--profile-dir", str(self.profile), "--ca", str(self.server.ca))
        password = ("--password-file", str(self.password_file))
        return forking.run([*forking.PREFIX, command, *words, *options, *password], env=self.env | {"TZ": "UTC"})


@pytest.fixture
def search(server: Server, tmp_path: Path) -> Search:
    server.adduser("ada", "bob", "eve")
    return Search(server, tmp_path)


@pytest.fixture
def talk(search, login):
    """What the team said: in the lobby, in a channel of bob's and eve's, and in private."""
    bob, ada = login("bob"), login("ada")
    for line in (
        "PRIVMSG #lobby :the disk is full",
        "PRIVMSG #lobby :the disk is fine again",
        "PRIVMSG ada :psst, the disk",
        "PRIVMSG eve :not for ada: the disk",
        "PRIVMSG #lobby :\x1b[2Jthe screen",
    ):
        bob.send(line)
        bob.sync()
    ada.send("PRIVMSG #lobby :whose disk is it")
    ada.sync()


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines without their time."""
    return [line.partition("] ")[2] for line in done.stdout.splitlines()]


def test_matches_are_printed_oldest_first_with_date_and_place(search, talk):
    done = search("disk", "is")
    assert (done.returncode, done.stderr) == (0, "")
    assert said(done) == [
        "#lobby <bob> the disk is full",
        "#lobby <bob> the disk is fine again",
        "#lobby <ada> whose disk is it",
    ]
    stamp = done.stdout.partition("]")[0]
    assert len(stamp) == len("[2026-11-03 14:02")


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["disk", "--from", "ada"], ["#lobby <ada> whose disk is it"]),
        (["--in", "bob", "disk"], ["[bob → you] psst, the disk"]),
        (["disk", "--limit", "1"], ["#lobby <ada> whose disk is it"]),
        (["full", "--since", "1h"], ["#lobby <bob> the disk is full"]),
        (["screen"], [r"#lobby <bob> \x1b[2Jthe screen"]),
        (["--from", "ada"], ["#lobby <ada> whose disk is it"]),
    ],
)
def test_options_narrow_it_down(search, talk, words, lines):
    done = search(*words)
    assert (done.returncode, said(done)) == (0, lines)


@pytest.mark.parametrize("words", [["nonsense"], ["full", "--until", "1h"], ["not", "for"]])
def test_nothing_found_is_status_1_and_no_word(search, talk, words):
    done = search(*words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_json_is_one_object_a_line(search, talk):
    done = search("disk", "--in", "#lobby", "--json")
    first = json.loads(done.stdout.splitlines()[0])
    assert (first["target"], first["from"], first["kind"]) == ("#lobby", "bob", "message")
    assert first["text"] == "the disk is full"
    assert first["time"].endswith("+00:00")
    assert "\x1b" not in search("screen", "--json").stdout


def test_without_a_server_the_last_one_is_searched(search, talk):
    never = search("disk", name=None)
    assert never.returncode == 2
    assert "--server" in never.stderr
    assert search.run("login", f"ada@localhost:{search.server.port}").returncode == 0
    assert search("full", name=None).returncode == 0


def test_a_search_shows_nothing_as_seen(search, talk):
    assert search.run("login", f"ada@localhost:{search.server.port}").returncode == 0
    with search.server.login("bob") as bob:
        bob.send("PRIVMSG #lobby :while ada was away")
        bob.sync()
    assert search("away").returncode == 0
    assert "while ada was away" in search.run("login", f"ada@localhost:{search.server.port}").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing to search for"),
        (["x", "--since", "never"], "'never' is no time"),
        (["x", "--limit", "0"], "'0' is no number of lines"),
        (["x", "--in", "#nowhere"], "cannot search: no history here for you"),
    ],
)
def test_a_search_that_cannot_be_done_is_status_2_and_says_why(search, words, told):
    done = search(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("securechat: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_search_in_line_mode_shows_what_is_found(search, talk):
    words = [*forking.PREFIX, "login", f"ada@localhost:{search.server.port}"]
    words += ["--ca", str(search.server.ca), "--password-file", str(search.password_file)]
    ada = Terminal(
        [*words, "--profile-dir", str(search.profile), "--line"], search.env | {"TERM": "xterm", "TZ": "UTC"}
    )
    ada.wait_for("#lobby>")
    ada.enter("/search disk from:bob in:#lobby since:1h")
    ada.wait_for(r"\[\d{4}-\d\d-\d\d \d\d:\d\d\] #lobby <bob> the disk is full\n(.*\n)*-!- 2 messages found")
    ada.enter("/search disk in:#nowhere")
    ada.wait_for("-!- cannot search: no history here for you")
    ada.enter("/search nonsense")
    ada.wait_for("-!- nothing found")
    ada.enter("/quit")
    assert ada.status() == 0
