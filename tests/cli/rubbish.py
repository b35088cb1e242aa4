"""A server that logs our client in like an honest one, and then says whatever may harm a terminal or a program."""

from __future__ import annotations

import random
import ssl
import time
from pathlib import Path

from tests.client.host import Guest, Host
from tests.fuzzing.answers import REFERENCES, Answers
from tests.listening import Listening

ALL_SAID = "that was all of it"
CHUNK = 100  # lines, behind which all batches are ended
PATIENCE = 600.0

# What terminals obey: titles, the clipboard, answers that look typed, colours, another screen, resets, the bell.
ORDERS = (
    *(
        "\x1b]0;pwned\x07",
        "\x1b]2;pwned\x1b\\",
        "\x1b]52;c;cHduZWQ=\x07",
        "\x1b]8;;http://x\x1b\\x",
        "\x1b]1337;File=x\x07",
    ),
    *("\x1b[2J", "\x1b[H", "\x1b[31337;1H", "\x1b[6n", "\x1b[c", "\x1b[21t", "\x1b[8;1;1t", "\x1b[?1049h", "\x1b[?25l"),
    *(
        "\x1bc",
        "\x1b#8",
        "\x1bP+q544e\x1b\\",
        "\x1b_x\x1b\\",
        "\x1b(0",
        "\x9b2J",
        "\x9d0;pwned\x9c",
        "\x90x\x9c",
        "\x8d",
    ),
    *(
        "\x07",
        "\x08" * 20,
        "\x7f",
        "\r#lobby> ",
        "\t" * 9,
        "\x0b\x0c",
        "\x0e",
        "\x1a",
        "\x1b",
        "\u2028",
        "\u202e",
        "\u2066",
    ),
    *("e" + "\u0301" * 200, "\u200b" * 100, "\U000e0041" * 20, "\ufff9x\ufffa", "\x03" + "4,1red", "\x1b[31mred\x1b[m"),
)


class Rubbish(Listening):
    """Listens on a port of its own; says `count` such lines in all, then ALL_SAID until the client goes."""

    def __init__(self, certificates: Path, count: int, seed: int = 1) -> None:
        super().__init__(certificates)
        self.left = count
        self.links = 0
        self._random = random.Random(seed)
        self._answers = Answers(self._random)

    def serve(self, tls: ssl.SSLSocket) -> None:
        self.links += 1
        guest = Host().connect()
        entered = False  # what is said before that may end a visit lawfully; tests/fuzzing has that part
        read = b""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            tls.settimeout(0.001 if entered and self.left > 0 else 0.5)
            try:
                data = tls.recv(65536)
            except TimeoutError:
                data = None
            if data == b"":
                return
            *lines, read = (read + (data or b"")).split(b"\r\n")
            if not self._answer(tls, guest, lines):
                return
            last_request = b"CHATHISTORY LATEST" if self.links == 1 else b"CHATHISTORY TARGETS"
            entered = entered or any(last_request in line for line in lines)
            if entered:
                self._speak(tls)

    def _answer(self, tls: ssl.SSLSocket, guest: Guest, lines: list[bytes]) -> bool:
        """As an honest server does; False at the client's goodbye."""
        for line in lines:
            if line == b"QUIT":
                tls.sendall(b"ERROR :Bye\r\n")
                return False
            guest.receive(line.decode())
        said, guest.output = guest.output, []
        tls.settimeout(60.0)
        tls.sendall("".join(f"{line}\r\n" for line in said).encode())
        return True

    def _speak(self, tls: ssl.SSLSocket) -> None:
        if self.left <= 0:
            return tls.sendall(f":eve!e@h PRIVMSG ada :{ALL_SAID}\r\n".encode())
        lines = [self._line() for _ in range(min(CHUNK, self.left))]
        self.left -= len(lines)
        ends = [f"BATCH -{reference}\r\n".encode() for reference in REFERENCES]
        return tls.sendall(b"".join(lines + ends))

    def _line(self) -> bytes:
        chance = self._random.random()
        if chance < 0.5:
            return self._answers.forged()
        if chance < 0.6:
            return self._answers.noise().replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"
        order = self._random.choice(ORDERS)
        where = self._random.choice(
            (
                f":bob!b@h PRIVMSG #lobby :a {order} b",
                f":bob!b@h PRIVMSG ada :{order}",
                f":bob{order}!b@h PRIVMSG #lobby :x",
                f":bob!b@h TOPIC #lobby :{order}",
                f":bob!b@h JOIN #lobby{order}",
                f":ada!ada@team JOIN #x{order}",
                f":bob!b@h QUIT :{order}",
                f":s NOTICE ada :{order}",
                f":s 372 ada :{order}",
                f":bob!b@h NICK :{order}",
            )
        )
        return where.replace("\n", "").replace("\0", "").encode() + b"\r\n"
