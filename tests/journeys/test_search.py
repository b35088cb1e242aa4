"""Searching beside a server that runs: what was just said, what is said for long, what was pruned and erased."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

from securechat.store.rows import EntryStored
from securechat.store.writer import Writer
from tests.running import Server
from tests.wire import Wire

Login = Callable[..., Wire]

DAY = 86_400_000
PATIENCE = 20.0


def found(wire: Wire, attributes: str) -> list[str]:
    return [line.params[-1] for line in wire.ask(f"SEARCH {attributes}")]


def test_what_is_said_is_found_at_once_and_stays_found(server: Server, login: Login) -> None:
    ada, bob = login("ada"), login("bob")
    for number in range(30):
        ada.ask(f"PRIVMSG #lobby :tree number {number}")
        assert found(bob, rf"text=number\s{number}") == [f"tree number {number}"]
    bob.ask("PRIVMSG ada :a tree for you")
    wait_until(lambda: _progress(server) >= 31)  # from here on the index on disk answers
    assert found(ada, "text=tree;limit=2") == ["tree number 29", "a tree for you"]
    assert found(login("eve"), "text=you") == []
    server.restart()
    assert found(login("eve"), "text=TREE;limit=1") == ["tree number 29"]


def test_old_messages_are_pruned_and_no_word_of_them_is_left_on_the_disk(idle_server: Server, login: Login) -> None:
    idle_server.configure('[history.channels."#Lobby"]\nretain_days = 7\n')
    idle_server.adduser("ada")
    now = time.time_ns() // 1_000_000
    rows = [
        EntryStored("#lobby", f"id{days}", now - days * DAY + 60_000, "PRIVMSG", 1, f"mark qxjv{days}kz from long ago")
        for days in range(30, -1, -1)
    ]
    with closing(idle_server.open_store()) as database, closing(Writer(database)) as writer:
        writer.commit(rows)
    idle_server.start()
    ada = login("ada")
    wait_until(lambda: _progress(idle_server) >= 31 and len(idle_server.history("#lobby")) == 8)
    assert found(ada, "text=mark") == [f"mark qxjv{days}kz from long ago" for days in range(7, -1, -1)]
    wait_until(lambda: not [days for days in range(8, 31) if _on_disk(idle_server, f"xjv{days}kz")])
    assert _on_disk(idle_server, "xjv0kz")


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between two looks at what no reply tells of


def _progress(server: Server) -> int:
    """How far the index has come."""
    with closing(server.open_store()) as database, database.read() as connection:
        query = "SELECT seq FROM progress WHERE task = 'search'"
        return int(connection.exec_driver_sql(query).scalar() or 0)


def _on_disk(server: Server, word: str) -> bool:
    return any(word.encode() in path.read_bytes() for path in server.data.glob("securechat.db*"))
