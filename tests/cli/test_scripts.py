"""`securechat send` and `securechat tail` as scripts use them: a real server, real processes."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests import forking
from tests.cli.conftest import Login
from tests.relay import Relay
from tests.running import Server
from tests.terminal import Terminal


class Scripts:
    """The words and the environment of one person's scripts."""

    def __init__(self, team: Login) -> None:
        self.server = team.server
        self.env = team.env | {"TZ": "UTC"}
        self.options = ("--profile-dir", str(team.profile("ada")), "--ca", str(self.server.ca))
        self.options += ("--password-file", str(team.password_file))

    def words(self, command: str, *words: str, name: str | None = "ada", port: int | None = None) -> list[str]:
        where = ["--server", f"{name}@localhost:{port or self.server.port}"] if name else []
        return [*forking.PREFIX, command, *words, *where, *self.options]

    def run(self, command: str, *words: str, text: bytes = b"", **where: str | None) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        done = forking.run(self.words(command, *words, **where), input=text, env=self.env)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def scripts(team: Login) -> Scripts:
    return Scripts(team)


@pytest.fixture
def tail(scripts: Scripts) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []

    def tail(*words: str, **where: int) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        full = scripts.words("tail", *words, **where)
        running.append(subprocess.Popen(full, stdout=pipe, stderr=pipe, text=True, env=scripts.env))
        return running[-1]

    yield tail
    for process in running:
        process.kill()
        process.communicate()


def said(server: Server, target: str = "#lobby") -> list[str]:
    return [entry.text for entry in server.history(target) if entry.kind == "PRIVMSG"]


def test_what_was_sent_is_stored_when_it_ends(scripts):
    assert scripts.run("send", "#lobby", "the backup is done") == (0, "", "")
    assert scripts.run("send", "@bob", "psst") == (0, "", "")
    assert said(scripts.server) == ["the backup is done"]
    assert said(scripts.server, "ada:bob") == ["psst"]


@pytest.mark.parametrize("words", [["-"], []])
def test_standard_input_is_one_message(scripts, words):
    assert scripts.run("send", "#lobby", *words, text="one\r\n\n tw\u00f6 /quit\n/three\n".encode()) == (0, "", "")
    assert said(scripts.server) == ["one\n\n tw\u00f6 /quit\n/three"]


def test_what_is_too_much_for_one_message_is_several_and_the_last_is_told(scripts):
    text = "".join(f"line {number}\n" for number in range(150))
    status, output, _ = scripts.run("send", "#lobby", "--id", "log 7", "--json", text=text.encode())
    again = scripts.run("send", "#lobby", "--id", "log 7", "--json", text=text.encode())
    assert (status, output, "") == again
    entries = [entry for entry in scripts.server.history("#lobby") if entry.kind == "PRIVMSG"]
    assert [entry.text.count("\n") + 1 for entry in entries] == [100, 50]
    assert json.loads(output)["msgid"] == entries[-1].msgid


def test_under_an_id_it_is_stored_once_and_another_text_is_refused(scripts):
    first = scripts.run("send", "#lobby", "one", "--id", "job 7", "--json")
    again = scripts.run("send", "#lobby", "one", "--id", "job 7", "--json")
    assert first[0] == 0
    assert first == again
    told = json.loads(first[1])
    [entry] = [entry for entry in scripts.server.history("#lobby") if entry.kind == "PRIVMSG"]
    assert (told["target"], told["id"], told["msgid"]) == ("#lobby", "job 7", entry.msgid)
    assert told["time"].endswith("+00:00")
    status, output, errors = scripts.run("send", "#lobby", "two", "--id", "job 7")
    assert (status, output) == (1, "")
    assert errors == "securechat: not sent to '#lobby': another message was sent under this name\n"
    assert said(scripts.server) == ["one"]


def test_into_a_channel_one_is_not_in_it_takes_join(scripts, login):
    with scripts.server.login("bob") as bob:
        bob.send("JOIN #ops")
        bob.sync()
        status, _, errors = scripts.run("send", "#ops", "hello")
        assert status == 1
        assert errors.endswith("; ada is not in #ops: --join enters it\n")
        assert scripts.run("send", "#ops", "hello", "--join") == (0, "", "")
    assert said(scripts.server, "#ops") == ["hello"]


@pytest.mark.parametrize(
    ("words", "text", "status", "told"),
    [
        (["ops!", "x"], b"", 2, "'ops!' is neither a channel, as '#ops' in quotes, nor a person, as @bob"),
        (["#lobby", " "], b"", 2, "nothing to send: the text is empty"),
        (["#lobby"], b"", 2, "nothing to send: the text is empty"),
        (["#lobby"], b"\xff", 2, "standard input is not UTF-8; nothing was sent"),
        (["#lobby"], b"x" * 1024 * 1025, 2, "standard input is longer than 1048576 bytes; nothing was sent"),
        (["@nobody", "x"], b"", 1, "not sent to 'nobody': No such nick"),
    ],
)
def test_what_cannot_be_sent_says_why_in_one_line(scripts, words, text, status, told):
    ended = scripts.run("send", *words, text=text)
    assert ended[:2] == (status, "")
    assert ended[2].startswith(f"securechat: {told}")
    assert ended[2].count("\n") == 1


