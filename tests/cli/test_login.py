"""`securechat login` as people and scripts use it: a real server, real processes, a real terminal where it matters."""

from __future__ import annotations

import base64
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from securechat.auth import passwords
from securechat.protocol.multiline import pieces_of
from securechat.store.accounts import Accounts
from securechat.store.certificates import Certificates, Named
from securechat.tls import authority, clients, pins
from tests import forking
from tests.certificates import ASKING, client_pem
from tests.cli.conftest import Login
from tests.running import PASSWORD, Server
from tests.terminal import Terminal
from tests.wire import heard

PATIENCE = 20.0


def texts(server: Server, target: str = "#lobby") -> list[str]:
    return [entry.text for entry in server.history(target) if entry.kind == "PRIVMSG"]


def said(output: str) -> list[str]:
    """The lines without their time."""
    return [line.partition("] ")[2] for line in output.splitlines()]


# On a terminal


def test_two_people_see_each_other_s_lines_and_a_third_joins_late(team, terminal):
    ada, bob = terminal("ada"), terminal("bob", columns=40)
    ada.wait_for("#lobby>")
    bob.wait_for("#lobby>")
    ada.enter("hello bob")
    bob.wait_for(r"\[\d\d:\d\d\] <ada> hello bob")
    bob.enter("hello ada")
    ada.wait_for("<bob> hello ada")
    eve = terminal("eve")
    eve.wait_for("<bob> hello ada\n(.*\n)*#lobby>")
    eve.enter("late as ever")
    ada.wait_for("<eve> late as ever")
    bob.wait_for("<eve> late as ever")
    assert ada.text.count("hello bob") == 1
    ada.enter("/quit")
    assert ada.status() == 0


