"""Lines as a client might send them, and as an enemy would: from a grammar with mutations, or raw bytes."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from typing import Any

from securechat.protocol.capabilities import CAPABILITIES
from securechat.server.dispatch import COMMANDS
from tests.fuzzing.mutation import mutated

PEOPLE = ("ada", "bob", "Eve", "dan", "a" * 32)
CHANNELS = ("#lobby", "#LOBBY", "#a", "#ops", "#b-[x]", "#ünïcode", "#" + "c" * 63, "#&", "#lab", "#1", "#secret")
WORDS = (
    "hello",
    "*",
    "",
    "+",
    "-",
    "0",
    "x" * 500,
    "é" * 240,
    ":",
    "::",
    "#",
    ",",
    ",,,",
    "@",
    "!",
    "\x01ACTION waves",
)
MASKS = ("*!*@*", "bob", "b?b!*@*", "*@u1.*", "e*!*", "[a-z]", "*" * 60, "a*" * 90, "?" * 200, "!@", ":x", "")
MODES = ("+o", "-o", "+v", "-v", "+b", "-b", "+e", "+I", "b", "+imnst", "-imnst", "+k", "-k", "+l", "-l", "+", "+z",
         "+bbbbbbbb", "+ov-ov", "+i-i" * 100, "b" * 300, "+é", "o+b-k+l")  # fmt: skip
POINTS = ("*", "timestamp=2026-01-01T00:00:00.000Z", "timestamp=9999-12-31T23:59:59.999Z", "timestamp=",
          "timestamp=x", "timestamp=0001-01-01T00:00:00+14:00", "msgid=", "msgid=none", "when=now")  # fmt: skip
NUMBERS = ("1", "50", "100", "0", "-1", "999999999999", "x", "", "٣", "1.5")
SUBCOMMANDS = ("LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN", "TARGETS", "latest", "NONE", "")
ATTRIBUTES = ("text", "in", "from", "after", "before", "limit", "near", "")
SOUGHT = ("hello", "hel*", '"hello"', '"', "*", "AND", "NEAR(", "text:x", "x\\sy", '"x\\sOR\\s', "é*", "日本", "\x02",
          "a*b\\s" * 40, "!!", ")")  # fmt: skip
TAG_KEYS = (
    "label",
    "+securechat/id",
    "draft/multiline-concat",
    "+reply",
    "+typing",
    "+draft/react",
    "+",
    "time",
    "msgid",
    "account",
    "+x/y",
    "batch",
    "",
)
TAG_VALUES = ("1", "", "a\\:b", "a\\", "\\s\\r\\n", "\\\\", "é", "x" * 70, "y" * 2000, "active", "=", '"')
PASSWORD = "correct horse battery"


class Grammar:
    """The same seed gives the same lines; `msgids` may be added to, so that history is asked for what exists."""

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self._pick: Any = random.choice
        self.msgids: list[str] = ["none"]
        self._params: dict[str, Callable[[], str]] = {
            "c": lambda: self._pick((*CHANNELS, f"#n{self._random.randrange(40)}")),
            "p": lambda: self._pick(PEOPLE),
            "t": lambda: self._pick((*CHANNELS, *PEOPLE, *WORDS)),
            "w": lambda: self._pick(WORDS),
            "l": lambda: ",".join(self._some(CHANNELS, 12)),
            "k": lambda: self._pick(MASKS),
            "m": lambda: self._pick(MODES),
            "a": lambda: self._pick((*MASKS, *PEOPLE, *NUMBERS, *WORDS[:6])),
            "r": self._point,
            "i": lambda: self._pick((*self.msgids, *WORDS[:6])),
            "n": lambda: self._pick(NUMBERS),
            "g": lambda: self._pick(("1", "50", "100", "x")),
            "s": lambda: self._pick(SUBCOMMANDS),
            "q": lambda: self._pick(("LS", "LIST", "REQ", "REQ", "END", "ls", "ACK", "")),
            "Q": self._capabilities,
            "b": self._piece,
            "x": self._attributes,
            "B": lambda: "+" + self._pick(("1", "1", "2", "", "a b")),
            "K": lambda: self._pick(("draft/multiline", "draft/multiline", "other", "")),
            "E": lambda: "-" + self._pick(("1", "1", "2")),
            "v": lambda: self._pick(PEOPLE[:3]) + ",#a",
            "M": lambda: self._pick(("+", "-", "C", "L", "S", "+-", "")),
            "N": lambda: ",".join(self._some((*PEOPLE, *MASKS[:6]), 60)),
            "f": lambda: self._pick(("%tcuihsnfdlaor,7", "%n", "%tr,12345", "%", "o%f,", "%t", "%é,1")),
            "S": lambda: self._pick("@+&@") + self._pick(CHANNELS),
            "u": lambda: self._pick(("+B", "-B", "+o", "-o", "+i", "+Bo-oB", "+" + "B-" * 200, "x", "+é")),
            "P": lambda: self._pick((f":{PASSWORD}", "wrong", "")),
            "T": lambda: self._pick(("CREATE", "create", "LIST", "REVOKE", "")),
            "h": lambda: self._pick((*COMMANDS, "*", "x" * 400)),
        }
        self._shapes = [*SHAPES, *((command, "www") for command in COMMANDS)]

    def input(self) -> bytes:
        """One piece of input; half of them make sense, more or less."""
        return self.line() if self._random.random() < 0.5 else self.noise()

    def line(self) -> bytes:
        command, shape = self._pick(self._shapes)
        if self._random.random() < 0.1:
            shape = shape[: self._random.randrange(len(shape) + 1)]
        words = [command, *(self._params[letter]() for letter in shape)]
        if len(words) > 1 and (not words[-1] or " " in words[-1] or self._random.random() < 0.5):
            words[-1] = ":" + words[-1]
        line = (self._tags() + " ".join(words)).encode()
        if self._random.random() < 0.4:
            line = mutated(self._random, line)
        return line + self._pick((b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\r\n"))

    def noise(self) -> bytes:
        size = self._pick((1, 2, 5, 20, 80, 80, 600))
        kind = self._random.random()
        if kind < 0.4:
            noise = self._random.randbytes(size)
        elif kind < 0.8:
            noise = bytes(self._random.choices(b":@#,;=\\ +-*!\r\0abPRIVMSG\xc3\xa9", k=size))
        else:
            noise = b"PRIVMSG #a :" + self._random.randbytes(size)
        return noise + (b"\r\n" if self._random.random() < 0.9 else b"")

    def login(self, name: str) -> str:
        return base64.b64encode(f"\0{name}\0{PASSWORD}".encode()).decode()

    def _tags(self) -> str:
        if self._random.random() < 0.6:
            return ""
        tags = (f"{self._pick(TAG_KEYS)}={self._pick(TAG_VALUES)}" for _ in range(self._random.randrange(1, 4)))
        return "@" + ";".join(tags) + " "

    def _some(self, words: Sequence[str], most: int) -> list[str]:
        return self._random.choices(words, k=self._random.randrange(1, most))

    def _point(self) -> str:
        return self._pick((*POINTS, f"msgid={self._pick(self.msgids)}"))

    def _capabilities(self) -> str:
        names = [*CAPABILITIES, "unknown", "302", "sasl", "labeled-response batch", "message-tags"]
        return " ".join(self._pick(("", "", "-")) + name for name in self._some(names, self._pick((3, 60))))

    def _attributes(self) -> str:
        """What follows SEARCH; a time, a name or a number may come where another belongs."""
        values = (
            *SOUGHT,
            *SOUGHT,
            *PEOPLE[:2],
            *CHANNELS[:4],
            *NUMBERS,
            *(point.partition("=")[2] for point in POINTS),
        )
        return ";".join(f"{self._pick(ATTRIBUTES)}={self._pick(values)}" for _ in range(self._random.randrange(1, 4)))

    def _piece(self) -> str:
        """What follows AUTHENTICATE or PASSWD."""
        secrets = (
            f"\0{self._pick(PEOPLE)}\0{PASSWORD}",
            "\0bob\0wrong",
            f"\0bob\0sct_{'A' * 43}",
            f"{PASSWORD}\0{PASSWORD}",
            "\0\0",
            "ada",
            "",
        )
        whole = base64.b64encode(self._pick(secrets).encode()).decode()
        return self._pick((whole, whole, whole[:-1], "A" * 400, "A" * 401, "+", "*", "PLAIN", "PLAIN", "EXTERNAL", "é"))


SHAPES = [
    *[("PRIVMSG", "tw"), ("PRIVMSG", "cw"), ("NOTICE", "tw"), ("TAGMSG", "t"), ("PRIVMSG", "lw"), ("PRIVMSG", "pw")]
    * 5,
    *[("JOIN", "c"), ("JOIN", "lw"), ("JOIN", "c"), ("JOIN", "w"), ("TOPIC", "cw"), ("TOPIC", "c")] * 2,
    *[("MODE", "cmaaaa"), ("MODE", "cmaaaaaa"), ("MODE", "cmk"), ("MODE", "cmp"), ("MODE", "pm"), ("MODE", "tmw")] * 4,
    *[("PART", "cw"), ("PART", "l")],
    *[("BATCH", "BKc"), ("@batch=1 PRIVMSG", "cw"), ("@batch=1;draft/multiline-concat PRIVMSG", "cw"), ("BATCH", "E")]
    * 2,
    *[("BATCH +1 draft/multiline #a", ""), ("@batch=1 PRIVMSG #a", "w"), ("@batch=1 NOTICE #a", "w"), ("BATCH -1", "")]
    * 4,
    *[("KICK", "cpw"), ("INVITE", "pc"), ("NAMES", "c"), ("NAMES", "w"), ("LIST", ""), ("LIST", "l")],
    *[("WHO", "c"), ("WHO", "k"), ("WHO", ""), ("WHOIS", "p"), ("WHOIS", "wp"), ("AWAY", "w"), ("AWAY", "")],
    *[("WHO", "cf"), ("WHO", "pf"), ("WHO", "kf"), ("WHOWAS", "p"), ("WHOWAS", "pn"), ("SETNAME", "w"), ("INFO", "")],
    *[("MONITOR", "MN"), ("MONITOR", "MN"), ("MONITOR", "Mp"), ("MONITOR", "M"), ("STATS", "w"), ("HELP", "h")],
    *[
        ("MODE", "pu"),
        ("MODE", "pu"),
        ("PRIVMSG", "Sw"),
        ("NOTICE", "Sw"),
        ("TAGMSG", "S"),
        ("OPER", "pP"),
        ("KILL", "pw"),
    ],
    *[("USERHOST", "pppppp"), ("ISON", "pppppppppppppp"), ("ISON", "w"), ("MOTD", ""), ("LUSERS", ""), ("TIME", "")],
    *[("CHATHISTORY", "scrn"), ("CHATHISTORY", "stn"), ("CHATHISTORY", "scrrn"), ("CHATHISTORY", "srrn")] * 2,
    *[("CHATHISTORY LATEST", "crg"), ("CHATHISTORY BETWEEN", "crrg"), ("CHATHISTORY TARGETS", "rrg")] * 2,
    *[("REDACT", "ciw"), ("REDACT", "ti"), ("MARKREAD", "tr"), ("MARKREAD", "cr"), ("MARKREAD", "t")] * 2,
    *[("SEARCH", "x"), ("SEARCH", "x"), ("SEARCH", "w")],
    *[("CAP", "qQ"), ("CAP", "qQ"), ("CAP", "qn"), ("AUTHENTICATE", "b"), ("AUTHENTICATE", "b"), ("PASSWD", "b")],
    *[("TOKEN", "Tw"), ("TOKEN", "Tw"), ("TOKEN", "T")],
    *[("NICK", "p"), ("NICK", "w"), ("USER", "wwww"), ("PASS", "w"), ("PING", "w"), ("PONG", "w"), ("VERSION", "")],
    *[
        ("QUIT", "w"),
        ("", "ww"),
        ("NONE", "www"),
        ("GET", "ww"),
        ("123", "w"),
        (":source PRIVMSG", "cw"),
        ("ERROR", "w"),
    ],
]
