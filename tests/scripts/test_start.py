"""scripts/start: from a clone to a running server in one command, and nothing twice.

The clone is a copy in a folder with spaces, started from another folder. Its virtual environment stands in for an
installed one; making a real one is the slow test.
"""

import base64
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pexpect
import pytest

from securechat.protocol import invites
from securechat.tls import authority, server_certificate
from tests.terminal import Terminal

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


def hash_quickly(data: Path) -> None:
    """Have the server of this folder spend no second on each password, where that is not what is looked at."""
    data.mkdir(mode=0o700, parents=True)
    (data / "config.toml").write_text("[auth]\nbcrypt_rounds = 4\n")


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
    hash_quickly(clone.folder / ".demo" / "server")
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
    hash_quickly(clone.folder / ".demo" / "server")
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
    hash_quickly(clone.folder / ".demo" / "server")
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
    hash_quickly(clone.elsewhere / "data")
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
    hash_quickly(clone.folder / ".demo" / "server")
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


# A team of two


class Person:
    """Somebody at a shell: what is typed there is counted, answers to questions are not. The chat is in line mode."""

    def __init__(self, home: Path, path: Path) -> None:
        home.mkdir()
        self.typed: list[str] = []
        self.env = {"HOME": str(home), "PATH": f"{path}:/usr/bin:/bin", "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        if "PYTHONPATH" in os.environ:
            self.env["PYTHONPATH"] = os.environ["PYTHONPATH"]

    def type(self, line: str) -> None:
        """Until it is done."""
        self.typed.append(line)
        subprocess.run(["sh", "-c", line], env=self.env, check=True, capture_output=True, timeout=300)

    def join(self, line: str) -> Terminal:
        self.typed.append(line)
        terminal = Terminal(["sh", "-c", f"{line} --line"], self.env, columns=120)
        for question in ("Password", "Once more"):
            terminal.wait_for(f"{question}: ?$")
            terminal.enter(PASSWORD)
        terminal.wait_for(r"you are \w+ in #lobby")
        return terminal


def join_lines(printed: str) -> list[str]:
    return [line.strip() for line in printed.splitlines() if re.search(r"securechat'? join [0-9A-Z-]+$", line)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def two_people_talk(clone: Clone, alice: Person, bob: Person, install: str | None) -> None:
    """The host's first command is the start; `install` is what bob types when securechat is not there yet."""
    words = ["--invite", "alice,bob", "--listen", f"127.0.0.1:{free_port()}"]
    alice.typed.append(shlex.join(["./scripts/start", *words]))
    with clone.started(*words) as (_, printed):
        for_alice, for_bob = join_lines(printed)
        if install is not None:
            bob.type(install)
        with closing(alice.join(for_alice)) as hers, closing(bob.join(for_bob)) as his:
            hers.enter("welcome, bob")
            his.wait_for("<alice> welcome, bob")
            his.enter("that was quick")
            hers.wait_for("<bob> that was quick")
            for one in (hers, his):
                one.enter("/quit")
                assert one.status() == 0


def test_a_team_of_two_talks(clone: Clone, tmp_path: Path):
    bin = Path(sys.executable).parent
    alice, bob = Person(tmp_path / "alice", Path("/nowhere")), Person(tmp_path / "bob", bin)
    two_people_talk(clone, alice, bob, install=None)
    assert len(alice.typed) == 2
    assert len(bob.typed) == 1  # besides the installation, which the slow test does


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_team_of_two_talks_with_two_commands_a_person(clone: Clone, tmp_path: Path):
    """The host with a fresh clone, the guest with a fresh virtual environment."""
    complete(clone)
    guest = tmp_path / "guest"
    subprocess.run([sys.executable, "-m", "venv", guest], check=True)
    alice, bob = Person(tmp_path / "alice", Path("/nowhere")), Person(tmp_path / "bob", guest / "bin")
    for person in (alice, bob):
        person.env.pop("PYTHONPATH", None)
    two_people_talk(clone, alice, bob, install=f"pip install {shlex.quote(str(clone.folder))}")
    assert (len(alice.typed), len(bob.typed)) == (2, 2)


def test_who_was_invited_keeps_the_line_and_who_joined_needs_none(clone: Clone, tmp_path: Path, password_file: Path):
    hash_quickly(clone.elsewhere / "data")
    words = ["--data", "data", "--invite", "ada, bob", "--listen", f"127.0.0.1:{free_port()}"]
    with clone.started(*words) as (_, printed):
        for_ada, for_bob = join_lines(printed)
        assert for_ada.startswith(f"{Path(sys.executable).with_name('securechat')} join ")
        assert for_bob.startswith("securechat join ")
        line = f"{for_ada} --no-chat --password-file {shlex.quote(str(password_file))}"
        subprocess.run(["sh", "-c", line], env=clone.env, check=True, capture_output=True, timeout=60)
    with clone.started(*words) as (_, printed):
        assert join_lines(printed) == []
        assert "ada has joined already\n" in printed
        assert "bob has an invite already; for another: " in printed
    words[3] += ",cyd"
    with clone.started(*words) as (_, printed):
        assert len(join_lines(printed)) == 1


def test_invites_lead_to_the_host_that_is_named(clone: Clone):
    words = ["--data", "data", "--invite", "ada", "--host", "chat.example.org", "--listen"]
    with clone.started(*words, f"127.0.0.1:{free_port()}") as (port, printed):
        [line] = join_lines(printed)
    invite = invites.parse(line.rpartition(" join ")[2])
    assert (invite.account, invite.host, invite.port) == ("ada", "chat.example.org", port)
    found = server_certificate.read_file(clone.folder / "certs" / "server.crt")
    assert "chat.example.org" in found.names
    assert found.pin == f"sha256:{invite.key.hex()}"


def test_invites_lead_to_a_port_that_is_known(clone: Clone):
    result = clone.run("--data", "data", "--invite", "ada", "--listen", "127.0.0.1:0")
    assert result.returncode == 2
    assert result.stderr == "start: --invite leads people to a port, so listen on one: --listen HOST:PORT\n"


def complete(clone: Clone) -> None:
    """All that an installation needs, and no environment yet."""
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone.folder)
    shutil.copytree(ROOT / "securechat", clone.folder / "securechat", ignore=shutil.ignore_patterns("__pycache__"))
    del clone.env["VENV"]
    clone.env.pop("PYTHONPATH", None)


@pytest.mark.slow
def test_a_fresh_clone_installs_itself_once(clone: Clone):
    complete(clone)
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, printed):
        assert f"installing securechat into {clone.folder}/.venv\n" in printed
        assert f"'{clone.folder}/.venv/bin/securechat' login alice@" in printed
    before = datetime.now(UTC)
    with clone.started("--demo", "--listen", "127.0.0.1:0") as (_, printed):
        assert "installing" not in printed
        assert (datetime.now(UTC) - before).total_seconds() < 10
