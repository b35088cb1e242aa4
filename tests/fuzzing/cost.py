"""What 8 KiB of anything cost a parser: one line, one response, one request, whatever is in it."""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from securechat.ui.render import rendered
from tests.client.conftest import Script
from tests.fuzzing.answers import SHAPES
from tests.fuzzing.client import NOON
from tests.fuzzing.mutation import SPECIAL
from tests.fuzzing.parser import INPUT_BYTES, Parser
from tests.fuzzing.parsers import PARSERS

MOST = 0.001  # seconds of CPU
SLOWEST = 1.5  # looks at every byte, on machines where these take longer than that
TRIES = 3  # of which the quickest counts
AGAIN = 5  # times that the dearest is measured anew
CHEAP = MOST / 5  # is not tried again: it is not the dearest
GROWN = 30  # random inputs of each parser
UNITS = (b"a", b"a ", b" :", b"\\:", b"=;", b"\x1b", b"\xcc\x81", b"\xe2\x80\xae", b"\x03", b",", b"#a,", b"1")
# Something of everything that is looked at by itself.
SPACES = "\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u06dd\u070f"
ODD = "\\\"'\t\n\r\u200c\u200d\u034f\u115f\U0001e944\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f" + (
    "a\ufe0f\ufe0f" * 5 + ("a" + "\u0301" * 5) * 5 + "\U0001faff\x1b" * 3
)
PORTION = 1024  # characters
TEXTS = tuple(
    text.encode()
    for text in (
        *("\x7fa", "\x031a", "\x031\x1b", "\x04ffffffg", "\\\x1b", "\t'\"", "\x80", "\xa0\x1b", "\u200da", "\u200ca"),
        *("a" + "\u0301" * 5, "a" + "\u1ab0" * 5, "a\u0301\u0301", "\u0301\u0301\u0301\u0301\t", "\u0301\u200d"),
        *("a\ufe0f\ufe0f", "\ufe0f", "\U000e0100", "\u034f", "\u0378", "\u0378\xa0", "\ue000", "\U0001faff\x7f"),
        *("\U0001d400\u0301", "\U00011347\U0010ffff", "\u0939\u093f\u0928\u094d\u0926\u0940 "),
        *("\u200c", "\u200d", "\u200d\u2603", "\ufe0f\ufe0f\x1b", "\ufe0f\ufe0f\u200d", "a" + "\u0301\u200d" * 5),
        *("\u0600\x1b", "\xe0\x1b", "\ufe0f\ufe0f\xa0\x1b"),
        *("\U0001e944\ufe0f\u200d\x1b", "\U0001d200", "a" + "\U0001e944" * 5),
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f\u0301",
        "".join(map(chr, range(0xE000, 0xF000))),  # each another one
        "".join(map(chr, range(0x11000, 0x12000))),
        *((SPACES + ODD).ljust(PORTION, filling) for filling in "a\x1b\x85"),
        *((SPACES[:4] + ODD + "\x1b" * 50).ljust(PORTION, filling) for filling in "a\x1b\x85"),
        "\u0600" + "".join(map(chr, (*range(0xC0, 0x100), *range(0xAC00, 0xC000)))),
        '\u0600\t"\u200c' + "".join(map(chr, range(0x2E000, 0x2F000))),
    )
)  # which are dear to show
NAMES = (b"@+a ", b"A\xc3\xa9 ", b"@ ", b"".join(b"+%x " % number for number in range(2000)))


@dataclass
class Cost:
    what: str
    measure: Callable[[], float]
    seconds: float
    again: int = 0

    def measure_again(self) -> None:
        self.seconds = min(self.seconds, self.measure())
        self.again += 1


def dearest() -> tuple[Cost, float]:
    """Of all that is meant to be dear, what still is when it is measured again, for the machine may have been busy.

    And what it may take here: a millisecond, or on a slow machine as long as 1.5 looks at every byte in these moments.
    """
    costs = [Cost(what, measure, measure()) for what, measure in _measures()]
    looks: list[float] = []
    while (one := max(costs, key=lambda cost: cost.seconds)).again < AGAIN:
        one.measure_again()
        looks.append(_quickest(_look))
    return one, max(MOST, SLOWEST * statistics.median(looks))


def _look() -> Callable[[], object]:
    return partial(re.compile(r"[\x02\x03]").sub, "", "\x03" * INPUT_BYTES)


def _measures() -> Iterator[tuple[str, Callable[[], float]]]:
    for parser in PARSERS:
        for data in _long(parser):
            yield f"{parser.name}: {data[:40]!r}", partial(_quickest, partial(_parsing, parser, data))
    for line in _server_lines():
        yield f"the client: {line[:40]!r} … {line[-20:]!r}", partial(_quickest, partial(_client_with, line))


def _quickest(prepare: Callable[[], Callable[[], object]]) -> float:
    """CPU time of what `prepare` gives, which is prepared anew each time."""
    least = float("inf")
    for _ in range(TRIES):
        call = prepare()
        began = time.thread_time()
        call()
        least = min(least, time.thread_time() - began)
        if least < CHEAP:
            break
    return least


def _parsing(parser: Parser, data: bytes) -> Callable[[], None]:
    def parse() -> None:
        try:
            parser.parse(data)
        except parser.refuses:
            pass

    return parse


def _long(parser: Parser) -> Iterator[bytes]:
    """One thing over and over, alone and behind something sensible."""
    chance = random.Random(1)
    units = (*parser.samples, *(bytes([one]) for one in parser.alphabet), *SPECIAL, *UNITS, *TEXTS)
    for unit in units:
        for head in (b"", parser.samples[0].rstrip(b"\r\n")):
            yield (head + _grown(unit))[: parser.most]
    for _ in range(GROWN):
        yield b"".join(parser.make(chance) + b" " for _ in range(100))[: parser.most]


def _server_lines() -> Iterator[bytes]:
    """Each command with parameters, a source or tags of one thing over and over."""
    for command in dict.fromkeys(command for command, _ in SHAPES if " " not in command):
        for unit in UNITS:
            grown = _grown(unit)
            for head in (f":bob!b@h {command} #lobby :", f":s {command} ada ", f":ada!a@t {command} #lobby bob "):
                yield _cut(head.encode() + grown)
    for unit in TEXTS:
        yield _cut(b":bob!b@h PRIVMSG #lobby :" + _grown(unit))
    for unit in (*UNITS, *NAMES):
        yield _cut(b":s 353 ada = #lobby :" + _grown(unit))
    yield _cut(b":bob!b@h MODE #lobby +" + b"o" * 2700 + b" ada" * 2700)
    for unit in UNITS:
        grown = _grown(unit).replace(b" ", b"_")
        yield _cut(b"@msgid=" + grown[: INPUT_BYTES - 100] + b" :bob!b@h PRIVMSG #lobby :x")
        yield _cut(b"@" + grown[: INPUT_BYTES - 100] + b" :bob!b@h PRIVMSG #lobby :x")
        yield _cut(b":" + grown[: INPUT_BYTES - 100] + b" PRIVMSG #lobby :x")


def _grown(unit: bytes) -> bytes:
    return unit * (INPUT_BYTES // max(1, len(unit)) + 1)


def _cut(line: bytes) -> bytes:
    return line[: INPUT_BYTES - 1].decode(errors="ignore").encode() + b"\n"


def _client_with(line: bytes) -> Callable[[], None]:
    """A client that is inside reads this line and shows what it leads to."""
    script = Script()
    script.enter()

    def read() -> None:
        script.session.feed(line, script.now)
        script.session.take_output()
        for event in script.session.take_events():
            rendered(event, "#lobby", NOON)

    return read
