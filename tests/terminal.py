"""A command on a pseudo-terminal, with the screen that a person would see."""

from __future__ import annotations

import re
import time

import pexpect
import pyte

from tests import forking

PATIENCE = 20.0


class Terminal:
    """Waits look at the screen, not at the bytes. `securechat` is forked, unless it is to be `started`."""

    child: forking.OnTerminal | pexpect.spawn[bytes]

    def __init__(
        self, words: list[str], env: dict[str, str], columns: int = 80, lines: int = 24, *, started: bool = False
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.patience = PATIENCE
        if forking.is_ours(words) and not started:
            self.child = forking.OnTerminal(words, env, columns, lines)
        else:
            self.child = pexpect.spawn(words[0], words[1:], env=env, dimensions=(lines, columns), timeout=PATIENCE)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def wait_for(self, pattern: str) -> str:
        """Until the screen shows it."""
        deadline = time.monotonic() + self.patience
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"no {pattern!r} on:\n{self.text}"
            self._read()
        return self.text

    def read_until(self, moment: float) -> None:
        """Show what comes until then."""
        while time.monotonic() < moment:
            self._read()

    def _read(self) -> None:
        try:
            data = self.child.read_nonblocking(65536, timeout=0.2)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF as error:
            raise AssertionError(f"it ended; the screen:\n{self.text}") from error
        self.raw += data
        self.stream.feed(data)

    def type(self, text: str) -> None:
        self.child.send(text)

    def enter(self, text: str) -> None:
        self.type(f"{text}\r")

    def status(self) -> int | None:
        """Wait for the end; gives the exit status."""
        try:
            while True:
                data = self.child.read_nonblocking(65536, timeout=PATIENCE)
                self.raw += data
                self.stream.feed(data)
        except pexpect.EOF:
            self.child.close()
        return self.child.exitstatus

    def close(self) -> None:
        self.child.close(force=True)
