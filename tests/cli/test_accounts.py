"""The administration commands as people run them: real processes, pipes and terminals."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pexpect
import pytest

from securechat import config
from securechat.auth import passwords
from securechat.store.accounts import Accounts
from securechat.store.database import open_database
from tests import forking

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]

GOOD = "correct horse battery"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose configuration makes hashing quick."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "config.toml").write_text("[auth]\nbcrypt_rounds = 4\n")
    return folder


@pytest.fixture
def run(folder: Path) -> Run:
    def run(*words: str, text: str = "", data: Path = folder) -> Result:
        command = [*forking.PREFIX, *words, "--data", str(data)]
        result = forking.run(command, input=text)
        assert "Traceback" not in result.stderr
        return result

    return run


def in_process(folder: Path, *names: str) -> None:
    """Create accounts without the cost of a process each."""
    with closing(open_database(folder, config.Store())) as database:
        for name in names:
            Accounts(database, ["#lobby"]).add(name, passwords.hash(GOOD, 4))


def matches(folder: Path, name: str, password: str) -> bool:
    with closing(open_database(folder, config.Store())) as database:
        found = Accounts(database, []).credentials(name)
    return found is not None and passwords.check(password, found.hash)


def states(run: Run) -> dict[str, tuple[str, str]]:
    listed = json.loads(run("users", "list", "--json").stdout)
    return {person["name"]: (person["role"], person["state"]) for person in listed}


def refused(result: Result, status: int, *words: str) -> None:
    """One line that says all of this, and the status."""
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr.startswith("securechat: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_adduser_takes_the_password_from_standard_input(run: Run, folder: Path) -> None:
    result = run("adduser", "ada", "--admin", "--password-stdin", text=GOOD + "\n")
    assert (result.returncode, result.stdout, result.stderr) == (0, "created admin ada\n", "")
    assert matches(folder, "ada", GOOD)
    assert states(run) == {"ada": ("admin", "active")}
    assert stat.S_IMODE((folder / "securechat.db").stat().st_mode) == 0o600


def test_adduser_takes_the_password_from_a_file_and_warns_when_others_may_read_it(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pw"
    file.write_bytes(b"caf\xc3\xa9 cr\xc3\xa8me 99\r\n")
    file.chmod(0o600)
    result = run("adduser", "bob", "--password-file", str(file))
    assert (result.returncode, result.stdout, result.stderr) == (0, "created account bob\n", "")
    assert matches(folder, "bob", "café crème 99")
    file.chmod(0o644)
    result = run("passwd", "bob", "--password-file", str(file))
    assert (result.returncode, result.stdout) == (0, "changed the password of bob\n")
    assert f"chmod 600 {file}" in result.stderr


def test_adduser_asks_twice_on_a_terminal(folder: Path) -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "securechat", "adduser", "ada", "--data", str(folder)], encoding="utf-8", timeout=30
    )
    with closing(child):
        for question, answer in (
            ("Password for ada: ", GOOD),
            ("Once more: ", "something else"),
            ("Password for ada: ", GOOD),
            ("Once more: ", GOOD),
        ):
            child.expect_exact(question)
            child.waitnoecho()
            child.sendline(answer)
        child.expect_exact("created account ada")
        child.expect(pexpect.EOF)
        assert GOOD not in (child.before or "")
        child.wait()
        assert child.exitstatus == 0
    assert matches(folder, "ada", GOOD)


def test_deluser_asks_on_a_terminal(run: Run, folder: Path) -> None:
    in_process(folder, "bob")
    for answer, status in (("n", 130), ("y", 0)):
        child = pexpect.spawn(
            sys.executable, ["-m", "securechat", "deluser", "bob", "--data", str(folder)], encoding="utf-8", timeout=30
        )
        with closing(child):
            child.expect_exact("Delete account bob for good? [y/N]: ")
            child.sendline(answer)
            child.expect(pexpect.EOF)
            child.wait()
            assert child.exitstatus == status
    assert states(run)["bob"][1] == "deleted"


def test_without_a_terminal_the_ways_to_answer_are_named(run: Run, folder: Path) -> None:
    refused(run("adduser", "ada"), 2, "--password-file FILE", "--password-stdin")
    in_process(folder, "bob")
    refused(run("deluser", "bob"), 2, "--yes")
    refused(run("adduser", "ada", "--password-stdin", "--password-file", "x"), 2, "exclude each other")
    assert list(states(run)) == ["bob"]


def test_accounts_that_cannot_be_made_are_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    in_process(folder, "bob")
    refused(run("adduser", "BOB", "--password-stdin", text=GOOD), 1, "already exists", "securechat passwd bob")
    refused(run("adduser", "1st", "--password-stdin", text=GOOD), 2, "'1st'", "expected a letter")
    refused(run("adduser", "ada", "--password-stdin", text="short"), 1, "at least 8")
    refused(run("adduser", "ada", "--password-stdin", text="password1"), 1, "most common")
    refused(run("adduser", "ada", "--password-stdin", text=""), 2, "no password")
    refused(run("adduser", "ada", "--password-stdin", text="two\nlines of it"), 2, "one line")
    refused(run("adduser", "ada", "--password-file", str(tmp_path / "none")), 2, "No such file")
    refused(run("adduser", "ada", "--password-file", str(tmp_path)), 2, "Is a directory")
    assert list(states(run)) == ["bob"]


def test_a_wrong_data_folder_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("I am a file")
    refused(run("users", "list", data=file), 2, "file", "--data")
    refused(run("users", "list", data=file / "below"), 2, "Not a directory", "--data")
    refused(run("users", "list", data=Path("/proc/nowhere")), 2, "--data")
    refused(run("users", "list", "--config", str(tmp_path / "none.toml")), 2, "none.toml")


def test_passwd_replaces_the_password(run: Run, folder: Path) -> None:
    in_process(folder, "bob")
    assert run("passwd", "Bob", "--password-stdin", text="another good one").returncode == 0
    assert matches(folder, "bob", "another good one")
    refused(run("passwd", "nobody", "--password-stdin", text=GOOD), 1, "'nobody'", "users list")


def test_deluser_reserves_the_name_until_it_is_released(run: Run, folder: Path) -> None:
    in_process(folder, "bob")
    assert run("deluser", "bob", "--yes").stdout == "deleted account bob\n"
    refused(run("adduser", "bob", "--password-stdin", text=GOOD), 1, "reserved", "deluser --release-name bob")
    refused(run("deluser", "bob", "--yes"), 1, "was deleted")
    assert run("deluser", "bob", "--release-name", "--yes").stdout == "released the name bob\n"
    assert run("adduser", "bob", "--password-stdin", text=GOOD).returncode == 0


def test_users_are_suspended_resumed_and_given_roles(run: Run, folder: Path) -> None:
    in_process(folder, "bob")
    assert run("users", "suspend", "bob").stdout == "suspended bob\n"
    assert states(run) == {"bob": ("member", "suspended")}
    assert run("users", "resume", "bob").stdout == "resumed bob\n"
    assert run("users", "role", "bob", "admin").stdout == "bob is now an admin\n"
    assert states(run) == {"bob": ("admin", "active")}
    refused(run("users", "suspend", "nobody"), 1, "no account 'nobody'")
    assert run("users", "role", "bob", "king").returncode == 2


def test_the_list_is_a_table_or_says_what_to_do(run: Run, folder: Path) -> None:
    result = run("users", "list")
    assert (result.stdout, result.returncode) == ("", 0)
    assert "securechat adduser" in result.stderr
    in_process(folder, "bob", "al")
    lines = run("users", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["al", "member"], ["bob", "member"]]


PEOPLE = (
    'name,password,role\r\nada,correct horse battery,admin\r\nbob,"with, a comma 99"\r\n\r\ncarl,x7!kQ2_pyz,member\r\n'
)


def test_people_are_imported_together(run: Run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"\xef\xbb\xbf" + PEOPLE.encode())
    file.chmod(0o600)
    result = run("users", "import", str(file))
    assert (result.returncode, result.stdout, result.stderr) == (0, "created 3 accounts\n", "")
    assert states(run) == {"ada": ("admin", "active"), "bob": ("member", "active"), "carl": ("member", "active")}
    assert matches(folder, "bob", "with, a comma 99")
    result = run("users", "import", str(file))
    assert result.returncode == 1
    assert result.stderr.count("is taken") == 3


def test_all_errors_of_an_import_are_told_with_their_lines_and_nobody_is_created(run: Run, folder: Path) -> None:
    in_process(folder, "zoe")
    wrong = ["ada,password1", "bob", "carl,good enough 1,king", "1st,good enough 1", "dora,good enough 1"]
    wrong += ["DORA,good enough 1", "Zoe,good enough 1", 'eve,"never closed']
    result = run("users", "import", "-", text="\n".join(wrong) + "\n")
    assert (result.returncode, result.stdout) == (1, "")
    *problems, summary = result.stderr.splitlines()
    expected = {1: "common", 2: "1 fields", 3: "role", 4: "'1st'", 6: "in line 5 already", 7: "taken", 8: "unexpected"}
    assert len(problems) == len(expected)
    for problem, (line, word) in zip(problems, expected.items(), strict=True):
        assert problem.startswith(f"line {line}: ")
        assert word in problem
    assert "7 lines were refused, so nothing was imported" in summary
    assert "password1" not in result.stderr
    assert "good enough" not in result.stderr
    assert list(states(run)) == ["zoe"]


def test_a_file_that_is_no_list_of_people_is_refused(run: Run, tmp_path: Path) -> None:
    refused(run("users", "import", "-", text="name,password\n"), 1, "nobody in the file")
    refused(run("users", "import", str(tmp_path / "none.csv")), 1, "No such file")
    binary = tmp_path / "binary"
    binary.write_bytes(b"ada,good enough 1\nb\xff,x\n")
    binary.chmod(0o600)
    refused(run("users", "import", str(binary)), 1, "line 2", "UTF-8")


def test_help_has_examples_and_needs_no_database(run: Run, folder: Path) -> None:
    for words in (["adduser"], ["passwd"], ["deluser"], ["users"], ["users", "list"], ["users", "import"]):
        result = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "securechat", *words, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "Examples:" in result.stdout
        for heavy in ("sqlalchemy", "alembic", "bcrypt", "h11", "prometheus_client"):
            assert heavy not in result.stderr
    assert not (folder / "securechat.db").exists()
