"""`securechat login` as people run it: real processes and terminals, each person with a profile of his own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import forking
from tests.running import PASSWORD, Server
from tests.terminal import Terminal


class Login:
    """The words and the environment of `securechat login` for one person, with a profile of his own."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.password_file = folder / "password"
        self.password_file.write_text(f"{PASSWORD}\n")
        self.password_file.chmod(0o600)
        self.env = {key: value for key, value in os.environ.items() if key != "SECURECHAT_PASSWORD"}
        self.env |= {"TERM": "xterm", "PYTHONUTF8": "1"}

    def profile(self, name: str) -> Path:
        return self.folder / f"profile-{name}"

    def words(
        self,
        name: str,
        *extra: str,
        host: str = "localhost",
        port: int | None = None,
        trust: bool = True,
        password: bool = True,
    ) -> list[str]:
        """`port`: another one than the server's own, of a relay."""
        words = [*forking.PREFIX, "login", f"{name}@{host}:{port or self.server.port or 6697}"]
        words += ["--profile-dir", str(self.profile(name)), *extra]
        words += ["--ca", str(self.server.ca)] if trust else []
        words += ["--password-file", str(self.password_file)] if password else []
        return words

    def pipe(self, name: str, text: str | bytes, *extra: str, **options: bool) -> subprocess.CompletedProcess[str]:
        """Run it to its end with this standard input."""
        return forking.run(self.words(name, *extra, **options), input=text, env=self.env)

    @contextmanager
    def piped(self, name: str, *extra: str) -> Iterator[subprocess.Popen[str]]:
        """Have it running with pipes."""
        pipe = subprocess.PIPE
        words = self.words(name, *extra)
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self.env) as process:
            yield process
            if process.poll() is None:
                process.kill()


@pytest.fixture
def person(idle_server: Server, tmp_path: Path) -> Login:
    return Login(idle_server, tmp_path)


@pytest.fixture
def team(server: Server, person: Login) -> Login:
    """A running server with three people."""
    server.adduser("ada", "bob", "eve")
    return person


@pytest.fixture
def terminal(person: Login) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def terminal(
        name: str,
        *extra: str,
        columns: int = 80,
        env: dict[str, str] | None = None,
        started: bool = False,
        **options: bool,
    ) -> Terminal:
        words = person.words(name, "--line", *extra, **options)
        opened.append(Terminal(words, person.env | (env or {}), columns, started=started))
        return opened[-1]

    yield terminal
    for one in opened:
        one.child.close(force=True)
