"""Planted passwords, tokens and messages: where they stand after all that can happen to a server and a client."""

from __future__ import annotations

import base64
import json
import signal
from pathlib import Path

import pytest

from tests.running import Server
from tests.secrets.stage import Stage, securechat, with_bug
from tests.web import exchange
from tests.wire import Wire

SECRETS = {
    "password": "Mohnkuchen-planted-1",
    "wrong password": "Zwetschge-planted-2",
    "new password": "Birnbaum-planted-3",
    "imported password": "Quitte-planted-4",
    "refused password": "Hagebutte-planted-5",
    "channel key": "Schlehe-planted-6",
    "said": "Rhabarber planted words 7",
    "unsent": "Holunder planted words 8",
}
STORED = ("said", "channel key", "second factor")
FAILS, CRASHES = "made-to-fail", "made-to-crash"  # in a message


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, dict(SECRETS))


def test_secrets_stand_nowhere_but_where_they_belong(stage: Stage, idle_server: Server) -> None:
    server = idle_server
    server.configure('[log]\nlevel = "DEBUG"\n')
    token = set_up(stage, server)
    server.start(prefix=with_bug("relay.py", "send", FAILS), env=stage.environment)
    stage.look_at_process(server.pid)
    talk(stage, server, token)
    chat(stage, server)
    break_down(stage, server)
    look(stage, server)


def admin(server: Server, *words: str) -> tuple[str, ...]:
    return securechat(*words, "--data", str(server.data))


def set_up(stage: Stage, server: Server) -> str:
    """Accounts in every way there is, and a token."""
    words = admin(server, "adduser", "ada", "--admin", "--password-stdin")
    stage.run(*words, text=SECRETS["password"] + "\n")
    stage.run(*admin(server, "adduser", "bob", "--password-file", stage.given("bob", SECRETS["password"])))
    people = f"cyd,{SECRETS['imported password']}\ndot,{SECRETS['imported password']},admin\n"
    stage.run(*admin(server, "users", "import", stage.given("people", people)))
    bad = stage.given("bad", f"eve,{SECRETS['refused password']},boss\n'{SECRETS['refused password']}\n")
    stage.run(*admin(server, "users", "import", bad), status=1)
    stage.run(*admin(server, "passwd", "dot", "--password-stdin"), text=SECRETS["new password"] + "\n")
    done = stage.run(*admin(server, "tokens", "create", "laptop", "--for", "ada"))
    stage.secrets["token"] = done.stdout.strip()
    done = stage.run(*admin(server, "totp", "enable", "dot", "--yes", "--json"))
    factor = json.loads(done.stdout)
    stage.secrets |= {"second factor": factor["secret"], "recovery code": factor["recovery_codes"][0]}
    return stage.secrets["token"]


def talk(stage: Stage, server: Server, token: str) -> None:
    """What clients of any kind say, right, wrong, and in the wrong place."""
    with connected(server) as ada, connected(server) as other, connected(server) as lost, connected(server) as dot:
        ada.register("ada", SECRETS["password"])
        dot.register("dot", f"{SECRETS['new password']}:{stage.secrets['recovery code']}")
        other.register("ada", token)
        wrong_logins(lost)
        said_in_the_wrong_place(lost)
        other.send(f"JOIN #secret {SECRETS['channel key']}")
        other.send(f"MODE #secret +k {SECRETS['channel key']}")
        for line in (f"PRIVMSG #lobby :{SECRETS['said']}", f"PRIVMSG bob :{SECRETS['said']}", "NONE :x"):
            ada.send(line)
        other.send(f"OPER ada {SECRETS['wrong password']}")
        other.send(f"OPER ada {SECRETS['password']}")
        other.sync()
        ada.send(f"PASSWD {secret('wrong password', 'new password')}")
        ada.wait_for("FAIL")
        ada.send(f"PRIVMSG #lobby :{SECRETS['said']} {FAILS}")
        ada.wait_for("400")
        ada.send(f"PASSWD {secret('password', 'new password')}")
        ada.wait_for("NOTE")
    bearer = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    assert exchange(server, bearer.encode()).status in (200, 401)
    assert exchange(server, bearer.replace("Bearer", "Basic").replace("GET", "GET \0").encode()).status == 400
    assert server.log().count("Traceback") == 1


def connected(server: Server) -> Wire:
    return server.connect()


def secret(*names: str) -> str:
    return base64.b64encode(b"\0".join(SECRETS[name].encode() for name in names)).decode()


