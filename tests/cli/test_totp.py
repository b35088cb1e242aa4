"""`securechat totp` as people and scripts run it: what is shown, what is asked, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pexpect
import pyotp
import pytest

from securechat import config
from securechat.auth import totp
from securechat.store.accounts import Accounts
from securechat.store.database import open_database
from securechat.store.totp import Factors, Listed
from tests import forking
from tests.terminal import Terminal

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_database(tmp_path, config.Store())) as database:
        Accounts(database, ["#lobby"]).add("Ada", b"", admin=True)
        Accounts(database, ["#lobby"]).add("bob", b"")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*words: str) -> Result:
        command = [*forking.PREFIX, "totp", *words, "--data", str(folder)]
        result = forking.run(command)
        assert "Traceback" not in result.stderr
        return result

    return run


@pytest.fixture
def child(folder: Path) -> Iterator[Callable[..., pexpect.spawn[str]]]:
    started: list[pexpect.spawn[str]] = []

    def child(*words: str) -> pexpect.spawn[str]:
        command = ["-m", "securechat", "totp", *words, "--data", str(folder)]
        started.append(pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=30, dimensions=(50, 120)))
        return started[-1]

    yield child
    for one in started:
        one.close(force=True)


def listed(folder: Path, name: str = "Ada") -> Listed:
    with closing(open_database(folder, config.Store())) as database:
        [found] = [one for one in Factors(database).listing() if one.account.name == name]
    return found


def wrong(secret: str) -> str:
    near = {pyotp.TOTP(secret).at(time.time() + offset) for offset in range(-120, 121, 30)}
    return next(text for text in map("{:06}".format, range(10)) if text not in near)


def test_it_counts_once_a_code_was_typed(child: Callable[..., pexpect.spawn[str]], folder: Path) -> None:
    enabling = child("enable", "ada")
    enabling.expect(r"secret: ([A-Z2-7]{32})\r\n")
    secret = enabling.match[1]
    assert f"otpauth://totp/securechat:Ada?secret={secret}&issuer=securechat" in enabling.before
    for answer in (wrong(secret), "no digits"):
        enabling.expect("Code that the app shows: ")
        enabling.sendline(answer)
        enabling.expect(r"not the code of this moment.* Here it is \d\d:\d\d:\d\d UTC")
        assert listed(folder).account.factor is None
    enabling.expect("Code that the app shows: ")
    code = pyotp.TOTP(secret).now()
    enabling.sendline(f"{code[:3]} {code[3:]}")
    enabling.expect(pexpect.EOF)
    enabling.wait()
    assert enabling.exitstatus == 0
    shown = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}", enabling.before)
    assert len(set(shown)) == 10
    assert listed(folder).recovery_codes == 10
    with closing(open_database(folder, config.Store())) as database:
        found = Accounts(database, []).credentials("ada")
        assert found is not None
        assert found.totp is not None
        assert found.totp.secret == secret
        assert found.totp.step == totp.step(secret, code, time.time())  # so this one opens no login any more
        assert all(Factors(database).holds(found.account.id, totp.digest(one)) for one in shown)


def test_three_wrong_codes_change_nothing(child: Callable[..., pexpect.spawn[str]], folder: Path) -> None:
    enabling = child("enable", "ada")
    enabling.expect(r"secret: ([A-Z2-7]{32})\r\n")
    answer = wrong(enabling.match[1])
    for _ in range(3):
        enabling.expect("Code that the app shows: ")
        enabling.sendline(answer)
    enabling.expect("nothing was changed")
    enabling.expect(pexpect.EOF)
    enabling.wait()
    assert enabling.exitstatus == 1
    assert listed(folder).account.factor is None


def test_a_qr_code_is_drawn_that_fits_a_small_terminal(folder: Path) -> None:
    words = [*forking.PREFIX, "totp", "enable", "ada", "--data", str(folder)]
    screen = Terminal(words, {"TERM": "xterm", "PYTHONUTF8": "1"}, lines=60)
    try:
        text = screen.wait_for("Code that the app shows:")
    finally:
        screen.child.close(force=True)
    rows = [line for line in text.splitlines() if re.search("[▀▄█]", line)]
    assert rows[0] == "█" * len(rows[0])
    assert len(rows) <= 22
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows[0]) <= 80


def test_a_script_gets_everything_as_json(run: Run, folder: Path) -> None:
    result = run("enable", "ada", "--yes", "--json")
    made = json.loads(result.stdout)
    assert made["account"] == "Ada"
    assert len({totp.digest(code) for code in made["recovery_codes"]}) == 10
    assert pyotp.parse_uri(made["uri"]).secret == made["secret"]
    assert made["secret"] not in result.stderr
    assert listed(folder).account.factor is not None


def test_without_json_the_uri_and_ten_codes_are_on_standard_output(run: Run) -> None:
    result = run("enable", "ada", "--yes")
    uri, secret, blank, *codes = result.stdout.splitlines()
    assert pyotp.parse_uri(uri).secret == secret.removeprefix("secret: ")
    assert (blank, len(codes)) == ("", 10)
    assert "▄" not in result.stdout


def test_recovery_codes_are_replaced(run: Run, folder: Path) -> None:
    old = json.loads(run("enable", "ada", "--yes", "--json").stdout)["recovery_codes"]
    new = json.loads(run("recovery", "ada", "--json").stdout)
    again = run("recovery", "ada").stdout.split()
    with closing(open_database(folder, config.Store())) as database:
        good = [Factors(database).holds(1, totp.digest(codes[0])) for codes in (old, new, again)]
    assert good == [False, False, True]
    assert listed(folder).recovery_codes == len(new) == len(again) == 10


def test_disabling_asks_and_warns_of_who_cannot_log_in_then(
    run: Run, child: Callable[..., pexpect.spawn[str]], folder: Path
) -> None:
    (folder / "config.toml").write_text('[auth]\ntotp_required_for = ["admin"]\n')
    run("enable", "ada", "--yes")
    for answer, status in (("n", 130), ("y", 0)):
        disabling = child("disable", "ada")
        disabling.expect_exact("Let the password alone open account Ada? [y/N]: ")
        disabling.sendline(answer)
        disabling.expect(pexpect.EOF)
        disabling.wait()
        assert disabling.exitstatus == status
    assert "securechat totp enable Ada" in disabling.before
    assert listed(folder).account.factor is None
    run("enable", "bob", "--yes")
    result = run("disable", "bob", "--yes")
    assert (result.returncode, result.stdout, result.stderr) == (0, "bob has no second factor any more\n", "")


def test_the_list_shows_who_has_one_and_who_must(run: Run, folder: Path) -> None:
    (folder / "config.toml").write_text('[auth]\ntotp_required_for = ["admin"]\n')
    run("enable", "bob", "--yes")
    ada, bob = json.loads(run("list", "--json").stdout)
    assert ada == {"account": "Ada", "role": "admin", "since": None, "recovery_codes": 0, "required": True}
    assert (bob["account"], bob["recovery_codes"], bob["required"]) == ("bob", 10, False)
    assert bob["since"].endswith("+00:00")
    first, second = run("list").stdout.splitlines()
    assert first == "Ada  admin   none, and cannot log in without"
    assert re.fullmatch(r"bob  member  since \d{4}-\d\d-\d\d, 10 recovery codes left", second)


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("enable", "ada"), 2, "--yes"),
        (("enable", "nobody", "--yes"), 1, "no account 'nobody'"),
        (("disable", "ada", "--yes"), 1, "securechat totp enable Ada"),
        (("disable", "nobody"), 1, "no account 'nobody'"),
        (("recovery", "ada"), 1, "securechat totp enable Ada"),
    ],
)
def test_mistakes_are_refused_in_one_line(run: Run, words: tuple[str, ...], status: int, expected: str) -> None:
    result = run(*words)
    assert (result.returncode, result.stdout) == (status, "")
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_enabled_one_is_not_replaced_unasked(run: Run) -> None:
    run("enable", "ada", "--yes")
    result = run("enable", "ada", "--yes")
    assert (result.returncode, result.stdout) == (1, "")
    assert "securechat totp disable Ada" in result.stderr
    assert "disable ada --yes" not in result.stderr
    asked = run("disable", "ada")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "--yes" in asked.stderr


def test_an_unknown_role_in_the_configuration_is_refused(run: Run, folder: Path) -> None:
    (folder / "config.toml").write_text('[auth]\ntotp_required_for = ["owner"]\n')
    result = run("list")
    assert result.returncode == 2
    assert "auth.totp_required_for" in result.stderr