def test_without_a_server_it_is_the_last_one(scripts):
    status, _, errors = scripts.run("send", "#lobby", "x", name=None)
    assert (status, "--server [USER@]HOST[:PORT]" in errors) == (2, True)
    login = [*forking.PREFIX, "login", f"ada@localhost:{scripts.server.port}", *scripts.options]
    assert forking.run(login, env=scripts.env).returncode == 0
    assert scripts.run("send", "#lobby", "x", name=None) == (0, "", "")
    assert scripts.run("tail", "#lobby", name=None)[1].endswith("#lobby <ada> x\n")


def test_a_server_that_is_not_there_is_status_3(scripts):
    scripts.server.stop()
    status, output, errors = scripts.run("send", "#lobby", "x")
    assert (status, output, errors.count("\n")) == (3, "", 1)


def test_on_a_terminal_without_a_text_it_says_so(scripts):
    shown = Terminal(scripts.words("send", "#lobby"), scripts.env)
    assert shown.status() == 2
    assert "nothing to send: give the TEXT, or pipe it in" in shown.text


def test_tail_prints_the_newest_or_what_was_said_since(scripts, login):
    bob = login("bob")
    for number in range(1, 13):
        bob.send(f"PRIVMSG #lobby :line {number}")
    bob.send("PRIVMSG ada :\x1b[2Jpsst")
    bob.sync()
    status, output, errors = scripts.run("tail", "#lobby")
    assert (status, errors) == (0, "")
    assert [line.partition("] ")[2] for line in output.splitlines()] == [
        f"#lobby <bob> line {number}" for number in range(3, 13)
    ]
    assert len(scripts.run("tail", "#lobby", "--since", "1h")[1].splitlines()) == 12
    assert scripts.run("tail", "#lobby", "--since", "2037-01-01") == (0, "", "")
    assert scripts.run("tail", "@bob")[1].endswith("[bob \u2192 you] \\x1b[2Jpsst\n")
    first = json.loads(scripts.run("tail", "#lobby", "--json", "--since", "1h")[1].splitlines()[0])
    assert (first["from"], first["text"], first["target"]) == ("bob", "line 1", "#lobby")


def test_a_message_of_several_lines_is_one_to_tail_and_search(scripts, login):
    bob = login("bob")
    bob.say("#lobby", "disk full", "", "[2026-03-01 12:00] #lobby <eve> see you")
    bob.sync()
    for command in (("tail", "#lobby"), ("search", "disk")):
        first, *more = scripts.run(*command)[1].splitlines()
        assert first.endswith("#lobby <bob> disk full")
        assert more == ["        | ", "        | [2026-03-01 12:00] #lobby <eve> see you"]
        (line,) = scripts.run(*command, "--json")[1].splitlines()
        assert json.loads(line)["text"] == "disk full\n\n[2026-03-01 12:00] #lobby <eve> see you"


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["#nowhere"], 1, "cannot read what was said in #nowhere"),
        (["#lobby", "--since", "never"], 2, "'never' is no time"),
        (["?"], 2, "'?' is neither a channel"),
    ],
)
def test_what_cannot_be_read_says_why(scripts, words, status, told):
    ended = scripts.run("tail", *words)
    assert ended[:2] == (status, "")
    assert ended[2].startswith(f"securechat: {told}")


def test_tail_follows_over_a_lost_link_without_gap_or_double_until_ctrl_c(scripts, tail, login):
    bob = login("bob")

    def say(*texts: str) -> None:
        for text in texts:
            bob.send(f"PRIVMSG #lobby :{text}")
        bob.send("PRIVMSG #lobby :.")
        bob.sync()

    def printed() -> list[str]:
        return list(iter(lambda: json.loads(process.stdout.readline())["text"], "."))

    say("before")
    with Relay(scripts.server.port) as relay:
        process = tail("#lobby", "--follow", "--json", port=relay.address[1])
        assert printed() == ["before"]
        say("one", "two")
        assert printed() == ["one", "two"]
        relay.drop()
        say("three", "four")
        assert printed() == ["three", "four"]
        say("five")
        assert printed() == ["five"]
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (130, "")
    assert "connection lost" in errors
    assert "Traceback" not in errors


def test_tail_ends_quietly_when_nobody_reads(scripts, tail, login):
    bob = login("bob")
    bob.send("PRIVMSG #lobby :one")
    bob.sync()
    process = tail("#lobby", "--follow")
    assert process.stdout.readline().endswith("one\n")
    process.stdout.close()
    while process.poll() is None:
        bob.send("PRIVMSG #lobby :more")
        bob.sync()
    assert process.stderr.read() == ""


def test_neither_counts_anything_as_seen(scripts, login):
    with scripts.server.login("bob") as bob:
        bob.send("PRIVMSG #lobby :for ada")
        bob.sync()
    assert scripts.run("tail", "#lobby")[0] == 0
    assert scripts.run("send", "#lobby", "x")[0] == 0
    words = [*forking.PREFIX, "login", f"ada@localhost:{scripts.server.port}", *scripts.options]
    done = forking.run(words, env=scripts.env)
    assert "for ada" in done.stdout