def wrong_logins(wire: Wire) -> None:
    wire.send("CAP REQ :sasl")
    for name, word in (("ada", "wrong password"), ("nobody", "wrong password"), (SECRETS["refused password"], "said")):
        wire.authenticate(name, SECRETS[word])
        wire.wait_for("904")
    for payload in (secret("password"), SECRETS["password"], secret("password", "password", "password", "password")):
        wire.send("AUTHENTICATE PLAIN")
        wire.wait_for("AUTHENTICATE")
        wire.send(f"AUTHENTICATE {payload}")
        wire.wait_for("904")


def said_in_the_wrong_place(wire: Wire) -> None:
    """Before the login, by clients and people that know no better."""
    word = SECRETS["password"]
    for line in (f"PASS {word}", word, f"NICK {word}", f"PRIVMSG NickServ :IDENTIFY {word}", f"CAP REQ :{word}"):
        wire.send(line)
    wire.send_bytes(f"PASS {word} \xff\r\n".encode("latin-1") + f"@label={word} {word}\0\r\n".encode())
    wire.send_bytes(f"PASS {word} {'x' * 600}\r\n".encode())
    wire.sync()


def chat(stage: Stage, server: Server) -> None:
    """Our own client, on a terminal and with pipes."""
    login = ("--ca", str(server.ca), "--log-level", "DEBUG", "--profile-dir", str(stage.folder / "profile"))
    where = f"bob@localhost:{server.port}"
    with stage.terminal(*securechat("login", where, "--line", *login)) as terminal:
        terminal.wait_for("Password of bob")
        terminal.enter(SECRETS["wrong password"])
        terminal.wait_for("wrong name or password")
        terminal.wait_for("Password of bob(?s:.*)Password of bob")
        terminal.enter(SECRETS["password"])
        terminal.wait_for("Remember this computer")
        terminal.enter("n")
        terminal.wait_for("you are bob in")
        terminal.enter("/passwd")
        for word in ("password", "new password", "new password"):
            terminal.wait_for("assword.*: *$")
            terminal.enter(SECRETS[word])
        terminal.wait_for("password changed")
        terminal.enter("/remember")
        terminal.wait_for("remembered as")
        terminal.enter(SECRETS["said"])
        terminal.enter("/quit")
        assert terminal.status() == 0
        stage.look(terminal.raw, "a terminal", "said")
    [kept] = (stage.folder / "profile/tokens").glob("*@bob")
    stage.secrets["kept token"] = json.loads(kept.read_text())["secret"]
    password = ("--password-file", stage.given("bob", SECRETS["new password"]))
    text = f"{SECRETS['said']}\n"
    stage.run(*securechat("login", where, *login, *password), text=text, shows="said")
    stage.run(*securechat("search", "Rhabarber", "--server", where, *login, *password), shows="said")
    buggy = with_bug("messages.py", "read", FAILS)
    stage.run(
        *buggy,
        *securechat("login", where, *login, *password),
        text=f"{SECRETS['said']} {FAILS}\n",
        shows="said",
        status=3,
    )
    assert (stage.folder / "profile/client.log").read_text().count("Traceback") == 1


def break_down(stage: Stage, server: Server) -> None:
    """The server crashes while a client has something to say, comes back, and is backed up."""
    server.stop()
    server.start(prefix=with_bug("delivery.py", "deliver", CRASHES), env=stage.environment)
    login = ("--ca", str(server.ca), "--log-level", "DEBUG", "--profile-dir", str(stage.folder / "profile"))
    words = securechat("login", f"cyd@localhost:{server.port}", "--line", *login)
    with stage.terminal(*words) as terminal, connected(server) as ada:
        terminal.wait_for("Password of cyd")
        terminal.enter(SECRETS["imported password"])
        terminal.wait_for("Remember this computer")
        terminal.enter("n")
        terminal.wait_for("you are cyd in")
        ada.register("ada", SECRETS["new password"])
        ada.send(f"PRIVMSG #lobby :{SECRETS['said']} {CRASHES}")
        assert server.wait() == 9
        terminal.wait_for("connection lost")
        terminal.enter(SECRETS["unsent"])
        terminal.wait_for("queued for")
        terminal.child.kill(signal.SIGKILL)
    assert server.log().count("Traceback") == 2
    server.start(env=stage.environment)
    stage.run(*admin(server, "db", "backup", str(stage.folder / "backup.db")))
    server.stop()


def look(stage: Stage, server: Server) -> None:
    belonging = {
        "/data/securechat.db": STORED,
        "/backup.db": STORED,
        "/profile/outbox/": ("unsent",),
        "/profile/tokens/": ("kept token",),
    }
    assert stage.look_at_files(belonging) > 8
    assert stage.leaks == []
    stage.look((server.data / "securechat.db").read_bytes(), "the database")
    assert {leak.what for leak in stage.leaks} == {*STORED}  # so they are found where they stand
    assert " DEBUG " in server.log()