def test_arriving_lines_leave_the_one_being_typed_alone(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.type("half a sent")
    ada.wait_for("#lobby> half a sent$")
    assert team.pipe("bob", "".join(f"line {number}\n" for number in range(100))).returncode == 0
    ada.wait_for("<bob> line 99\n(.*\n)*#lobby> half a sent$")
    ada.enter("ence")
    ada.wait_for("<ada> half a sentence\n")


@pytest.mark.parametrize("columns", [80, 24])
def test_what_is_typed_while_lines_arrive_is_whole(team, terminal, login, columns):
    ada, bob = terminal("ada", "--line", columns=columns), login("bob")
    ada.wait_for("#lobby>")
    sentence = "none of these letters is lost"
    for number, letter in enumerate(sentence):
        ada.type(letter)
        for line in range(7):
            bob.send(f"PRIVMSG #lobby :line {number * 7 + line}")
    assert heard(bob) == [f"line {number}" for number in range(203)]
    ada.wait_for("line 202")
    wanted = f"#lobby> {sentence}"
    ada.wait_for("\n".join(wanted[at : at + columns].rstrip() for at in range(0, len(wanted), columns)) + "$")
    ada.enter("")
    ada.wait_for("(?s)<ada>.none.*lost")
    bob.wait_for(text=sentence)


def test_a_terminal_that_nobody_reads_for_a_while_gets_everything_in_the_end(team, login):
    """It takes up to 20 KiB; then whoever writes to it waits, even where another program has told it not to."""
    hasty = "import os, sys; os.set_blocking(1, False); os.execv(sys.argv[1], sys.argv[1:])"
    ada, bob = Terminal([sys.executable, "-c", hasty, *team.words("ada", "--line")], team.env), login("bob")
    ada.wait_for("#lobby>")
    ada.child.delaybeforesend = None
    words = "typed meanwhile"
    for letter in words:
        ada.type(letter)
        bob.send(f"PRIVMSG #lobby :{'long ' * 80}")
        bob.sync()
    for number in range(100):
        bob.send(f"PRIVMSG #lobby :{'long ' * 80}{number}")
    assert len(heard(bob)) == len(words) + 100
    ada.wait_for(f"long 99\n#lobby> {words}$")
    ada.enter("")
    ada.wait_for(f"<ada> {words}\n")
    assert [ada.raw.count(b"long %d\r" % number) for number in range(100)] == [1] * 100
    ada.close()


def test_ctrl_c_clears_the_line_and_leaves_on_an_empty_one(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.type("never mind\x03")
    ada.wait_for("#lobby>$")
    ada.type("\x03")
    assert ada.status() == 0
    assert texts(team.server) == []


def test_ctrl_d_sends_what_was_entered_before_it_leaves(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.type("last words\r\x04")
    assert ada.status() == 0
    assert texts(team.server) == ["last words"]


def test_pasted_lines_are_one_message(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.type("\x1b[200~one\n/quit\n\ntwo\n\x1b[201~\r")
    ada.wait_for("two")
    ada.enter("/quit")
    assert ada.status() == 0
    assert texts(team.server) == ["one\n/quit\n\ntwo"]


def test_a_mistyped_command_is_not_sent(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.enter("/mgs bob secret")
    ada.wait_for("did you mean /msg")
    ada.enter("//msg is a command")
    ada.wait_for("<ada> /msg is a command")
    assert texts(team.server) == ["/msg is a command"]


def test_a_password_is_changed_without_being_shown(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.enter("/passwd")
    for question, answer in (("old password", PASSWORD), ("new password", "staple4711x"), ("again", "staple4711x")):
        ada.wait_for(f"{question}:$")
        ada.enter(answer)
    ada.wait_for("password changed")
    assert b"staple4711x" not in ada.raw
    assert team.pipe("ada", "").returncode == 5
    team.password_file.write_text("staple4711x\n")
    assert team.pipe("ada", "").returncode == 0


def test_what_is_typed_ahead_of_a_question_is_not_shown_either(team, terminal, login):
    ada, bob = terminal("ada"), login("bob")
    ada.wait_for("#lobby>")
    with watched_echo(ada) as echoed:
        for line in ("/passwd", PASSWORD, "staple4711x", "staple4711x"):
            bob.send("PRIVMSG #lobby :meanwhile")
            ada.enter(line)
        ada.wait_for("password changed")
    assert len(echoed) > 100
    assert not any(echoed)
    assert b"staple4711x" not in ada.raw


@contextmanager
def watched_echo(terminal: Terminal) -> Iterator[list[bool]]:
    """Whether the terminal would show by itself what is typed, looked at all the time."""
    over, echoed = threading.Event(), list[bool]()

    def watch() -> None:
        while not over.is_set():
            echoed.append(terminal.child.getecho())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield echoed
    finally:
        over.set()
        watching.join()


def test_a_hostile_text_stays_text(team, terminal, login):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    before = len(ada.raw)
    login("bob").send("PRIVMSG #lobby :\x1b]0;owned\x07\x1b[2Jend \u202ebidi")
    ada.wait_for(r"<bob> \\x1b\]0;owned\\x07\\x1b\[2Jend \\u202ebidi")
    assert b"\x1b]0;" not in ada.raw[before:]
    assert ada.screen.title == ""


def test_a_dumb_terminal_gets_no_escape_codes(team, terminal):
    ada = terminal("ada", env={"TERM": "dumb"})
    ada.wait_for("you are ada in #lobby")
    ada.enter("hello")
    ada.wait_for("<ada> hello")
    ada.enter("/passwd")
    ada.wait_for("old password:")
    ada.enter("secret-typed")
    ada.wait_for("new password:")
    ada.enter("x")
    ada.wait_for("new password again:")
    ada.enter("y")
    ada.wait_for("the two new ones differ")
    ada.enter("/quit")
    assert ada.status() == 0
    assert b"\x1b" not in ada.raw
    assert b"secret-typed" not in ada.raw


@pytest.mark.parametrize("face", [(), ("--plain",)])
def test_a_lost_link_is_made_anew_and_what_was_missed_and_typed_is_there_once(team, terminal, face):
    ada = terminal("ada", *face)
    ada.wait_for("you are ada")
    team.pipe("bob", "before\n")
    ada.wait_for("<bob> before")
    team.server.kill()
    ada.wait_for(r"\[\d\d:\d\d\] -!- connection lost")
    ada.enter("typed offline")
    ada.wait_for(r"\[\d\d:\d\d\] -!- queued for #lobby: typed offline")
    ada.enter("/who bob")
    ada.wait_for("not connected, nothing was done")
    team.server.start()
    ada.wait_for(r"connected again: away \d+ s, nothing new")
    ada.wait_for("<ada> typed offline")
    team.pipe("bob", "after\n")
    ada.wait_for("<bob> after")
    ada.enter("/quit")
    assert ada.status() == 0
    assert texts(team.server) == ["before", "typed offline", "after"]
    assert [ada.text.count(f"> {line}") for line in ("before", "typed offline", "after")] == [1, 1, 1]


def test_an_outage_leaves_the_line_being_typed_alone(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.type("half a sent")
    ada.wait_for("#lobby> half a sent$")
    team.server.kill()
    ada.wait_for("connection lost.*\n(.*\n)*#lobby> half a sent$")
    ada.type("ence")
    team.server.start()
    ada.wait_for("connected again.*\n(.*\n)*#lobby> half a sentence$")
    ada.enter("")
    ada.wait_for("<ada> half a sentence\n")


@pytest.mark.parametrize(("keys", "status"), [("/quit\r", 0), ("\x03", 0), ("a line\r/quit\r", 3)])
def test_leaving_works_at_any_time_of_an_outage(team, terminal, keys, status):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    team.server.kill()
    ada.wait_for("connection lost")
    ada.type(keys)
    assert ada.status() == status
    assert ("-!- kept for your next login, to #lobby: a line" in ada.text) == (status == 3)


def test_what_was_typed_offline_survives_a_killed_client(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    team.server.kill()
    ada.wait_for("connection lost")
    ada.enter("typed offline")
    ada.wait_for("queued for #lobby: typed offline")
    ada.child.kill(signal.SIGKILL)
    team.server.start()
    again = terminal("ada")
    again.wait_for("<ada> typed offline")
    again.enter("/quit")
    assert again.status() == 0
    last = terminal("ada")
    last.wait_for("#lobby>")
    last.enter("/quit")
    assert last.status() == 0
    assert texts(team.server) == ["typed offline"]


def test_what_was_in_doubt_when_a_client_was_killed_is_stored_once(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    os.kill(team.server.pid, signal.SIGSTOP)
    ada.enter("in doubt")
    wait_for_bytes(team.server)
    ada.child.kill(signal.SIGKILL)
    os.kill(team.server.pid, signal.SIGCONT)
    again = terminal("ada")
    again.wait_for("queued for #lobby: in doubt")
    again.wait_for("<ada> in doubt")
    again.enter("done")
    again.wait_for("<ada> done")
    assert texts(team.server) == ["in doubt", "done"]


def test_an_outage_ends_when_the_person_said_so(team, terminal):
    ada = terminal("ada", "--give-up", "0")
    ada.wait_for("#lobby>")
    ada.type("half a sentence")
    ada.wait_for("half a sentence$")
    team.server.kill()
    assert ada.status() == 3
    assert "-!- not sent: half a sentence" in ada.text
    assert "the connection was lost" in ada.text


def test_a_key_that_changed_during_an_outage_is_a_hard_stop(team, terminal, tmp_path):
    old = pins.of((team.server.certificates / "server.crt").read_bytes())
    ada = terminal("ada", "--pin", old, trust=False)
    ada.wait_for("#lobby>")
    team.server.kill()
    authority.create(tmp_path / "new")
    team.server.certificates = tmp_path / "new"
    team.server.start()
    assert ada.status() == 4
    assert re.search("(?s)securechat: .*have the pinned key", ada.text)
    assert "admitted ada" not in team.server.log().partition("disconnected")[2]


def test_a_login_that_is_refused_after_an_outage_ends_it(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    team.server.kill()
    assert forking.run(team.server.command("users", "suspend", "ada")).returncode == 0
    team.server.start()
    assert ada.status() == 5
    assert "login as 'ada' refused" in ada.text


def test_colour_codes_pasted_without_brackets_break_nothing(team, terminal):
    ada = terminal("ada")
    ada.wait_for("#lobby>")
    ada.enter("\x1b[31mred")
    ada.wait_for("<ada> .*red")
    assert "Exception" not in ada.text


@pytest.mark.parametrize("face", [(), pytest.param(("--plain",), marks=pytest.mark.slow)])
def test_leaving_a_server_that_no_longer_answers_names_what_is_in_doubt(team, terminal, face):
    ada = terminal("ada", *face)
    ada.wait_for("you are ada")
    os.kill(team.server.process.pid, signal.SIGSTOP)
    try:
        ada.enter("into the void")
        ada.type("\x04")
        assert ada.status() == 3
    finally:
        os.kill(team.server.process.pid, signal.SIGCONT)
    assert "-!- kept for your next login, to #lobby: into the void" in ada.text


# Trust and passwords


def test_first_contact_asks_and_remembers_only_a_yes(team, terminal):
    shown = pins.of((team.server.certificates / "server.crt").read_bytes())
    ada = terminal("ada", trust=False)
    ada.wait_for(shown[-20:])
    ada.wait_for(r"\[y/N\]")
    ada.enter("")
    assert ada.status() == 4
    again = terminal("ada", trust=False)
    again.wait_for(r"\[y/N\]")
    again.enter("y")
    again.wait_for("#lobby>")
    again.enter("/quit")
    assert again.status() == 0
    assert team.pipe("ada", "hello\n", trust=False).returncode == 0


def test_without_a_terminal_first_contact_is_refused_with_both_ways_out(team):
    done = team.pipe("ada", "hello\n", trust=False)
    assert done.returncode == 4
    assert "--ca" in done.stderr
    assert "--pin" in done.stderr
    assert one_line(done.stderr)
    assert texts(team.server) == []


def test_a_changed_key_stops_before_anything_is_sent(team, tmp_path):
    certificate = team.server.certificates / "server.crt"
    old = pins.of(certificate.read_bytes())
    assert team.pipe("ada", "", "--pin", old, trust=False).returncode == 0
    team.server.stop()
    authority.create(tmp_path / "new")
    team.server.certificates = tmp_path / "new"
    team.server.start()
    done = team.pipe("ada", "hello\n", trust=False)
    assert done.returncode == 4
    assert one_line(done.stderr)
    forget = f"securechat trust forget localhost:{team.server.port}"
    for fact in ("HAS CHANGED", f"{datetime.now():%Y-%m-%d}", old, "--pin", forget):
        assert fact in done.stderr
    new = pins.of((tmp_path / "new" / "server.crt").read_bytes())
    assert team.pipe("ada", "", "--pin", new, trust=False).returncode == 0
    assert team.pipe("ada", "", trust=False).returncode == 0
    assert team.server.log().count("admitted ada") == 3


def one_line(stderr: str) -> bool:
    return stderr.startswith("securechat: ") and stderr.count("\n") == 1


def test_a_wrong_password_is_told_in_one_line(team):
    team.password_file.write_text("wrong\n")
    done = team.pipe("ada", "hello\n")
    assert done.returncode == 5
    assert done.stderr.startswith("securechat: login as 'ada' refused: wrong name or password; ")
    assert one_line(done.stderr)
    assert team.pipe("nobody", "hello\n").stderr == done.stderr.replace("'ada'", "'nobody'")


def test_a_terminal_may_try_another_password(team, terminal):
    ada = terminal("ada", password=False)
    for refusals in range(3):
        ada.wait_for(rf"(?s)(wrong name or password.*){{{refusals}}}Password of ada on [^ ]*:$")
        ada.enter("wrong" if refusals < 2 else PASSWORD)
    ada.wait_for("Remember this computer")
    ada.enter("n")
    ada.wait_for("#lobby>")
    assert PASSWORD.encode() not in ada.raw


def test_a_terminal_is_asked_for_the_code_of_a_second_factor(team, terminal):
    app = team.server.enable_totp("ada")
    ada = terminal("ada", password=False)
    ada.wait_for(r"Password of ada on [^ ]*:$")
    ada.enter(PASSWORD)
    ada.wait_for("code:$")
    ada.enter(app.wrong(time.time()))
    ada.wait_for("(?s)wrong code, or one that was used before; .*code:$")
    code = app.code(time.time())
    ada.enter(f"{code[:3]} {code[3:]}")
    ada.wait_for("Remember this computer")
    ada.enter("n")
    ada.wait_for("#lobby>")
    ada.enter("let in")
    ada.wait_for("<ada> let in")
    again = terminal("ada")  # with the password from the file
    again.wait_for("code:$")
    again.enter(code)
    again.wait_for("(?s)used before; .*code:$")
    again.enter(app.recovery_codes[0])
    again.wait_for("#lobby>")
    kept = b"".join(path.read_bytes() for path in team.profile("ada").iterdir() if path.is_file())
    assert PASSWORD.encode() not in kept
    assert code.encode() not in kept


def test_three_wrong_codes_end_it(team, terminal):
    app = team.server.enable_totp("ada")
    ada = terminal("ada")
    for refusals in range(3):
        ada.wait_for(rf"(?s)(wrong code.*){{{refusals}}}code:$")
        ada.enter(app.wrong(time.time()))
    assert ada.status() == 5
    assert "with --remember it is asked for once" in ada.text.replace("\n", "")


def test_a_lost_link_is_made_anew_without_a_code_where_the_computer_is_remembered(team, terminal):
    """Each code opens one login, so without a device token there is nothing to come back with."""
    app = team.server.enable_totp("ada")
    forgetful, remembered = terminal("ada"), terminal("ada", "--remember")
    for one, code in ((forgetful, app.recovery_codes[0]), (remembered, app.recovery_codes[1])):
        one.wait_for("code:$")
        one.enter(code)
        one.wait_for("#lobby>")
    remembered.wait_for("this computer is remembered")
    team.server.kill()
    remembered.wait_for("connection lost")
    team.server.start()
    remembered.wait_for("connected again")
    assert forgetful.status() == 5
    assert "put its code behind the password" in forgetful.text.replace("\n", "")
    remembered.enter("/quit")
    assert remembered.status() == 0


def test_in_a_pipe_the_code_stands_behind_the_password(team):
    app = team.server.enable_totp("ada")
    done = team.pipe("ada", "hello\n")
    assert (done.returncode, done.stdout) == (5, "")
    assert "put its code behind the password, as password:123456" in done.stderr
    assert done.stderr.count("\n") == 1
    team.password_file.write_text(f"{PASSWORD}:{app.code(time.time())}\n")
    assert team.pipe("ada", "hello\n").returncode == 0
    team.password_file.write_text(f"{team.server.token('ada')[1]}\n")
    assert team.pipe("ada", "hello again\n").returncode == 0
    assert texts(team.server) == ["hello", "hello again"]


def test_the_password_may_come_from_the_environment(team):
    team.env["SECURECHAT_PASSWORD"] = PASSWORD
    assert team.pipe("ada", "hello\n", password=False).returncode == 0


def test_the_last_account_is_taken_when_none_is_named(team, tmp_path):
    words = team.words("ada")
    words[4] = words[4].removeprefix("ada@")
    nobody_yet = forking.run(words, env=team.env)
    assert nobody_yet.returncode == 2
    assert "give it as NAME@" in nobody_yet.stderr
    assert team.pipe("ada", "").returncode == 0
    assert forking.run(words, env=team.env).returncode == 0


# In a pipe


def test_a_thousand_lines_are_stored_once_and_in_order(team):
    lines = [f"line {number}" for number in range(1000)]
    done = team.pipe("ada", "\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    assert texts(team.server) == lines
    assert said(done.stdout) == [f"<ada> {line}" for line in lines]


def test_more_lines_than_an_account_may_say_at_once_take_longer_and_nothing_else(team):
    team.server.configure("[limits]\nmessages_per_second = 20\nmessage_burst = 5\n", paced=True)
    team.server.restart()
    lines = [f"line {number}" for number in range(60)]
    began = time.monotonic()
    done = team.pipe("ada", "\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    assert texts(team.server) == lines
    assert said(done.stdout) == [f"<ada> {line}" for line in lines]
    assert 2.7 < time.monotonic() - began < 8


def test_a_long_line_with_emoji_at_every_edge_arrives_whole(team):
    family, flag, hand = "👩‍👩‍👧‍👦", "🇨🇭", "👍🏽"
    line = ""
    while len(line.encode()) < 10_000:
        line += family + flag + hand + "x"
    done = team.pipe("ada", line)
    assert done.returncode == 0
    messages = texts(team.server)
    pieces = [piece.text for message in messages for piece in pieces_of(message)]
    assert (len(messages), len(pieces) > 20) == (2, True)
    assert "".join(pieces) == line
    assert all(piece[0] in "👩🇨👍x" for piece in pieces)


def test_a_slash_is_text_and_blank_lines_are_nothing(team):
    assert team.pipe("ada", "/quit\n\n   \n/join #x\r\n").returncode == 0
    assert texts(team.server) == ["/quit", "/join #x"]


def test_lines_go_where_they_are_meant_to(team):
    assert team.pipe("ada", "to a channel\n", "--to", "#ops").returncode == 0
    assert team.pipe("ada", "to a person\n", "--to", "bob").returncode == 0
    assert texts(team.server, "#ops") == ["to a channel"]
    assert texts(team.server, "ada:bob") == ["to a person"]


def test_a_refused_line_is_named_and_the_others_still_go(team):
    done = team.pipe("ada", b"one\n\xff\xfe\nthree\n")
    assert done.returncode == 1
    assert "line 2 not sent: it is not UTF-8" in done.stderr
    assert texts(team.server) == ["one", "three"]
    done = team.pipe("ada", "one\ntwo\n", "--to", "nobody")
    assert done.returncode == 1
    assert "line 1 not sent: " in done.stderr
    assert "line 2 not sent: " in done.stderr


def test_a_reader_that_goes_away_does_not_stop_the_sending(team):
    with team.piped("ada") as process:
        process.stdin.write("one\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith("<ada> one\n")
        process.stdout.close()
        process.stdin.write("".join(f"line {number}\n" for number in range(100)))
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == ""
    assert len(texts(team.server)) == 101


def test_a_closed_standard_output_does_not_stop_the_sending(team):
    words = ["sh", "-c", 'exec "$@" >&-', "sh", *team.words("ada")]
    done = subprocess.run(words, input=b"one\ntwo\n", stderr=subprocess.PIPE, env=team.env, timeout=60, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert texts(team.server) == ["one", "two"]


def test_nothing_to_say_is_a_login_and_nothing_else(team):
    done = team.pipe("ada", "")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_was_said_while_away_appears_once(team):
    assert team.pipe("bob", "").returncode == 0
    team.pipe("ada", "to all\n")
    team.pipe("ada", "to you\n", "--to", "bob")
    team.pipe("eve", "from me, too\n", "--to", "bob")
    done = team.pipe("bob", "")
    assert said(done.stdout) == ["<ada> to all", "[ada → you] to you", "[eve → you] from me, too"]
    assert team.pipe("bob", "").stdout == ""


def test_a_first_visit_shows_the_last_fifty_lines_of_the_lobby(team):
    team.pipe("ada", "".join(f"line {number}\n" for number in range(120)))
    assert said(team.pipe("bob", "").stdout) == [f"<ada> line {number}" for number in range(70, 120)]


def test_everything_since_the_last_visit_is_shown_however_much(team):
    team.pipe("bob", "")
    team.pipe("ada", "".join(f"line {number}\n" for number in range(450)))
    assert said(team.pipe("bob", "").stdout) == [f"<ada> line {number}" for number in range(450)]


def test_what_was_missed_in_fifty_channels_is_read_as_fast_as_in_one(team, login):
    """It asks for the history of each: that many messages would take half a minute at this pace."""
    names = [f"#c{number}" for number in range(50)]
    ada, bob = login("ada"), login("bob")
    for one in (ada, bob):
        one.ask(f"JOIN {','.join(names)}")
    ada.close()
    assert team.pipe("ada", "").returncode == 0
    for name in names:
        bob.send(f"PRIVMSG {name} :in {name}")
    bob.sync()
    team.server.configure("[limits]\nmessages_per_second = 1\nmessage_burst = 20\n", paced=True)
    team.server.restart()
    began = time.monotonic()
    done = team.pipe("ada", "")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"in {name}" in done.stdout for name in names)
    assert time.monotonic() - began < 15


def test_an_outage_that_is_too_long_names_the_first_line_without_an_acknowledgement(team):
    with team.piped("ada", "--give-up", "1") as process:
        process.stdin.write("acknowledged\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith("<ada> acknowledged\n")
        team.server.signal(signal.SIGSTOP)
        process.stdin.write("first in doubt\nsecond in doubt\n")
        process.stdin.flush()
        wait_for_bytes(team.server)
        team.server.kill()
        assert process.wait(PATIENCE) == 3
        errors = process.stderr.read()
    assert "the first line not acknowledged is line 2: 'first in doubt'" in errors
    assert errors.count("\n") == 2


def wait_for_bytes(server: Server) -> None:
    """Until the kernel holds what the client sent to the stopped server."""
    deadline = time.monotonic() + PATIENCE
    suffix = f":{server.port:04X}"
    while time.monotonic() < deadline:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        waiting = [row[4].partition(":")[2] for row in rows if row[1].endswith(suffix) and row[3] == "01"]
        if any(int(size, 16) for size in waiting):
            return
        time.sleep(0.01)
    raise AssertionError("the client sent nothing")


def test_an_outage_that_is_too_long_with_everything_acknowledged_says_that(team):
    with team.piped("ada", "--give-up", "0") as process:
        process.stdin.write("one\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith("<ada> one\n")
        team.server.kill()
        assert process.wait(PATIENCE) == 3
        assert "every line up to 1 is acknowledged" in process.stderr.read()


def test_no_file_of_the_profile_holds_the_password_or_is_open_to_others(team):
    team.pipe("ada", "hello\n")
    files = [path for path in team.profile("ada").rglob("*") if path.is_file()]
    assert any(path.name == "client.log" for path in files)
    for path in files:
        assert PASSWORD not in path.read_text()
        assert path.stat().st_mode & 0o077 == 0


# The command itself


def test_help_is_quick_and_loads_nothing_heavy():
    heavy = ["sqlalchemy", "alembic", "cryptography", "prompt_toolkit", "ssl", "msgspec", "h11", "prometheus_client"]
    code = (
        "import sys\n"
        "from securechat.cli.main import run\n"
        "status = run(['login', '--help'])\n"
        f"print(status, sorted(set(sys.modules) & set({heavy!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.endswith("0 []\n")
    assert "securechat login ada@chat.example.org" in done.stdout


def test_lines_that_cannot_be_stored_for_a_moment_are_sent_again_in_order(team, login):
    team.server.configure("[store]\ntimeout = 0.3\n")
    team.server.restart()
    bob = login("bob")
    lines = [f"line {number}" for number in range(40)]
    with team.piped("ada") as process:
        process.stdin.write("before\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith("<ada> before\n")
        other = sqlite3.connect(team.server.data / "securechat.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process.stdin.write("\n".join(lines))
        process.stdin.close()
        for _ in range(3):
            assert bob.ask("PRIVMSG #lobby :probe")[0].command == "FAIL"
        other.execute("ROLLBACK")
        other.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == ""
        process.stdout.read()
    assert texts(team.server) == ["before", *lines]


# A server with too much to do


@pytest.mark.slow
def test_a_server_that_asks_to_wait_for_a_moment_is_waited_for(person):
    """Its queue has room for one: two are before us, each for four seconds, if the machine has nothing else to do."""
    person.server.configure("[limits]\nlogin_queue = 1\n")
    person.server.adduser("ada", "bob")
    database = person.server.open_store()
    Accounts(database, ()).add("eve", passwords.hash(PASSWORD, 16))
    database.close()
    person.server.start()
    with person.server.connect() as one, person.server.connect() as other, person.server.connect() as third:
        secret = base64.b64encode(b"\0eve\0a wrong one").decode()
        for wire in (one, other, third):
            wire.send_bytes(f"AUTHENTICATE PLAIN\r\nPING x\r\nAUTHENTICATE {secret}\r\n".encode())
            wire.wait_for("PONG")  # of the turn that had it checked
        done = person.pipe("ada", "hello\n")
    assert done.returncode == 0
    assert "asks to wait; trying again in 10 s" in done.stderr
    assert texts(person.server) == ["hello"]


def test_a_long_wait_is_for_the_person_to_decide(person):
    person.server.configure("[limits]\nguesses_per_address = 1\n")
    person.server.adduser("ada")
    person.server.start()
    with person.server.connect() as wire:
        wire.authenticate("ada", "a wrong one")
        wire.wait_for("904")
    done = person.pipe("ada", "hello\n")
    assert done.returncode == 5
    assert re.search(r"too many attempts to log in; try again in \d+ s; that is at \d\d:\d\d", done.stderr)


# With a client certificate


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Login]:
    """A server that asks for certificates, and people who have no password at hand."""
    authority.create(tmp_path / "certs")
    server = Server(tmp_path / "own", tmp_path / "certs", ASKING)
    server.adduser("ada", "bob")
    server.start()
    yield Login(server, tmp_path)
    server.kill()


def of(login: Login, name: str) -> tuple[str, ...]:
    """The options of a certificate that gen_certs.py makes."""
    authority.client(login.server.certificates, name)
    files = authority.client_files(login.server.certificates, name)
    return "--client-cert", str(files.certificate), "--client-key", str(files.key)


def test_a_certificate_logs_in_without_a_password(certified):
    done = certified.pipe("ada", "by certificate\n", *of(certified, "ada"), password=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts(certified.server) == ["by certificate"]


def test_both_in_one_file_will_do_and_so_does_a_pinned_server(certified):
    pem = client_pem(certified.server.certificates, "ada")
    pin = pins.of((certified.server.certificates / "server.crt").read_bytes())
    done = certified.pipe("ada", "hello\n", "--client-cert", str(pem), "--pin", pin, password=False, trust=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert texts(certified.server) == ["hello"]


def test_a_revoked_certificate_says_so(certified):
    options = of(certified, "ada")
    with closing(certified.server.open_store()) as database:
        Certificates(database).revoke([Named(clients.read_file(Path(options[1])).serial, "ada")])
    done = certified.pipe("ada", "hello\n", *options, password=False)
    assert done.returncode == 5
    assert "the client certificate opens no account: it was revoked" in done.stderr


def test_a_certificate_of_another_ca_ends_the_login_with_the_servers_word(certified, tmp_path):
    authority.create(tmp_path / "other")
    pem = client_pem(tmp_path / "other", "ada")
    done = certified.pipe("ada", "hello\n", "--client-cert", str(pem), password=False)
    assert done.returncode == 3
    assert "unknown ca" in done.stderr


def test_a_port_that_asks_for_none_is_named(team):
    pem = client_pem(team.server.certificates, "ada")
    done = team.pipe("ada", "hello\n", "--client-cert", str(pem), password=False)
    assert done.returncode == 5
    assert "asks for no client certificate on this port" in done.stderr


@pytest.mark.parametrize(
    ("options", "password", "status", "words"),
    [
        (["--client-key", "bob.key"], False, 2, "--client-key comes with --client-cert"),
        (["--client-cert", "{bob}"], True, 2, "give one of them"),
        (["--client-cert", "{bob}"], False, 2, "is the certificate of bob, not of ada"),
        (["--client-cert", "missing.crt"], False, 2, "cannot read missing.crt"),
        (["--client-cert", "{server}"], False, 1, "is no certificate that an account can log in with"),
    ],
)
def test_mistakes_with_it_are_one_line(certified, options, password, status, words):
    files = {"bob": client_pem(certified.server.certificates, "bob"), "server": certified.server.ca}
    given = [option.format(**files) for option in options]
    done = certified.pipe("ada", "hello\n", *given, password=password)
    assert done.returncode == status
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
