"""Everyone behind one address comes back at the same moment: an office, after its server was killed."""

from __future__ import annotations

import contextlib
import time

from scripts.benchmark.servers import token_of
from scripts.benchmark.visitors import Visitors
from tests.running import Server

PATIENCE = 60.0  # seconds for all to be back
AT_ONCE = 20  # as many as an address may have before anybody is known there


def come_back(server: Server, people: int) -> float:
    """Seconds from the server's "listening" until all are in again, with their device tokens."""
    names = [f"person{number}" for number in range(people)]
    server.adduser(*names)
    server.add_tokens({name: token_of(name) for name in names})
    with contextlib.closing(Visitors(server.port)) as office:
        office.bring(names, at_once=AT_ONCE)
        server.kill()
    server.start()
    began = time.monotonic()
    with contextlib.closing(Visitors(server.port)) as office:
        office.bring(names, at_once=people)
        return time.monotonic() - began
