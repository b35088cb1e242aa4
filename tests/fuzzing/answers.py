"""Lines as a server might send them to our client, and as an enemy of it would."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from tests.fuzzing.mutation import mutated

NICKS = ("ada", "ADA", "bob", "eve", "~&@%+bob", "", "\x1b[2Jx", "é", "a" * 400)
CHANNELS = ("#lobby", "#LOBBY", "#a", "@#lobby", "#", "#\x07", "#" + "c" * 300, "bob", "ada", "*")
TEXTS = (
    "hello",
    "",
    "\x01ACTION waves\x01",
    "\x01VERSION\x01",
    "\x1b]0;x\x07",
    "\u202eevil",
    "\x0304red",
    "x" * 7000,
    "e\u0301" * 20,
    "\u0301" * 50,
    "\u2028next",
    "é" * 300,
    ":",
    "\x9b2J",
)
TIMES = (
    "2026-03-01T12:00:00.000Z",
    "2026-03-01T12:00:01.500Z",
    "2031-01-01T00:00:00.000Z",
    "1971-01-01T00:00:00Z",
    "",
    "x",
    "9999-12-31T23:59:59.999Z",
    "0001-01-01T00:00:00+14:00",
    "2026-03-01",
    "2026-03-01T12:00:00",
)
OFFERS = (
    "sasl",
    "sasl=PLAIN",
    "sasl=EXTERNAL",
    "sasl=",
    "batch",
    "labeled-response",
    "echo-message",
    "server-time",
    "message-tags",
    "draft/chathistory",
    "securechat/retry",
    "soju.im/search",
    "draft/multiline",
    "draft/multiline=max-bytes=4096",
    "draft/multiline=max-bytes=9999999999,max-lines=0",
    "draft/multiline=max-lines=x,=,max-bytes=-1",
    "x" * 300,
    "=",
    "-sasl",
)
CODES = ("TEMPORARILY_UNAVAILABLE", "MESSAGE_ERROR", "TRY_LATER", "ID_REUSED", "INVALID_TARGET", "ACCOUNT_REQUIRED", "")
COMMANDS = ("PRIVMSG", "CHATHISTORY", "PASSWD", "SEARCH", "AUTHENTICATE", "*")
NUMBERS = ("0", "1", "5", "60", "86400", "-1", "x", "9" * 30)
KINDS = (
    "chathistory",
    "draft/chathistory-targets",
    "soju.im/search",
    "labeled-response",
    "draft/multiline",
    "netsplit",
)
REFERENCES = "hab" + "cdefgijklmnopqrstuv"
NUMERICS = (
    *("001", "005", "221", "301", "305", "331", "332", "333", "341", "352", "353", "366", "372"),
    *("376", "401", "403", "404", "421", "422", "432", "433", "451", "464", "465", "473", "524"),
    *("671", "900", "902", "903", "904", "905", "906", "907", "908", "999", "4x4", "٣٣٣"),
)


FLOODS = (
    b"BATCH +f%d netsplit",
    b":ada!a@t JOIN #f%d",
    b":s CAP * LS * :c%d",
    b":bob!b@h PRIVMSG #lobby :%d",
    b":s 353 ada = #lobby :p%d +q",
    b"@batch=a :bob!b@h PRIVMSG #lobby :%d",
    b":bob!b@h BATCH +f%d draft/multiline #lobby",
)


class Answers:
    """The same seed gives the same lines; `labels` are those of commands that the client waits for an answer to."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self._pick: Any = chance.choice
        self.labels: deque[str] = deque(["1"], maxlen=8)
        self._words: dict[str, Callable[[], str]] = {
            "n": lambda: self._pick(NICKS),
            "c": lambda: self._pick(CHANNELS),
            "t": lambda: self._pick(TEXTS),
            "T": lambda: self._pick(TIMES),
            "o": lambda: " ".join(chance.choices(OFFERS, k=chance.choice((1, 3, 8, 200)))),
            "N": lambda: " ".join(chance.choices(NICKS, k=chance.choice((1, 3, 60)))),
            "b": lambda: self._pick("++-") + self._pick(REFERENCES),
            "k": lambda: self._pick(KINDS),
            "f": lambda: self._pick(CODES),
            "d": lambda: self._pick(NUMBERS),
            "C": lambda: self._pick(COMMANDS),
            "x": lambda: self._pick(("*", "=", "+", "#lobby", "ada", "G@", "H", "0 Bob B", "s", "ready", "ack-1")),
        }

    def bent(self, line: str) -> bytes:
        """An honest line, damaged, twice, or not at all."""
        data = line.encode()
        chance = self._random.random()
        if chance < 0.1:
            data = mutated(self._random, data).replace(b"\n", b" ")
        return data + b"\r\n" if chance < 0.97 else b""

    def forged(self) -> bytes:
        command, shape = self._pick(SHAPES)
        if self._random.random() < 0.1:
            shape = shape[: self._random.randrange(len(shape) + 1)]
        words = [self._source() + command, *(self._words[letter]() for letter in shape)]
        if len(words) > 1 and (not words[-1] or " " in words[-1] or self._random.random() < 0.5):
            words[-1] = ":" + words[-1]
        line = (self._tags() + " ".join(words)).encode()
        if self._random.random() < 0.2:
            line = mutated(self._random, line)
        return line + b"\r\n"

    def several(self) -> bytes:
        """The lines of one message, in a batch that is whole or damaged, alone or in another one."""
        reference, target = self._pick(REFERENCES[3:6]), self._pick(("#lobby", "ada", "#a"))
        to = self._pick((target, target, target, self._pick(CHANNELS), ""))
        tags = self._pick((self._tags(), "@batch=a;msgid=m9 "))
        lines = [f":s BATCH +a {self._pick(KINDS)} #lobby"] if "batch=a" in tags else []
        lines.append(f"{tags}:bob!b@h BATCH +{reference} draft/multiline {to}")
        for _ in range(self._pick((1, 2, 3, 300))):
            concat = self._pick(("", "", ";draft/multiline-concat"))
            lines.append(f"@batch={reference}{concat} :bob!b@h PRIVMSG {target} :{self._pick(TEXTS)}")
        return b"".join(map(self.bent, [*lines, f":s BATCH -{reference}", ":s BATCH -a"]))

    def flood(self) -> bytes:
        """One kind of line over and over."""
        line, count = self._pick(FLOODS), self._pick((20, 600, 1200))
        return b"".join(line % number + b"\r\n" for number in range(count))

    def noise(self) -> bytes:
        size = self._pick((1, 3, 20, 200, 2000))
        noise = bytes(self._random.choices(b":@#,;=\\ +-*!\r\n\0abPRIVMSG\xc3\xa9\x1b1", k=size))
        return noise if self._random.random() < 0.5 else self._random.randbytes(size) + b"\n"

    def _source(self) -> str:
        return self._pick(("", ":s ", ":bob!b@h ", ":ada!ada@team ", ":ada ", ":!@ ", ":" + "x" * 600 + "!u@h "))

    def _tags(self) -> str:
        tags = []
        if self._random.random() < 0.3:
            tags.append(f"time={self._pick(TIMES)}")
        if self._random.random() < 0.3:
            tags.append(
                f"msgid={self._pick(('m1', 'm2', 'm3', 'a b'.replace(' ', chr(92) + 's'), '', 'é', 'x' * 3000))}"
            )
        if self._random.random() < 0.3:
            tags.append(f"label={self._pick(self.labels)}")
        if self._random.random() < 0.3:
            tags.append(f"batch={self._pick(REFERENCES[:3])}")
        return "@" + ";".join(tags) + " " if tags else ""


