"""How fast an account may talk: what a line costs, who waits, and that nothing is lost by it."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from securechat.protocol.lines import read_line
from securechat.server.dispatch import cost
from tests.core import CoreRun
from tests.running import PASSWORD, Server
from tests.wire import ALL_CAPS, Wire

COSTS = {
    "PRIVMSG #lobby :hello": 1,
    "PRIVMSG #lobby,bob,cyd :hello": 3,
    "@+typing=active TAGMSG #lobby": 1,
    "NOTICE bob :hello": 1,
    "PRIVMSG": 1,
    "JOIN #one,#two,#three": 3.1,
    "JOIN #lobby": 0.1,
    "JOIN #Lobby,#one": 1.1,
    "JOIN 0": 1.1,
    "PART #one,#two :bye": 2,
    "TOPIC #lobby :new": 1,
    "TOPIC #lobby": 0.1,
    "MODE #lobby": 0.1,
    "MODE #lobby +b": 0.1,
    "MODE #lobby +b mask": 1,
    "MODE #lobby +m": 1,
    "KICK #lobby bob": 1,
    "INVITE bob #lobby": 1,
    "AWAY :gone": 1,
    "REDACT #lobby x": 1,
    "NICK ADA": 1,
    "BATCH +1 draft/multiline #lobby": 1,
    "@batch=1 PRIVMSG #lobby :a line": 0.1,
    "BATCH -1": 0.1,
    "CHATHISTORY LATEST #lobby * 100": 0.1,
    "SEARCH text=word": 1,
    "PASSWD x": 1,
    "TOKEN CREATE x": 1,
    "WHO #lobby": 0.1,
    "MARKREAD #lobby": 0.1,
    "NONSENSE": 0.1,
    "@ ": 0.1,
    "x" * 600: 0.1,
    "PING x": 0.01,
    "PONG": 0.01,
    "CAP LIST": 0.01,
    "QUIT": 0.01,
    "": 0.01,
}


@pytest.mark.parametrize(("line", "price"), COSTS.items())
def test_what_a_line_costs(run: CoreRun, line: str, price: float) -> None:
    ada = run.login("ada")
    assert cost(ada.session, read_line(line.encode())) == pytest.approx(price)


def test_without_multiline_a_line_of_a_batch_costs_as_much_as_any(run: CoreRun) -> None:
    ada = run.login("ada", "message-tags")
    assert cost(ada.session, read_line(b"@batch=1 PRIVMSG #lobby :a line")) == 1


def slow(server: Server, per_second: float = 10, burst: int = 5, more: str = "") -> Server:
    limits = f"[limits]\nmessages_per_second = {per_second}\nmessage_burst = {burst}\n{more}"
    server.configure(limits, paced=True)
    return server.start()


def rested(server: Server, name: str) -> Wire:
    """A client whose account may say as much at once as it may ever."""
    wire = server.login(name)
    time.sleep(3 / server.settings.limits.messages_per_second)  # what its login took it
    return wire


def seconds(wire: Wire, lines: list[str]) -> float:
    """How long it takes until all of them are answered."""
    began = time.monotonic()
    for number, line in enumerate(lines):
        wire.send(line, label=str(number))
    for number in range(len(lines)):
        wire.wait_for(label=str(number))
    return time.monotonic() - began


def test_an_account_says_a_burst_at_once_and_then_so_many_a_second(idle_server: Server) -> None:
    server = slow(idle_server)
    with rested(server, "ada") as ada, server.login("bob") as bob:
        assert seconds(ada, [f"PRIVMSG #lobby :{number}" for number in range(5)]) < 0.3
        assert 0.8 < seconds(ada, [f"PRIVMSG #lobby :{number}" for number in range(5, 15)]) < 1.6
        bob.wait_for("PRIVMSG", text="14")
        assert [one.params[1] for one in bob.seen if one.command == "PRIVMSG"] == [str(n) for n in range(15)]


def test_what_clients_ask_takes_a_tenth_of_it(idle_server: Server) -> None:
    server = slow(idle_server)
    with rested(server, "ada") as ada:
        burst = seconds(ada, ["CHATHISTORY LATEST #lobby * 10"] * 48)
        assert burst < 0.5
        assert 0.9 < burst + seconds(ada, ["MODE #lobby"] * 100) < 1.9  # what is free again meanwhile counts, too


def test_all_sessions_of_an_account_share_it(idle_server: Server) -> None:
    server = slow(idle_server)
    with rested(server, "ada") as one, rested(server, "ada") as other:
        began = time.monotonic()
        for wire in (one, other):
            for number in range(10):
                wire.send(f"PRIVMSG #lobby :{number}", label=str(number))
        one.wait_for(label="9")
        others = [message for message in one.seen if message.command == "PRIVMSG" and message.label is None]
        assert len(others) >= 4  # they take turns once the burst is over, which was the first one's
        other.wait_for(label="9")
        assert 1.3 < time.monotonic() - began < 2.2


def test_who_is_slowed_down_may_go_on_with_another_session(idle_server: Server) -> None:
    server = slow(idle_server)
    with rested(server, "ada") as flooding:
        for number in range(60):
            flooding.send(f"PRIVMSG #lobby :{number}")
        with server.login("ada", "message-tags labeled-response batch") as ada:
            assert seconds(ada, ["PRIVMSG #lobby :mine"]) < 1.0
            began = time.monotonic()
            ada.sync()
            assert time.monotonic() - began < 0.5


def test_logging_in_again_gives_nobody_more(idle_server: Server) -> None:
    """Whoever owes waits with the next login."""
    server = slow(idle_server)
    with rested(server, "ada") as ada:
        ada.send("JOIN " + ",".join(f"#{number}" for number in range(25)))
        ada.wait_for("JOIN", lambda message: message.params[0] == "#24")
    with server.connect() as ada, server.login("bob"):
        ada.begin("ada", PASSWORD)
        began = time.monotonic()
        ada.wait_for("903")
        assert time.monotonic() - began > 1.0


def test_lines_said_in_one_breath_with_the_login_are_paid_for(idle_server: Server) -> None:
    server = slow(idle_server)
    with server.connect() as ada:
        server.adduser("ada")
        ada.begin("ada", PASSWORD, ALL_CAPS)
        ada.wait_for("903")
        ada.send_bytes(b"CAP END\r\n" + b"PRIVMSG #lobby :x\r\n" * 20)
        ada.wait_for("001")
        began = time.monotonic()
        ada.sync()
        assert time.monotonic() - began > 1.0


def test_who_is_not_read_is_not_taken_for_dead_and_who_is_silent_is(idle_server: Server) -> None:
    server = slow(idle_server, per_second=0.4, burst=3, more="ping_interval = 0.5\nping_timeout = 0.5\n")
    with server.login("ada") as ada:  # answers no PING
        for number in range(3):
            ada.send(f"PRIVMSG #lobby :{number}", label=str(number))
        ada.wait_for(label="2")
        assert "ping timeout" in ada.until_closed()[-1].params[0]
        assert [one.command for one in ada.seen].count("PING") > 1


def test_a_flood_of_what_costs_next_to_nothing_is_slowed_down_too(idle_server: Server) -> None:
    server = slow(idle_server)
    with rested(server, "ada") as ada:
        began = time.monotonic()
        ada.send_bytes(b"PING x\r\n" * 700 + b"\n" * 700)
        ada.sync()
        assert 0.8 < time.monotonic() - began < 1.6


def test_exempt_networks_talk_as_fast_as_they_like(idle_server: Server) -> None:
    server = slow(idle_server, more='exempt = ["127.0.0.1"]\n')
    with server.login("ada") as ada, server.connect(source="127.0.0.2") as other:
        assert seconds(ada, [f"PRIVMSG #lobby :{number}" for number in range(60)]) < 1.0
        other.register("ada", PASSWORD)
        assert seconds(other, [f"PRIVMSG #lobby :{number}" for number in range(15)]) > 0.8


def test_above_the_sessions_of_an_account_the_one_silent_longest_gives_way(idle_server: Server) -> None:
    idle_server.configure("[limits]\nsessions_per_account = 3\n", paced=True)
    idle_server.start()
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(idle_server.login("ada")) for _ in range(3))
        first.sync()
        stack.enter_context(idle_server.login("ada"))
        reason = "too many sessions of this account, and this one was silent longest"
        assert second.until_closed()[-1].params == (reason,)
        first.sync()
        third.sync()
    idle_server.stop()
    assert f"closed ada from 127.0.0.1: {reason}" in idle_server.log()
