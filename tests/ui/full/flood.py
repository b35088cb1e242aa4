"""A server that logs anybody in and then says what an enemy would, a line after the other, over real TLS."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterator
from pathlib import Path

from tests.client.host import Guest, Host
from tests.fuzzing.answers import CHANNELS, NICKS, TEXTS
from tests.fuzzing.mutation import mutated
from tests.listening import Listening

ENEMY_TEXTS = (
    *TEXTS,
    "\x1b]52;c;c3RvbGVu\x07",
    "\x1b]0;owned\x1b\\",
    "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x9d0;owned\x9c",
    "[bold red]markup[/] [@click=app.quit]x[/] [link=https://evil.example]y[/link]",
    "[/]",
    "\x1b[2J\x1b[H\x1b[?1049l",
    "\r\x08\x7f\x00".replace("\r", "\x0b"),
    "ada: " + "\u200d\u200b\ufeff" * 40,
    "日本語" * 40,
    "👩‍👩‍👧‍👦" * 30,
)
SHAPES = (
    *(":{nick}!u@h PRIVMSG {channel} :{text}",) * 6,
    ":{nick}!u@h PRIVMSG ada :{text}",
    ":{nick}!u@h NOTICE {channel} :{text}",
    ":s NOTICE ada :{text}",
    ":{nick}!u@h TOPIC {channel} :{text}",
    ":{nick}!u@h JOIN {channel}",
    ":{nick}!u@h PART {channel} :{text}",
    ":{nick}!u@h QUIT :{text}",
    ":bob!u@h KICK {channel} {nick} :{text}",
    ":s 332 ada {channel} :{text}",
    ":s 353 ada = {channel} :{nick} {text}",
    ":s 366 ada {channel} :{text}",
    ":s 372 ada :{text}",
    ":s FAIL PRIVMSG {nick} :{text}",
    "@+typing=active :{nick}!u@h TAGMSG {channel}",
)
END = "all is said"


def lines(seed: int, count: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for number in range(count):
        shape = chance.choice(SHAPES)
        words = {"nick": chance.choice(NICKS), "channel": chance.choice(CHANNELS), "text": chance.choice(ENEMY_TEXTS)}
        line = shape.format(**words).encode(errors="surrogatepass")
        if chance.random() < 0.1:
            line = mutated(chance, line).replace(b"\n", b" ")
        yield line + b"\r\n"
        if number % 50 == 49:  # the same wherever one looks
            yield b":bob!u@h PRIVMSG #lobby :" + chance.choice(ENEMY_TEXTS).encode() + b"\r\n"
            yield b":bob!u@h BATCH +b draft/multiline #lobby\r\n"
            for text in chance.choices(ENEMY_TEXTS, k=chance.choice((1, 5, 300))):
                yield b"@batch=b :bob!u@h PRIVMSG #lobby :" + text.encode() + b"\r\n"
            yield b"BATCH -b\r\n"


class Enemy(Listening):
    """Says `count` such lines in all, and END."""

    def __init__(self, certificates: Path, count: int, seed: int = 1) -> None:
        super().__init__(certificates)
        self._left = lines(seed, count)

    def serve(self, tls: ssl.SSLSocket) -> None:
        guest, buffer, flooded = Host().connect(), b"", False
        while data := tls.recv(65536):
            *received, buffer = (buffer + data).split(b"\r\n")
            for line in received:
                if line.startswith(b"QUIT"):
                    return
                self._answer(tls, guest, line.decode())
                if not flooded and b"NAMES" in line:  # it looks at the channel
                    flooded = True
                    self._flood(tls)

    def _answer(self, tls: ssl.SSLSocket, guest: Guest, line: str) -> None:
        guest.receive(line)
        output, guest.output = guest.output, []
        tls.sendall("".join(f"{one}\r\n" for one in output).encode())

    def _flood(self, tls: ssl.SSLSocket) -> None:
        for line in self._left:
            tls.sendall(line)
        tls.sendall(f":s NOTICE ada :{END}\r\n".encode())
