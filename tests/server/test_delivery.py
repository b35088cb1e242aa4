"""How many deliveries a turn made: one for each line that a session got."""

from __future__ import annotations

from collections import deque
from typing import Any

from securechat.server.delivery import deliver
from securechat.server.items import Said
from tests.core import CoreRun, Peer
from tests.wire import ALL_CAPS


def deliveries(run: CoreRun, *said: tuple[Peer, str]) -> tuple[int, int]:
    """As counted, and the lines that were sent."""
    for peer, line in said:
        run.queue(peer, line)
    assert all(isinstance(item, Said) for item in run.waiting)
    items, run.waiting = run.waiting, deque()
    turn = run.core.turn(items)
    sent: list[bytes] = []

    def send(link: Any, pieces: tuple[bytes, ...]) -> None:
        sent.extend(pieces)

    counted = deliver(turn.output, send)
    turn.undo()
    return counted, b"".join(sent).count(b"\r\n")


def test_a_message_counts_once_for_each_who_gets_it(run: CoreRun) -> None:
    ada = run.login("ada", "")
    for name in ("bob", "cyd", "dot"):
        run.login(name, "")
    assert deliveries(run, (ada, "PRIVMSG #lobby :hello")) == (3, 3)


def test_variants_of_its_bytes_replies_and_several_audiences_count_as_well(run: CoreRun) -> None:
    ada, bob, cyd, dot = run.login("ada"), run.login("bob", ""), run.login("cyd", "server-time"), run.login("dot", "")
    for peer in (ada, bob):
        run.say(peer, "JOIN #lab")
    said = (
        (ada, "PRIVMSG #lobby :1"),
        (bob, "PRIVMSG #lab,#lobby :2"),
        (cyd, "PRIVMSG #lobby,bob :3"),
        (dot, "PING x"),
        (ada, "@label=x PRIVMSG nobody :4"),
        (bob, "TOPIC #lab :new"),
    )
    counted, lines = deliveries(run, *said)
    assert counted == lines > 12


def test_nobody_is_a_delivery_to_nobody(run: CoreRun) -> None:
    assert deliveries(run, (run.login("ada", ALL_CAPS.replace("echo-message", "")), "PRIVMSG #lobby :hello")) == (0, 0)
