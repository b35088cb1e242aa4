"""Drivers of real chat clients: WeeChat through its fifo and logs, irssi and catgirl through a terminal.

Each is set up with the very lines of docs/clients.md, or those that `client-setup` prints, so that these work.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pexpect
import pyte

DOCS = Path(__file__).parent.parent / "docs" / "clients.md"
PATIENCE = 30.0  # seconds until a wait has failed; real clients start slowly on a loaded machine
GLANCE = 0.02  # seconds between two looks at what a client shows
AGAIN = 0.5  # seconds until a way to a window that did not exist yet is tried once more
WIDTH, HEIGHT = 180, 120
NETWORK = "team"
SERVER = ""  # the window of what the server says


@dataclass(frozen=True, slots=True)
class Login:
    """What someone types who wants to log in."""

    port: int
    ca: Path
    name: str
    password: str
    pem: Path | None = None  # certificate and key, in the password's place

    @property
    def way(self) -> str:
        """What the blocks for this way of logging in have behind their names."""
        return "" if self.pem is None else "-certificate"


def documented(block: str, login: Login) -> list[str]:
    """The lines of a block of docs/clients.md, with our values in place of its examples."""
    found = re.search(rf"```{block}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    values = {
        "/home/ada/ca.crt": str(login.ca),
        "/home/ada/ada.pem": str(login.pem),
        "chat.example.org": "localhost",
        "6697": str(login.port),
        "ada": login.name,
        "SECRET": login.password,
    }
    return re.sub("|".join(values), lambda example: values[example[0]], found[1]).splitlines()


def lines_for(kind: str, setup: Login | list[str]) -> list[str]:
    """Those of docs/clients.md for a login, or those that are given."""
    return documented(f"{kind}{setup.way}", setup) if isinstance(setup, Login) else setup


def wait_until(holds: Callable[[], bool], missing: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(missing())
        time.sleep(GLANCE)


class Client:
    """A client that someone sits at, looking at one of its windows."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def go(self, window: str) -> None:
        """Look at a window: a channel's, a person's, or SERVER."""
        raise NotImplementedError

    def type(self, line: str) -> None:
        """Into the window that is looked at."""
        raise NotImplementedError

    def text(self) -> str:
        """What that window shows."""
        raise NotImplementedError

    def raw(self) -> str:
        """The lines that went over the wire; `>>` or `<<` says which way, from the client's own log."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def see(self, pattern: str) -> str:
        """Wait until the window shows the pattern; gives all that it shows then."""
        wait_until(
            lambda: re.search(pattern, self.text(), re.MULTILINE) is not None,
            lambda: f"{type(self).__name__} does not show {pattern!r} but:\n{self.text()}",
        )
        return self.text()


class Weechat(Client):
    """weechat-headless: typed to through its fifo, read through the logs of its buffers."""

    def __init__(self, home: Path, setup: Login | list[str], start: str = "") -> None:
        self.home = home
        home.mkdir()
        self.process = subprocess.Popen(
            ["weechat-headless", "-d", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.fifo = home / f"weechat_fifo_{self.process.pid}"
        wait_until(self.fifo.exists, lambda: "WeeChat made no fifo")
        self.buffer = "core.weechat"
        self.type("/set logger.file.flush_delay 0")
        self.type("/set irc.server_default.anti_flood_prio_high 0")
        self.type("/set irc.server_default.anti_flood_prio_low 0")
        self.type("/trigger add raw signal *,irc_raw_in_*;*,irc_out_*")
        self.type("/trigger set raw command /print -core ${if:${tg_signal}=~irc_out_?<<:>>} ${tg_signal_data}")
        for line in lines_for("weechat", setup):
            self.type(line)
        self.go(SERVER)

    def go(self, window: str) -> None:
        self.buffer = f"irc.{NETWORK}.{window}" if window else f"irc.server.{NETWORK}"

    def type(self, line: str) -> None:
        with self.fifo.open("w") as fifo:
            fifo.write(f"{self.buffer} *{line}\n")

    def text(self) -> str:
        return self._log(self.buffer)

    def raw(self) -> str:
        """Its core buffer, with all else that it shows there."""
        return self._log("core.weechat")

    def evaluate(self, expression: str) -> None:
        """Have an expression of WeeChat's language printed into the window."""
        self.type(f"/eval /print -buffer {self.buffer} {expression}")

    def _log(self, buffer: str) -> str:
        path = self.home / "logs" / f"{buffer}.weechatlog"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


