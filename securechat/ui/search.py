"""One search over a client that does nothing else."""

from __future__ import annotations

import time

from securechat.client.client import Client
from securechat.client.errors import ConnectionLost
from securechat.client.events import Disconnected, Entered, Found
from securechat.client.search import Query
from securechat.protocol.text import printable

TIMEOUT = 120.0


def find(client: Client, query: Query) -> Found:
    """What a client that is logged in finds. Raises ConnectionLost."""
    deadline = time.monotonic() + TIMEOUT
    while (left := deadline - time.monotonic()) > 0:
        for event in client.take(left, most=1):
            if isinstance(event, Entered):
                client.post(lambda session: session.search(query))
            elif isinstance(event, Found):
                client.leave()  # so that nobody waits for us to come back
                return event
            elif isinstance(event, Disconnected):
                raise ConnectionLost(f"the connection was lost during the search: {printable(event.reason)}; try again")
    raise ConnectionLost(f"the server did not answer within {TIMEOUT:.0f} s; try again")
