"""Small damage to a piece of input that made sense."""

from __future__ import annotations

import random

SPECIAL = (b"\0", b"\r", b"\n", b"\r\r\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b" ", b"  ", b":", b"@", b";", b",",
           b"\\", b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"\x7f", b"\x1b[2J", b"\xc2\x85", b"\t")  # fmt: skip


def mutated(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    match chance.randrange(7):
        case 0:
            return data[:at] + chance.choice(SPECIAL) + data[at:]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + data[at + 1 + chance.randrange(8) :]
        case 3:
            return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
        case 4:
            return data[:at] + chance.choice(SPECIAL) * chance.choice((2, 60, 300, 5000)) + data[at:]
        case 5:
            return data.swapcase()
        case _:
            return data[at:] + data[:at]