class Terminal(Client):
    """A client in a terminal of its own."""

    def __init__(self, home: Path, command: list[str]) -> None:
        self.home = home
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.ByteStream(self.screen)
        surroundings: Any = {
            **os.environ,
            "TERM": "linux",
            "LC_ALL": "C.UTF-8",
            "HOME": str(home),
        }  # what pyte emulates
        self.child = pexpect.spawn(command[0], command[1:], env=surroundings, dimensions=(HEIGHT, WIDTH), echo=False)

    def type(self, line: str) -> None:
        self.child.send(line + "\r")

    def go(self, window: str) -> None:
        """Clients make windows when there is something to show, and going there fails until then."""
        tried = 0.0

        def arrived() -> bool:
            nonlocal tried
            if self.is_at(window):
                return True
            if time.monotonic() > tried + AGAIN:
                tried = time.monotonic()
                self.type(self.way_to(window))
            return False

        wait_until(arrived, lambda: f"{type(self).__name__} has no window {window!r}:\n{self.text()}")

    def is_at(self, window: str) -> bool:
        raise NotImplementedError

    def way_to(self, window: str) -> str:
        raise NotImplementedError

    def text(self) -> str:
        try:
            while True:
                self.stream.feed(self.child.read_nonblocking(65536, timeout=0))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return "\n".join(line.rstrip() for line in self.screen.display)

    def close(self) -> None:
        self.child.close(force=True)


class Irssi(Terminal):
    def __init__(self, home: Path, setup: Login | list[str], start: str = "") -> None:
        home.mkdir()
        super().__init__(home, ["irssi", "--home", str(home)])
        self.see("^ Irssi v")
        self.type("/set paste_detect_time 0")  # typed faster than by hand, but not pasted
        self.see("paste_detect_time 0")
        self.type("/set cmd_queue_speed 10msec")
        for line in lines_for("irssi", setup):
            self.type(line)

    def is_at(self, window: str) -> bool:
        return re.search(rf"^\[{re.escape(window or '(status)')}\]", self.text(), re.MULTILINE) is not None

    def way_to(self, window: str) -> str:
        return f"/window goto {window or '(status)'}"

    def raw(self) -> str:
        path = self.home / "raw"
        path.unlink(missing_ok=True)
        self.type(f"/rawlog save {path}")
        self.type("/echo saved the raw log")  # handled behind it: the file is whole then, and not only there
        self.see(r"^(?!\[).*saved the raw log$")
        return path.read_text()


class Catgirl(Terminal):
    def __init__(self, home: Path, setup: Login | list[str], start: str = "") -> None:
        """`start` is the command, where the lines are not those of the documentation."""
        folder = home / ".config" / "catgirl"
        folder.mkdir(parents=True)
        (folder / NETWORK).write_text("\n".join(lines_for("catgirl", setup)) + "\n")
        if isinstance(setup, Login):
            (start,) = documented("catgirl-start", setup)
        self.log = home / "raw"
        super().__init__(home, ["sh", "-c", f"{start} -v 2>{self.log}"])

    def is_at(self, window: str) -> bool:
        """The window that is looked at stands reversed in the top line."""
        place = self.text().partition("\n")[0].find(f" {window or '<network>'}")
        return place >= 0 and self.screen.buffer[0][place].reverse

    def way_to(self, window: str) -> str:
        return f"/window {window or '<network>'}"

    def raw(self) -> str:
        return self.log.read_text()