SHAPES = [
    *[("PRIVMSG", "ct"), ("PRIVMSG", "nt"), ("NOTICE", "ct"), ("BATCH", "bkc"), ("BATCH", "b"), ("BATCH", "bk")] * 4,
    *[("JOIN", "c"), ("JOIN", "cnt"), ("PART", "ct"), ("KICK", "cnt"), ("QUIT", "t"), ("NICK", "n"), ("TOPIC", "ct")]
    * 2,
    *[
        ("CAP", "xxo"),
        ("CAP * LS", "o"),
        ("CAP * LS *", "o"),
        ("CAP * ACK", "o"),
        ("CAP * NAK", "o"),
        ("CAP x NEW", "o"),
    ],
    *[
        ("AUTHENTICATE", "x"),
        ("PING", "t"),
        ("PONG", "xx"),
        ("PONG s", "x"),
        ("ERROR", "t"),
        ("ACK", ""),
        ("INVITE", "nc"),
    ],
    *[("FAIL", "Cfct"), ("FAIL", "Cfdt"), ("FAIL", "Cft"), ("WARN", "Cft"), ("NOTE", "Cft"), ("MODE", "cxn")] * 2,
    *[("CHATHISTORY TARGETS", "cT"), ("CHATHISTORY", "xcT"), ("TAGMSG", "c"), ("REDACT", "cxt"), ("MARKREAD", "cT")],
    *[
        ("353", "nxcN"),
        ("353", "nxc"),
        ("366", "nct"),
        ("332", "nct"),
        ("352", "ncttxnxt"),
        ("404", "nct"),
        ("903", "nt"),
        ("904", "nt"),
    ]
    * 2,
    *[(numeric, shape) for numeric in NUMERICS for shape in ("nct", "nt")],
    ("", "tt"),
]
