"""Everyone behind one address comes back at the same moment: an office, after its server was restarted."""

from __future__ import annotations

import contextlib
import time

from scripts.benchmark.visitors import Steps, Visitors, login
from securechat.auth import passwords, tokens
from securechat.store.accounts import Accounts, NewAccount
from securechat.store.tokens import NewToken, Tokens
from tests.hostile.siege import COST
from tests.running import PASSWORD, Server

PATIENCE = 60.0  # seconds for all to be back
AT_ONCE = 20  # as many as an address may have before anybody is known there
DAY_MS = 24 * 60 * 60 * 1000


def come_back(server: Server, people: int) -> float:
    """Seconds from the server's "listening" until all are in again."""
    secrets = _enrol(server, [f"person{number}" for number in range(people)])

    def conversation(name: str) -> Steps:
        return login(name, secret=secrets[name])

    with contextlib.closing(Visitors(server.port)) as office:
        office.bring(secrets, conversation, AT_ONCE)
        server.kill()
    server.start()
    began = time.monotonic()
    with contextlib.closing(Visitors(server.port)) as office:
        office.bring(secrets, conversation, people)
        return time.monotonic() - began


def _enrol(server: Server, names: list[str]) -> dict[str, str]:
    """Accounts with passwords of the usual cost, and a device token for each."""
    dear = passwords.hash(PASSWORD, COST)
    secrets = {name: tokens.new() for name in names}
    expires = time.time_ns() // 1_000_000 + DAY_MS
    database = server.open_store()
    try:
        Accounts(database, server.settings.channels.autojoin).add_all([NewAccount(name, dear) for name in names])
        for name, secret in secrets.items():
            Tokens(database).add(name, NewToken("desk", tokens.digest(secret), expires))
    finally:
        database.close()
    return secrets
