"""scripts/start: from a clone to a running server in one command, and nothing twice.

The clone is a copy in a folder with spaces, started from another folder. Its virtual environment stands in for an
installed one; making a real one is the slow test.
"""

import base64
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pexpect
import pytest

from securechat.tls import authority

ROOT = Path(__file__).parents[2]
PASSWORD = "seven green bottles"


@dataclass
class Clone:
    """A copy of the repository and the environment its scripts are called in."""

    folder: Path
    elsewhere: Path
    env: dict[str, str]

    @property
    def command(self) -> str:
        return str(self.folder / "scripts" / "start")

    def run(self, *args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, without a terminal."""
        return subprocess.run(
            [self.command, *args],
            cwd=self.elsewhere,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def started(self, *args: str | Path) -> Iterator[tuple[int, str]]:
        """Start it and wait until the server listens; gives its port and what was printed up to then."""
        with subprocess.Popen(
            [self.command, *args],
            cwd=self.elsewhere,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout
            printed = ""
            try:
                for line in process.stdout:
                    printed += line
                    if match := re.match(r"listening on 127\.0\.0\.1:(\d+) ", line):
                        yield int(match[1]), printed
                        break
                else:
                    pytest.fail(f"it ended before it listened: {printed}")
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "my clone"
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("SECURECHAT")}
    return Clone(folder, elsewhere, env | {"VENV": str(installed(tmp_path, folder)), "HOME": str(tmp_path)})


def installed(tmp_path: Path, folder: Path) -> Path:
    """What scripts/start takes for an environment that it made earlier: this one."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    python = venv / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    with (folder / "pyproject.toml").open() as file:
        checksum = subprocess.run(["cksum"], stdin=file, capture_output=True, text=True, check=True).stdout.strip()
    (venv / "installed").write_text(f"{checksum} {folder}\n")
    return venv


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(f"{PASSWORD}\n")
    return path


def may_log_in(port: int, ca: Path, name: str, password: str) -> bool:
    """Log in as any client would, with the certificate checked."""
    context = ssl.create_default_context(cafile=ca)
    proof = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as peer,
        peer.makefile(encoding="utf-8") as lines,
    ):
        peer.sendall(f"CAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\nAUTHENTICATE {proof}\r\n".encode())
        return next(line.split()[1] for line in lines if line.split()[1] in ("903", "904")) == "903"


def test_help_installs_nothing(clone: Clone, tmp_path: Path):
    result = clone.run("--help", VENV=str(tmp_path / "none"))
    assert result.returncode == 0
    assert "--demo" in result.stdout
    assert not (tmp_path / "none").exists()


def test_the_demo_needs_no_answers_and_its_lines_work(clone: Clone):
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (port, printed):
        demo = clone.folder / ".demo"
        assert "listens on 127.0.0.1 only" in printed
        for name in ("alice", "bob", "carol"):
            password = demo / f"{name}.password"
            assert stat.S_IMODE(password.stat().st_mode) == 0o600
            assert f"login {name}@127.0.0.1:PORT --ca '{demo}/certs/ca.crt' --password-file '{password}'" in printed
            assert may_log_in(port, demo / "certs" / "ca.crt", name, password.read_text().strip())
        assert not may_log_in(port, demo / "certs" / "ca.crt", "alice", PASSWORD)
        assert sorted(path.name for path in clone.folder.iterdir()) == [".demo", "pyproject.toml", "scripts"]


def test_the_lines_of_the_demo_may_be_pasted_into_a_shell(clone: Clone):
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (port, printed):
        for name, said in (("alice", "hello from alice\n"), ("bob", "hello from bob\n")):
            (line,) = [line for line in printed.splitlines() if f"login {name}@" in line]
            result = subprocess.run(
                ["sh", "-c", line.replace("PORT", str(port))],
                cwd=clone.elsewhere,
                env=clone.env,
                input=said,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert (result.returncode, result.stderr) == (0, "")
    assert "hello from alice" in result.stdout  # what bob had missed


def test_a_second_start_of_the_demo_repeats_nothing(clone: Clone):
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, first):
        made = {path: path.read_bytes() for path in made_files(clone.folder / ".demo")}
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, second):
        assert {path: path.read_bytes() for path in made_files(clone.folder / ".demo")} == made
    assert "made certificates" in first
    assert "made" not in second
    assert "created" not in second
    assert [line for line in first.splitlines() if " login " in line] == [
        line for line in second.splitlines() if " login " in line
    ]


def made_files(folder: Path) -> list[Path]:
    return [*folder.glob("*.password"), *folder.glob("certs/*")]


def test_a_lost_password_of_the_demo_is_made_anew(clone: Clone):
    demo = clone.folder / ".demo"
    with clone.started("--demo", "--listen", "127.0.0.1:0"):
        (demo / "bob.password").unlink()
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (port, _):
        assert may_log_in(port, demo / "certs" / "ca.crt", "bob", (demo / "bob.password").read_text().strip())


def test_the_demo_listens_on_this_machine_only(clone: Clone):
    result = clone.run("--demo", "--listen", "0.0.0.0:0")
    assert result.returncode == 2
    assert result.stderr == (
        "start: --demo listens on this machine only, not on '0.0.0.0:0'; expected 127.0.0.1:PORT\n"
    )


