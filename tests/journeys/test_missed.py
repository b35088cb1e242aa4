"""Clients without CHATHISTORY come, go and are cut off while others talk, and the server is restarted and killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from securechat.protocol.message import Message
from securechat.store import snapshot
from securechat.store.accounts import Accounts
from securechat.store.rows import EntryStored, PlaceStored, pair
from securechat.store.writer import Writer
from tests.running import PASSWORD, Server

ALL = "[history]\nplayback_lines = 500\n"


class Talker(threading.Thread):
    """Says numbers, each when the one before was acknowledged; `sent` is how many."""

    def __init__(self, server: Server, first: int) -> None:
        super().__init__()
        self.wire = server.login("ada")
        self.sent = first
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                self.wire.send(f"PRIVMSG #lobby :{self.sent}", label="x")
                self.sent += 1
                self.wire.wait_for("PRIVMSG", label="x")
        except (AssertionError, OSError):  # the server ended
            pass

    def stop(self) -> int:
        self._ended.set()
        self.join()
        self.wire.close()
        return self.sent


@contextmanager
def talking(server: Server, first: int) -> Iterator[Talker]:
    talker = Talker(server, first)
    talker.start()
    try:
        yield talker
    finally:
        talker.stop()


def numbers(messages: list[Message]) -> list[int]:
    return [int(one.params[1].split(" ")[-1]) for one in messages if one.command == "PRIVMSG"]


def visit(server: Server, lines: int) -> list[int]:
    """Log in as bob, stay for a few lines, and leave; gives the numbers that were shown."""
    with server.login("bob", "") as bob:
        for _ in range(lines):
            bob.wait_for("PRIVMSG")
        bob.send("QUIT")
        bob.until_closed()
        return numbers(bob.seen)


def test_everything_is_shown_once_however_often_one_comes_while_others_talk(idle_server: Server) -> None:
    idle_server.configure(ALL)
    server = idle_server.start()
    visit(server, 0)
    shown: list[int] = []
    with talking(server, 0) as talker:
        for number in range(25):
            shown += visit(server, number % 4)
    shown += visit(server, 0)
    assert talker.sent > 100
    assert shown == list(range(talker.sent))


def test_a_restart_shows_nothing_twice(idle_server: Server) -> None:
    idle_server.configure(ALL)
    server = idle_server.start()
    visit(server, 0)
    shown: list[int] = []
    said = 0
    for _ in range(3):
        with talking(server, said) as talker, server.login("bob", "") as bob:
            for _ in range(20):
                bob.wait_for("PRIVMSG")
            assert server.stop() == 0
            bob.until_closed()
            shown += numbers(bob.seen)
            said = talker.stop()
        stored = [int(entry.text) for entry in server.history("#lobby")]
        server.start()
    shown += visit(server, 0)
    assert shown == stored


def test_a_kill_shows_a_little_twice_at_most_and_loses_nothing(idle_server: Server) -> None:
    idle_server.configure(ALL)
    server = idle_server.start()
    shown = said = 0
    for _ in range(3):
        with talking(server, said) as talker, server.login("bob", "") as bob:
            for _ in range(20):
                bob.wait_for("PRIVMSG")
            server.kill()
            bob.until_closed()
            seen = numbers(bob.seen)
            said = talker.stop()
        stored = [int(entry.text) for entry in server.history("#lobby")]
        first = stored.index(seen[0])
        assert seen == stored[first : first + len(seen)]
        assert first <= shown
        shown = first + len(seen)
        server.start()
    seen = visit(server, 0)
    assert seen == stored[stored.index(seen[0]) :]
    assert stored.index(seen[0]) <= shown


def test_who_stops_reading_in_the_middle_is_shown_all_of_it_again(idle_server: Server) -> None:
    """3 MB, more than an outbox holds and the kernel takes."""
    idle_server.configure(ALL)
    people = [f"person{n}" for n in range(15)]
    idle_server.adduser("bob", *people)
    sent = fill(idle_server, people, 500)
    server = idle_server.start()
    with server.connect() as bob:
        bob.begin("bob", PASSWORD, "")
        bob.wait_for("903")
        bob.send("CAP END")
        bob.wait_for("PRIVMSG")
        with server.login("ada") as ada:
            ada.ask(f"PRIVMSG #lobby :{sent}")
    with server.login("bob", "") as bob:
        assert numbers(bob.seen) == list(range(sent + 1))
    server.stop()
    [place] = places(server)
    assert (place.device, place.seq) == ("", sent + 1)


def fill(server: Server, people: list[str], lines: int) -> int:
    """Everyone wrote this many to bob."""
    database = server.open_store()
    with closing(database), closing(Writer(database)) as writer:
        accounts = Accounts(database, ())
        bob, ids = accounts.required("bob").id, [accounts.required(name).id for name in people]
        keys = sorted((pair(bob, one), one) for one in ids)
        for number, (key, one) in enumerate(keys):
            texts = (f"{'x' * 380} {number * lines + n}" for n in range(lines))
            rows = (EntryStored(key, f"{key}-{n}", n + 1, "PRIVMSG", one, text) for n, text in enumerate(texts))
            writer.commit(list(rows))
    return lines * len(people)


def places(server: Server) -> tuple[PlaceStored, ...]:
    database = server.open_store()
    with closing(database), database.read() as connection:
        return snapshot.load(connection).places


def test_the_devices_of_an_account_have_each_their_own_place(server: Server) -> None:
    with server.login("ada") as ada, server.login("bob@laptop", "") as laptop:
        ada.ask("PRIVMSG #lobby :1")
        laptop.wait_for("PRIVMSG", text="1")
        laptop.send("QUIT")
        laptop.until_closed()
        for said in ("2", "3"):
            ada.ask(f"PRIVMSG #lobby :{said}")
            with server.login("bob@phone", "") as phone:
                assert numbers(phone.seen) == [int(said)]
        with server.login("bob@laptop", "") as laptop:
            assert numbers(laptop.seen) == [2, 3]
