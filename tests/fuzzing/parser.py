"""A parser by itself: what it is fed, which errors it may answer with, and what holds for what it gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fuzzing.invariants import Broken
from tests.fuzzing.mutation import mutated

INPUT_BYTES = 8192
LONG = 0.02  # of the inputs that make sense


def no_promise(data: bytes, given: Any) -> None:
    pass


@dataclass(frozen=True)
class Parser:
    """`parse` takes one input and raises nothing but `refuses`; `holds` raises Broken for what it gives."""

    name: str
    parse: Callable[[bytes], Any]
    samples: tuple[bytes, ...]
    alphabet: bytes
    refuses: tuple[type[Exception], ...] = ()
    holds: Callable[[bytes, Any], None] = no_promise
    most: int = INPUT_BYTES  # bytes that ever come to it; one word of a line holds no more than 512

    def make(self, chance: random.Random) -> bytes:
        """One input; half of them make sense, more or less."""
        if chance.random() < 0.5:
            size = chance.choice((0, 1, 3, 10, 30, 100))
            return bytes(chance.choices(self.alphabet, k=size)) if chance.random() < 0.7 else chance.randbytes(size)
        data = chance.choice(self.samples)
        for _ in range(chance.randrange(3)):
            data = mutated(chance, data)
        if chance.random() < 0.2:
            data += chance.choice(self.samples)
        if chance.random() < LONG:
            data *= chance.choice((20, 200))
        return data[: self.most]

    def throw(self, data: bytes) -> None:
        try:
            given = self.parse(data)
        except self.refuses:
            return
        self.holds(data, given)


def sure(fact: object, what: str) -> None:
    if not fact:
        raise Broken(what)


def text_of(data: bytes) -> str:
    return data.decode(errors="ignore")
