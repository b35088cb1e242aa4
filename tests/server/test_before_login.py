"""Before login nobody is admitted, heard or told anything; and every client finds its way in, whatever its order."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from securechat.protocol import sasl
from securechat.protocol.message import Message
from securechat.server.dispatch import COMMANDS
from securechat.server.session import Stage
from securechat.store.accounts import Accounts
from tests.running import PASSWORD, Server
from tests.wire import PATIENCE, Wire

EARLY = sorted(name for name, command in COMMANDS.items() if command.stage is Stage.ADMITTED)
UNKNOWN = ["NONE", "OPER", "KILL", "STARTTLS", "123", "É", "PRIVMSGS", "WEBIRC", "SERVICE"]
PARAMETERS = ("", " #lobby", " #lobby :hello", " bob :psst", " LATEST #lobby * 10")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Server]:
    """One server for all tests in which nobody else is watched."""
    server = Server(tmp_path_factory.mktemp("shared") / "data", certificates)
    server.adduser("ada", "bob", "sue", "gone")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def stranger(shared: Server) -> Iterator[Wire]:
    with shared.connect() as wire:
        yield wire


def exchange(wire: Wire, *pieces: str) -> None:
    """The SASL exchange up to and without its outcome."""
    wire.send("AUTHENTICATE PLAIN")
    assert wire.wait_for("AUTHENTICATE").params == ("+",)
    for piece in pieces:
        wire.send(f"AUTHENTICATE {piece}")


def plain(name: str, password: str, authzid: str = "") -> str:
    return base64.b64encode(f"{authzid}\0{name}\0{password}".encode()).decode()


def commands(messages: list[Message]) -> list[str]:
    return [message.command for message in messages]


# Nobody is heard or told anything


def test_every_early_and_unknown_command_is_refused_and_no_member_sees_anything(server: Server) -> None:
    with server.login("bob") as bob, server.login("carol", "") as carol:
        before = [len(server.history(target)) for target in ("#lobby", "bob:carol")]
        for words in PARAMETERS:
            with server.connect() as wire:
                wire.send("NICK bob")
                for command in (*EARLY, *UNKNOWN):
                    wire.send(command + words)
                    reply = wire.wait_for()
                    assert (reply.command, reply.params[0]) == ("451", "bob"), command + words
        assert bob.sync() == []
        assert carol.sync() == []
        assert [len(server.history(target)) for target in ("#lobby", "bob:carol")] == before


def test_the_same_holds_with_capabilities_and_a_login_but_without_admission(server: Server) -> None:
    """Who has proved a password but not said CAP END is nobody yet."""
    with server.login("bob") as bob, server.connect() as wire:
        server.adduser("ada")
        wire.send("CAP REQ :sasl batch labeled-response message-tags")
        exchange(wire, plain("ada", PASSWORD))
        assert wire.wait_for("900").params[0] == "*"
        for command in EARLY:
            assert commands(wire.ask(f"{command} #lobby :hello")) == ["451"]
        assert bob.sync() == []


def test_a_peer_that_was_refused_commands_may_still_log_in(stranger: Wire) -> None:
    stranger.send("JOIN :")
    assert stranger.wait_for().command == "451"
    stranger.register("ada", PASSWORD)


def test_ping_pass_and_quit_are_answered(stranger: Wire) -> None:
    stranger.send("PING x")
    assert stranger.wait_for().params == ("localhost", "x")
    stranger.send("PASS secret")
    notice = stranger.wait_for("NOTICE").params
    assert notice[0] == "*"
    assert "SASL" in notice[1]
    stranger.send("PONG x")
    stranger.send("QUIT :bye")
    assert commands(stranger.until_closed()) == ["ERROR"]


# Refusals tell nothing


def transcript(shared: Server, name: str, password: str) -> list[Message]:
    with shared.connect() as wire:
        wire.send("CAP LS 302")
        exchange(wire, plain(name, password))
        wire.wait_for("904")
        wire.send("QUIT")
        wire.until_closed()
        return wire.seen


def test_wrong_password_unknown_account_and_suspended_account_get_the_same_bytes(shared: Server) -> None:
    database = shared.open_store()
    try:
        accounts = Accounts(database, ("#lobby",))
        accounts.suspend("sue")
        accounts.delete("gone")
    finally:
        database.close()
    asked = [("ada", "wrong"), ("nobody", "wrong"), ("sue", "wrong"), ("gone", PASSWORD), ("#lobby", "x"), ("é", "x")]
    transcripts = [transcript(shared, *one) for one in asked]
    assert all(one == transcripts[0] for one in transcripts)
    (suspended,) = [one for one in transcript(shared, "sue", PASSWORD) if one.command == "904"]
    assert "suspended" in suspended.params[-1]


def test_nobody_acts_for_another_account(stranger: Wire) -> None:
    exchange(stranger, plain("ada", PASSWORD, "bob"))
    assert stranger.wait_for().params == ("*", "SASL authentication failed")
    exchange(stranger, plain("ada", PASSWORD, "ADA"))
    assert stranger.wait_for().command == "900"


def test_a_nick_tells_nothing_about_which_accounts_exist(stranger: Wire) -> None:
    stranger.send("NICK ada")
    stranger.send("NICK nobody")
    assert stranger.sync() == []


# The SASL exchange


def test_900_carries_a_star_before_nick_and_the_nick_afterwards(shared: Server) -> None:
    for first, shown in (("PONG x", "*"), ("NICK me", "me")):
        with shared.connect() as wire:
            wire.send(first)
            exchange(wire, plain("ada", PASSWORD))
            logged_in = wire.wait_for("900").params
            assert logged_in[:3] == (shown, "ada!ada@u1.securechat", "ada")
            assert wire.wait_for().command == "903"


@pytest.mark.parametrize("size", [290, 300, 310, 600])
def test_a_long_response_comes_in_pieces(shared: Server, stranger: Wire, size: int) -> None:
    """An exact multiple of 400 is ended by a `+`."""
    name = f"long{size}"
    password = "p" * (size - len(f"\0{name}\0"))
    shared.adduser(name, password=password)
    exchange(stranger, *sasl.pieces(sasl.write_plain(name, password)))
    assert stranger.wait_for().command == "900"


@pytest.mark.parametrize("pieces", [["x" * 401], ["x" * 400] * 11])
def test_a_giant_response_is_refused_and_the_peer_may_try_again(stranger: Wire, pieces: list[str]) -> None:
    exchange(stranger, *pieces)
    assert stranger.wait_for().command == "905"
    exchange(stranger, plain("ada", PASSWORD))
    assert stranger.wait_for().command == "900"


@pytest.mark.parametrize("piece", ["é", "====", "AAA", "+", base64.b64encode(b"ada").decode()])
def test_a_malformed_response_fails(stranger: Wire, piece: str) -> None:
    exchange(stranger, piece)
    assert stranger.wait_for().command == "904"


def test_an_exchange_is_aborted_by_a_star(stranger: Wire) -> None:
    exchange(stranger, "*")
    assert stranger.wait_for().command == "906"
    exchange(stranger, "A" * 400, "*")
    assert stranger.wait_for().command == "906"


def test_cap_end_in_the_middle_of_an_exchange_aborts_it(stranger: Wire) -> None:
    stranger.send("CAP LS 302")
    stranger.wait_for("CAP")
    exchange(stranger, "A" * 400)
    stranger.send("CAP END")
    assert stranger.wait_for().command == "906"
    assert stranger.sync() == []


def test_a_cap_end_pipelined_behind_a_complete_response_waits_for_its_outcome(shared: Server, stranger: Wire) -> None:
    lines = ["CAP REQ :sasl", "NICK x", "USER x 0 * :x", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada', PASSWORD)}"]
    lines += ["CAP END", "PRIVMSG #lobby :first"]
    stranger.send_bytes("".join(f"{line}\r\n" for line in lines).encode())
    assert stranger.wait_for("001").params[0] == "ada"
    stranger.sync()
    assert "906" not in commands(stranger.seen)
    assert "first" in [entry.text for entry in shared.history("#lobby")]


def test_the_same_with_a_wrong_password_ends_without_admission(stranger: Wire) -> None:
    lines = ["CAP LS", "NICK x", "USER x 0 * :x", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('x', 'y')}", "CAP END"]
    stranger.send_bytes("".join(f"{line}\r\n" for line in lines).encode())
    found = commands(stranger.until_closed())
    assert found[-7:] == ["904", "FAIL", "NOTICE", "NOTICE", "NOTICE", "NOTICE", "ERROR"]


@pytest.mark.parametrize("mechanism", ["EXTERNAL", "SCRAM-SHA-256", "é", "+"])
def test_an_unknown_mechanism_is_answered_with_those_there_are(stranger: Wire, mechanism: str) -> None:
    stranger.send(f"AUTHENTICATE {mechanism}")
    assert stranger.wait_for().params[:2] == ("*", "PLAIN")
    assert commands(stranger.seen) == ["908"]
    assert stranger.wait_for().command == "904"


def test_nobody_logs_in_twice(stranger: Wire) -> None:
    stranger.send("CAP LS 302")
    exchange(stranger, plain("ada", PASSWORD))
    stranger.wait_for("903")
    stranger.send("AUTHENTICATE PLAIN")
    assert stranger.wait_for().command == "907"
    for line in ("NICK ada", "USER ada 0 * ada", "CAP END"):
        stranger.send(line)
    stranger.wait_for("001")
    stranger.sync()
    stranger.send("AUTHENTICATE PLAIN")
    assert stranger.wait_for().command == "907"


# Clients' orders


def test_irssi_s_order(stranger: Wire) -> None:
    """NICK and USER only after CAP END, and an empty JOIN before it."""
    stranger.send("CAP LS 302")
    stranger.send("JOIN :")
    assert stranger.wait_for("451")
    stranger.send("CAP REQ :multi-prefix extended-join sasl")
    assert stranger.wait_for("CAP", lambda line: line.params[1] == "ACK")
    exchange(stranger, plain("ada", PASSWORD))
    stranger.wait_for("903")
    for line in ("CAP END", "NICK ada", "USER ada ada localhost :Ada"):
        stranger.send(line)
    assert stranger.wait_for("001").params[0] == "ada"


def test_catgirl_s_order(stranger: Wire) -> None:
    """Plain CAP LS, NICK with a colon, and CAP REQ while the exchange is under way."""
    for line in ("CAP LS", "NICK :ada", "USER ada 0 * :Ada"):
        stranger.send(line)
    shown = stranger.wait_for("CAP")
    assert "sasl" in shown.params[-1].split()
    stranger.send("CAP REQ sasl")
    stranger.send("AUTHENTICATE PLAIN")
    stranger.wait_for("AUTHENTICATE")
    stranger.send("CAP REQ :server-time message-tags")
    stranger.send(f"AUTHENTICATE {plain('ada', PASSWORD)}")
    stranger.wait_for("903")
    stranger.send("CAP END")
    stranger.wait_for("001")


def test_a_plain_cap_ls_is_one_short_line_without_drafts(stranger: Wire) -> None:
    stranger.send("CAP LS")
    shown = stranger.wait_for("CAP")
    assert shown.params[:2] == ("*", "LS")
    assert len(shown.params) == 3
    assert "draft/" not in shown.params[2]
    assert "=" not in shown.params[2]
    assert len(" ".join(shown.params)) < 480
    assert stranger.sync() == []


def test_001_carries_the_account_s_name_whatever_nick_was_wished(shared: Server, stranger: Wire) -> None:
    shared.adduser("Eve")
    for line in ("CAP LS 302", "NICK somebody", "USER u 0 * :r"):
        stranger.send(line)
    exchange(stranger, plain("eVE", PASSWORD))
    stranger.wait_for("903")
    stranger.send("CAP END")
    assert stranger.wait_for("001").params[0] == "Eve"


@pytest.mark.parametrize("opening", [[], ["CAP LS 302", "CAP END"], ["PASS secret"]])
def test_registration_without_a_login_is_told_how_to_log_in_and_closed(stranger: Wire, opening: list[str]) -> None:
    for line in (*opening, "NICK ada", "USER ada 0 * :Ada"):
        stranger.send(line)
    *_, fail, one, two, three, four, error = stranger.until_closed()
    assert fail.params[:2] == ("*", "ACCOUNT_REQUIRED")
    assert commands([one, two, three, four]) == ["NOTICE"] * 4
    assert "WeeChat" in two.params[-1]
    assert error.command == "ERROR"


@pytest.mark.parametrize(("nick", "numeric"), [("*", "432"), ("9a", "432"), ("a" * 33, "432"), (":", "431")])
def test_an_impossible_nick_is_refused(stranger: Wire, nick: str, numeric: str) -> None:
    stranger.send(f"NICK {nick}")
    assert stranger.wait_for().command == numeric


# Other protocols and limits


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "OPTIONS", "CONNECT"])
def test_a_browser_on_irc_is_closed_before_it_says_more(stranger: Wire, verb: str) -> None:
    body = "".join(
        f"{line}\r\n" for line in ("CAP LS", "NICK a", "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('ada', PASSWORD)}")
    )
    stranger.send_bytes(f"{verb} /chat HTTP/1.1\r\nHost: localhost\r\n\r\n{body}".encode())
    assert commands(stranger.until_closed()) == ["ERROR"]


@pytest.mark.parametrize("opening", [b"CAP LS 302\r\nNICK ada\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 600])
def test_plaintext_is_closed_without_a_word_that_is_not_tls(shared: Server, opening: bytes) -> None:
    with socket.create_connection(("127.0.0.1", shared.port), PATIENCE) as sock:
        sock.sendall(opening)
        try:
            answer = b"".join(iter(lambda: sock.recv(4096), b""))
        except ConnectionResetError:
            answer = b""
    assert answer[:1] in (b"", b"\x15")  # nothing, or a TLS alert
    assert len(answer) <= 7


def test_64_commands_are_enough_for_a_login(stranger: Wire) -> None:
    for _ in range(64):
        stranger.send("NONE")
    stranger.send("NONE")
    found = commands(stranger.until_closed())
    assert found == ["451"] * 64 + ["ERROR"]


@pytest.mark.parametrize("size", [1, 8192 + 1])
def test_a_pending_line_of_more_than_8_kib_is_closed(stranger: Wire, size: int) -> None:
    for _ in range(0, 8193, size):
        stranger.send_bytes(b"x" * size)
    assert [line.params for line in stranger.until_closed()] == [("a line without an end",)]


def test_a_pending_line_of_8_kib_is_only_too_long(stranger: Wire) -> None:
    stranger.send_bytes(b"x" * 8192)
    stranger.send_bytes(b"\r\n")
    assert stranger.wait_for().command == "417"
