"""A second factor beside a running server: what its enabling ends, what a restart keeps, and where no code is found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing

import pyotp

from tests import forking
from tests.running import PASSWORD, Server
from tests.wire import Wire

Login = Callable[..., Wire]


def command(server: Server, *words: str) -> str:
    done = forking.run(server.command("totp", *words))
    assert done.returncode == 0, done.stderr
    return done.stdout


def outcome(server: Server, secret: str) -> str:
    """The numeric that a login as ada ends with."""
    with server.connect() as wire:
        wire.send("CAP LS 302")
        wire.authenticate("ada", secret)
        return wire.wait_for(matches=lambda message: message.command in ("903", "904")).command


def test_enabling_ends_within_a_second_what_was_opened_without_it(server: Server, login: Login) -> None:
    ada, bob = login("ada"), login("bob")
    _, secret = server.token("ada")
    with closing(server.login("ada", password=secret)) as by_token:
        made = json.loads(command(server, "enable", "ada", "--yes", "--json"))
        assert ada.until_closed(within=1.0)[-1].command == "ERROR"
        assert by_token.until_closed(within=1.0)[-1].command == "ERROR"
    bob.sync()
    assert [outcome(server, given) for given in (secret, PASSWORD)] == ["904", "904"]
    code = pyotp.TOTP(made["secret"]).now()
    with closing(server.login("ada", password=f"{PASSWORD}:{code}")) as again:
        again.send("PRIVMSG #lobby :hello")
        bob.wait_for("PRIVMSG", text="hello")
        command(server, "disable", "ada", "--yes")
        again.sync()
    assert outcome(server, PASSWORD) == "903"


def test_a_used_code_stays_used_over_a_crash(server: Server) -> None:
    server.adduser("ada")
    app = server.enable_totp("ada")
    secrets = [f"{PASSWORD}:{app.code(time.time())}", f"{PASSWORD}:{app.recovery_codes[0]}"]
    assert [outcome(server, secret) for secret in secrets] == ["903", "903"]
    server.kill()
    server.start()
    assert [outcome(server, secret) for secret in secrets] == ["904", "904"]
    assert outcome(server, f"{PASSWORD}:{app.recovery_codes[1]}") == "903"


def test_no_secret_and_no_code_is_in_the_log_even_at_debug(idle_server: Server) -> None:
    idle_server.adduser("ada", admin=True)
    idle_server.start("--log-level", "DEBUG")
    app = idle_server.enable_totp("ada")
    used = [app.code(time.time()), *app.recovery_codes[:2]]
    for code in (*used, used[0], app.wrong(time.time())):
        outcome(idle_server, f"{PASSWORD}:{code}")
    with closing(idle_server.login("ada", password=f"{PASSWORD}:{app.recovery_codes[2]}")) as ada:
        ada.send(f"OPER ada :{PASSWORD}:{app.recovery_codes[3]}")
        ada.wait_for("381")
    assert idle_server.stop() == 0
    log = idle_server.log()
    assert "password and recovery code" in log
    assert not [one for one in (PASSWORD, app.secret, *used, *app.recovery_codes) if one in log]
    files = b"".join(path.read_bytes() for path in idle_server.data.iterdir() if path.is_file())
    assert not [one for one in app.recovery_codes if one.encode() in files or one.replace("-", "").encode() in files]
