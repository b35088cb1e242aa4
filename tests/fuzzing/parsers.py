"""All parsers that there are, fed in turn."""

from __future__ import annotations

import random

from tests.fuzzing.invariants import Broken
from tests.fuzzing.text_parsers import TEXT_PARSERS
from tests.fuzzing.wire_parsers import WIRE_PARSERS

PARSERS = (*WIRE_PARSERS, *TEXT_PARSERS)


def run(inputs: int, seed: int) -> None:
    """So many inputs, to each parser in turn. Raises what breaks, or Broken."""
    chance = random.Random(seed)
    for number in range(inputs):
        parser = PARSERS[number % len(PARSERS)]
        data = parser.make(chance)
        try:
            parser.throw(data)
        except Exception as error:  # whatever it is, it is what we look for
            raise Broken(f"{parser.name}: {data!r}") from error
