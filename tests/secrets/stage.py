"""Where planted secrets are looked for: every process that was started, what it said, and every file that it left."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.terminal import Terminal

FAILING = Path(__file__).parents[1] / "failing.py"
GIVEN = "given"  # what we write ourselves: password files


@dataclass(frozen=True)
class Leak:
    """`what` stands where it does not belong."""

    what: str
    where: str


@dataclass
class Stage:
    """A folder of its own for all that is started: home, temporary files, profiles, the server's data."""

    folder: Path
    secrets: dict[str, str]  # by their names
    leaks: list[Leak] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("home", "tmp", GIVEN):
            (self.folder / name).mkdir()

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SECURECHAT")}
        places = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp"), "TERM": "xterm"}
        return {**kept, **places, "PYTHONUTF8": "1", "SECURECHAT_DEBUG": "1"}

    def given(self, name: str, text: str) -> str:
        """A file that only we and the command may read."""
        path = self.folder / GIVEN / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def run(self, *words: str, text: str = "", shows: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        """A command to its end; of the secrets it may show `shows` to the person."""
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, env=self.environment, timeout=60, check=False
        )
        assert done.returncode == status, done.stderr
        self.look(" ".join(words), f"the arguments of {words[3:5]}")
        self.look(done.stderr, f"the standard error of {words[3:5]}", shows)
        self.look(done.stdout, f"the standard output of {words[3:5]}", shows)
        return done

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command with pipes."""
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=self.environment) as process:
            self.look_at_process(process.pid)
            yield process
            if process.poll() is None:
                process.kill()

    @contextmanager
    def terminal(self, *words: str) -> Iterator[Terminal]:
        terminal = Terminal(list(words), self.environment, started=True)
        self.look_at_process(terminal.child.pid)
        yield terminal
        terminal.child.close(force=True)

    def look_at_process(self, pid: int) -> None:
        for file in ("cmdline", "environ"):
            self.look(Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace"), f"{file} of a process")

    def look(self, text: str | bytes, where: str, *belonging: str) -> None:
        """Note which secrets stand in this text, but for those that belong there."""
        data = text.encode() if isinstance(text, str) else text
        for name, secret in self.secrets.items():
            if name not in belonging and any(form in data for form in forms(secret)):
                self.leaks.append(Leak(name, where))

    def look_at_files(self, belonging: dict[str, tuple[str, ...]]) -> int:
        """All that was left; a path that a key is part of may hold these. Gives how many files it were."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and GIVEN not in path.parts]
        for path in files:
            allowed = [name for part, names in belonging.items() if part in str(path) for name in names]
            self.look(path.read_bytes(), str(path.relative_to(self.folder)), *allowed)
        return len(files)


def forms(secret: str) -> Iterator[bytes]:
    """As it is, in capitals, as hexadecimal digits, and in base64 wherever it begins there."""
    data = secret.encode()
    yield from (data, data.upper(), data.lower(), data.hex().encode())
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data)
        yield encoded[4 if offset else 0 : -4]


def securechat(*words: str) -> tuple[str, ...]:
    """The words that start a command."""
    return (sys.executable, "-m", "securechat", *words)


def with_bug(file: str, function: str, mark: str) -> tuple[str, ...]:
    """What stands before such words to have this function raise for what holds the mark."""
    return (sys.executable, str(FAILING), f"{file}:{function}:{mark}")