def test_the_first_account_is_made_from_the_options_once(clone: Clone, password_file: Path):
    args = ["--data", "data", "--user", "ada", "--password-file", password_file, "--listen", "127.0.0.1:0"]
    ca = clone.folder / "certs" / "ca.crt"
    with clone.started(*args) as (port, printed):
        assert "created admin ada\n" in printed
        assert f"login ada@127.0.0.1:PORT --ca '{ca}'\n" in printed
        assert may_log_in(port, ca, "ada", PASSWORD)
        assert (clone.elsewhere / "data" / "securechat.db").exists()
    with clone.started(*args) as (port, printed):
        assert "created" not in printed
        assert may_log_in(port, ca, "ada", PASSWORD)


def test_the_first_account_is_asked_for_on_a_terminal(clone: Clone):
    """A weak password is asked for again."""
    words = ["--data", "data", "--listen", "127.0.0.1:0"]
    with pexpect.spawn(clone.command, words, cwd=clone.elsewhere, env=clone.env, timeout=30, encoding="utf-8") as child:
        for password in ("short", PASSWORD):
            child.expect("Its name")
            child.sendline("ada")
            for prompt in ("Password for ada", "Once more"):
                child.expect(prompt)
                child.sendline(password)
        child.expect("created admin ada")
        child.expect("login ada@127.0.0.1:PORT")
        child.expect(r"listening on 127\.0\.0\.1:(\d+)")
        port = int(child.match[1])
        assert may_log_in(port, clone.folder / "certs" / "ca.crt", "ada", PASSWORD)
        child.kill(signal.SIGTERM)
        child.expect(pexpect.EOF)


def test_without_an_account_or_a_terminal_it_says_what_to_type_and_starts(clone: Clone):
    with clone.started("--data", "data", "--listen", "127.0.0.1:0") as (_, printed):
        assert "login NAME@127.0.0.1:PORT" in printed


def test_a_refused_first_account_starts_no_server(clone: Clone, password_file: Path):
    password_file.write_text("short\n")
    result = clone.run("--data", "data", "--user", "ada", "--password-file", password_file)
    assert result.returncode == 1
    assert result.stderr.startswith("securechat: ")
    assert len(result.stderr.splitlines()) == 1
    assert " login " not in result.stdout


def test_a_certificate_of_less_than_30_days_is_renewed(clone: Clone):
    folder = clone.folder / ".demo" / "certs"
    authority.create(folder, days=20)
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, printed):
        assert "renewed the certificate" in printed
        assert authority.days_left(folder / "server.crt") > 30
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, printed):
        assert "renewed" not in printed


def test_certificates_of_the_data_folder_are_used_where_there_are_no_others(clone: Clone):
    authority.create(clone.elsewhere / "data")
    with clone.started("--data", "data", "--listen", "127.0.0.1:0") as (_, printed):
        assert f"--ca {clone.elsewhere}/data/ca.crt" in printed
        assert not (clone.folder / "certs").exists()


@pytest.mark.parametrize("listen", ["6697", "127.0.0.1:", "127.0.0.1:http"])
def test_a_wrong_place_to_listen_is_refused(clone: Clone, listen: str):
    result = clone.run("--listen", listen)
    assert (result.returncode, result.stderr) == (2, f"start: cannot listen on {listen!r}; expected HOST:PORT\n")


def test_a_folder_that_cannot_be_made_is_one_line(clone: Clone):
    result = clone.run("--demo", "--data", "/proc/none")
    assert result.returncode == 1
    assert result.stderr == "start: cannot use '/proc/none': No such file or directory\n"


def test_a_machine_without_python_is_told_what_to_install(clone: Clone, tmp_path: Path):
    path = tmp_path / "bin"
    path.mkdir()
    for tool in ("bash", "dirname", "cksum", "cat"):
        (path / tool).symlink_to(shutil.which(tool) or "")
    result = clone.run("--demo", VENV=str(tmp_path / "none"), PATH=str(path))
    assert result.returncode == 1
    assert result.stderr.startswith("start: no Python 3.11 or newer found; install one")
    assert len(result.stderr.splitlines()) == 1


def test_a_python_without_venv_is_told_what_to_install(clone: Clone, tmp_path: Path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    result = clone.run("--demo", VENV=str(tmp_path / "none"), PYTHON=str(python))
    assert result.returncode == 1
    assert result.stderr == f"start: {python} has no venv; install it (Debian: apt install python3-venv)\n"


def test_a_folder_in_the_way_of_the_environment_is_left_alone(clone: Clone, tmp_path: Path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").touch()
    result = clone.run("--demo", VENV=str(precious))
    assert result.returncode == 1
    assert result.stderr.startswith(f"start: {precious} is in the way")
    assert (precious / "thesis").exists()


@pytest.mark.slow
def test_a_fresh_clone_installs_itself_once(clone: Clone):
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone.folder)
    shutil.copytree(ROOT / "securechat", clone.folder / "securechat", ignore=shutil.ignore_patterns("__pycache__"))
    del clone.env["VENV"]
    clone.env.pop("PYTHONPATH", None)
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, printed):
        assert f"installing securechat into {clone.folder}/.venv\n" in printed
        assert f"'{clone.folder}/.venv/bin/securechat' login alice@" in printed
    before = datetime.now(UTC)
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, printed):
        assert "installing" not in printed
        assert (datetime.now(UTC) - before).total_seconds() < 10
