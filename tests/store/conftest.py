"""A database of its own for each test, two people in it, and entries to fill it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from securechat import config
from securechat.store.accounts import Accounts
from securechat.store.database import Database, open_database
from securechat.store.rows import EntryStored
from securechat.store.writer import Writer

ADA, BOB = 1, 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    with closing(open_database(folder, config.Store(timeout=0.3))) as opened:
        yield opened


@pytest.fixture
def accounts(database: Database) -> Accounts:
    """Ada, an admin, is account 1 and Bob is account 2."""
    accounts = Accounts(database, ["#lobby"])
    accounts.add("Ada", b"ada's hash", admin=True)
    accounts.add("Bob", b"bob's hash")
    return accounts


@pytest.fixture
def writer(database: Database, accounts: Accounts) -> Iterator[Writer]:
    with closing(Writer(database)) as writer:
        yield writer


@pytest.fixture
def said() -> Callable[..., EntryStored]:
    """Makes entries whose times rise by 10 ms: said("#lobby", "hello") is at 10 the first time."""
    count = 0

    def say(target: str, text: str, sender: int = ADA, kind: str = "PRIVMSG") -> EntryStored:
        nonlocal count
        count += 1
        return EntryStored(target, f"id{count}", count * 10, kind, sender, text)

    return say
