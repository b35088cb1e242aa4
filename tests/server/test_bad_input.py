"""Whatever a member's client sends has its answer, with the label where there is one, and reaches nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from securechat.protocol.message import Message
from tests.running import Server
from tests.wire import Wire


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("shared") / "data", certificates)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ada(shared: Server) -> Iterator[Wire]:
    with shared.login("ada") as wire:
        wire.ask("JOIN #bad")
        yield wire


@pytest.fixture(scope="module")
def bob(shared: Server) -> Iterator[Wire]:
    with shared.login("bob") as wire:
        wire.ask("JOIN #bad")
        yield wire


def answer(wire: Wire, line: bytes) -> list[Message]:
    """What a line is answered with, up to the answer of a PING behind it; comings and goings left out."""
    wire.send_bytes(line)
    return [message for message in wire.sync() if message.command not in ("JOIN", "QUIT")]


def shown(messages: list[Message]) -> list[str]:
    return [" ".join((one.command, *one.params[1:2])) if one.command == "FAIL" else one.command for one in messages]


SAID = b"PRIVMSG #bad :"
LINES = [
    # dropped before anyone reads them
    (SAID + b"x" * 600 + b"\r\n", "417"),
    (SAID + b"x" * (510 - len(SAID)) + b"\r\n", "417"),  # fits its line, but not the relayed one
    (SAID + b"x" * 10000 + b"\r\n", "417"),
    (b"@+x=" + b"y" * 4094 + b" " + SAID + b"hi\r\n", "417"),
    (SAID + b"a\rQUIT\r\n", "FAIL INVALID_LINE"),
    (SAID + b"a\r\r\n", "FAIL INVALID_LINE"),
    (SAID + b"a\0b\r\n", "FAIL INVALID_LINE"),
    (SAID + b"\xff\xfe\r\n", "FAIL INVALID_UTF8"),
    (SAID + b"\xed\xa0\x80\r\n", "FAIL INVALID_UTF8"),
    (SAID + b"\xc3\r\n", "FAIL INVALID_UTF8"),
    (b"\xff\r\n", "FAIL INVALID_UTF8"),
    (b":only.a.source\r\n", "FAIL INVALID_LINE"),
    (b"  \r\n", "FAIL INVALID_LINE"),
    (b":\r\n", "FAIL INVALID_LINE"),
    (b"@+x=1\r\n", "FAIL INVALID_LINE"),
    # commands that do not exist, or lack something
    (b"NONE\r\n", "421"),
    ("Ñ x\r\n".encode(), "421"),
    (b"GET / HTTP/1.1\r\n", "421"),
    (b"x" * 500 + b"\r\n", "421"),
    (b"PRIVMSG\r\n", "411"),
    (b"PRIVMSG :\r\n", "411"),
    (b"PRIVMSG #bad\r\n", "412"),
    (b"PRIVMSG #bad :\r\n", "412"),
    (b"TAGMSG\r\n", "411"),
    (b"JOIN\r\n", "461"),
    (b"PART\r\n", "461"),
    (b"TOPIC\r\n", "461"),
    (b"KICK #bad\r\n", "461"),
    (b"INVITE bob\r\n", "461"),
    (b"MODE\r\n", "461"),
    (b"PING\r\n", "461"),
    (b"CAP\r\n", "461"),
    (b"AUTHENTICATE\r\n", "461"),
    (b"CHATHISTORY\r\n", "461"),
    (b"PASSWD\r\n", "461"),
    (b"NICK\r\n", "431"),
    (b"WHOIS\r\n", "431"),
    (b"USER a b c d\r\n", "462"),
    (b"PASS x\r\n", "462"),
    # names and parameters that cannot be
    (b"PRIVMSG nobody :x\r\n", "401"),
    (b"PRIVMSG :two words x\r\n", "412"),
    (b"PRIVMSG #none :x\r\n", "403"),
    (b"PRIVMSG a,b,c,d,e :x\r\n", "407"),
    (b"JOIN #\r\n", "476"),
    (b"JOIN bad\r\n", "476"),
    (b"JOIN #a:b\r\n", "476"),
    (b"JOIN #" + b"x" * 64 + b"\r\n", "476"),
    ("JOIN #bad\u200b\r\n".encode(), "476"),
    ("JOIN #\u202edab\r\n".encode(), "476"),
    (b"NICK *\r\n", "432"),
    (b"NICK " + b"x" * 400 + b"\r\n", "432"),
    (b"NICK bob\r\n", "433"),
    (b"MODE #bad +\xc3\xa9\r\n", "472"),
    (b"MODE #bad +l x\r\n", "696"),
    (b"MODE #bad +k :a b\r\n", "696"),
    (b"MODE #bad +o nobody\r\n", "401"),
    (b"MODE #bad +b :" + b"x" * 300 + b"\r\n", "696"),
    (b"MODE bob +i\r\n", "502"),
    (b"MODE ada +x\r\n", "501"),
    (b"KICK #bad nobody\r\n", "441"),
    (b"TOPIC #bad :" + b"x" * 450 + b"\r\n", "417"),
    (b"PING " + b"x" * 480 + b"\r\n", "417"),
    (b"CAP NONE\r\n", "410"),
    (b"CAP REQ :none\r\n", "CAP"),
    (b"CAP REQ :" + b"sasl " * 100 + b"\r\n", "CAP"),
    (b"AUTHENTICATE PLAIN\r\n", "907"),
    (b"CHATHISTORY NONE #bad * 1\r\n", "FAIL INVALID_PARAMS"),
    (b"CHATHISTORY LATEST #bad *\r\n", "FAIL INVALID_PARAMS"),
    (b"CHATHISTORY LATEST #none * 1\r\n", "FAIL INVALID_TARGET"),
    (b"CHATHISTORY LATEST #bad x=y 1\r\n", "FAIL INVALID_MSGREFTYPE"),
    (b"CHATHISTORY LATEST #bad timestamp=x 1\r\n", "FAIL INVALID_PARAMS"),
    (b"CHATHISTORY LATEST #bad msgid=none 1\r\n", "FAIL MESSAGE_ERROR"),
    (b"CHATHISTORY LATEST #bad * 0\r\n", "FAIL INVALID_PARAMS"),
    (b"CHATHISTORY LATEST #bad * 99999999999999999999\r\n", "FAIL INVALID_PARAMS"),
    (b"CHATHISTORY TARGETS msgid=x timestamp=2026-01-01T00:00:00.000Z 1\r\n", "FAIL INVALID_MSGREFTYPE"),
    (b"REDACT #bad\r\n", "461"),
    (b"REDACT #bad none\r\n", "FAIL UNKNOWN_MSGID"),
    (b"REDACT #bad :" + b"x" * 480 + b"\r\n", "FAIL UNKNOWN_MSGID"),
    (b"REDACT #none none\r\n", "FAIL INVALID_TARGET"),
    (b"REDACT nobody none\r\n", "FAIL INVALID_TARGET"),
    (b"MARKREAD\r\n", "FAIL NEED_MORE_PARAMS"),
    (b"MARKREAD #bad *\r\n", "FAIL INVALID_PARAMS"),
    (b"MARKREAD #bad timestamp=\r\n", "FAIL INVALID_PARAMS"),
    (b"MARKREAD #bad :timestamp=2026-01-01T00:00:00.000Z x\r\n", "FAIL INVALID_PARAMS"),
    (b"MARKREAD #none timestamp=2026-01-01T00:00:00.000Z\r\n", "FAIL INVALID_TARGET"),
    (b"MARKREAD nobody timestamp=2026-01-01T00:00:00.000Z\r\n", "FAIL INVALID_TARGET"),
    (b"MARKREAD :a b\r\n", "FAIL INVALID_TARGET"),
    (b"PASSWD !\r\n", "FAIL INVALID_PARAMS"),
    (b"PASSWD " + b"A" * 401 + b"\r\n", "FAIL TOO_LONG"),
]


@pytest.mark.parametrize(("line", "wanted"), LINES, ids=[repr(line[:24])[2:-1] for line, _ in LINES])
def test_a_bad_line_has_its_answer_and_nobody_sees_it(ada: Wire, bob: Wire, line: bytes, wanted: str) -> None:
    assert shown(answer(ada, line)) == [wanted]
    assert answer(bob, b"") == []


@pytest.mark.parametrize(("line", "wanted"), LINES, ids=[repr(line[:24])[2:-1] for line, _ in LINES])
def test_the_answer_carries_the_label(ada: Wire, bob: Wire, line: bytes, wanted: str) -> None:
    labelled = b"@label=L;" + line[1:] if line.startswith(b"@") else b"@label=L " + line
    (message,) = answer(ada, labelled)
    assert (shown([message]), message.label) == ([wanted], "L")


def test_empty_lines_are_ignored(ada: Wire) -> None:
    assert answer(ada, b"\r\n\n\r\n\n\n" + b"\n" * 5000) == []


def test_a_label_that_is_too_long_is_no_label(ada: Wire) -> None:
    (message,) = answer(ada, b"@label=" + b"x" * 65 + b" NONE\r\n")
    assert message.label is None


def test_many_pieces_of_a_password_end_at_the_limit(ada: Wire) -> None:
    line = b"PASSWD " + b"A" * 400 + b"\r\n"
    assert shown(answer(ada, line * 11)) == ["FAIL TOO_LONG"]


def test_a_mode_with_endless_letters_is_answered_in_bounds(ada: Wire) -> None:
    for number in range(20):
        ada.ask(f"MODE #bad +b mask{number}!{'x' * 150}@*")
    assert len(answer(ada, b"MODE #bad " + b"b" * 490 + b"\r\n")) == 21
    assert len(answer(ada, b"MODE #bad " + b"+i-i" * 120 + b"\r\n")) == 2


def test_a_mode_of_many_masks_is_shown_in_lines_that_fit(ada: Wire) -> None:
    masks = [f"{letter * 70}!*@*" for letter in "abcdef"]
    shown_lines = answer(ada, f"MODE #bad +bbbbbb {' '.join(masks)}\r\n".encode())
    assert [mask for line in shown_lines for mask in line.params[2:]] == masks
    assert all(len(" ".join(line.params)) < 400 for line in shown_lines)


@pytest.mark.parametrize("size", [1000, 16385])
def test_a_line_without_an_end_is_closed(shared: Server, size: int) -> None:
    with shared.login("eve") as eve:
        for _ in range(0, 16385, size):
            eve.send_bytes(b"x" * size)
        assert [(line.command, line.params[0]) for line in eve.until_closed()] == [("ERROR", "a line without an end")]


def test_the_others_see_only_the_quit_of_who_was_closed_so(shared: Server, bob: Wire) -> None:
    with shared.login("dan") as dan:
        dan.sync()
        dan.send_bytes(b"PRIVMSG #lobby :" + b"x" * 17000)
        dan.until_closed()
    bob.wait_for("QUIT", lambda line: (line.source or "").startswith("dan!"))
    assert not [line for line in bob.seen if line.command == "PRIVMSG"]
