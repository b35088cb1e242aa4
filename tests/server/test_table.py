"""The table of commands once more, through the core alone, and with it every numeric that there is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from securechat import config
from securechat.protocol import numerics
from securechat.protocol.lines import read_server_line
from securechat.protocol.message import Message
from tests.core import SETTINGS, CoreRun, Peer, make_template, registration
from tests.server.test_conformance import TABLE, Case, differences

# What is answered before admission; each is said by somebody who has just connected.
STRANGERS = (
    (("PING x",), "PONG|localhost|x"),
    (("JOIN :",), "451|[*]|You have not logged in"),
    (("NOSUCH",), "451|[*]|*"),
    (("OPER op secret",), "451|[*]|*"),
    (("PASS secret",), "NOTICE|[*]|*SASL PLAIN"),
    (("NICK",), "431|[*]|*"),
    (("NICK *",), "432|[*]|[*]|*"),
    (("USER a 0 *",), "461|[*]|USER|*"),
    (("USER a 0 * :",), "461|[*]|USER|*"),
    (("USER a 0 * :b", "USER a 0 * :b"), "462|[*]|*"),
    (("CAP LS 302",), "CAP|[*]|LS|*sasl=PLAIN*"),
    (("CAP FOO",), "410|[*]|FOO|*"),
    (("AUTHENTICATE SCRAM-SHA-256",), "908|[*]|PLAIN|*"),
    (("AUTHENTICATE PLAIN",), "AUTHENTICATE|+"),
    (("AUTHENTICATE PLAIN", "AUTHENTICATE *"), "906|[*]|*"),
    (("AUTHENTICATE PLAIN", "AUTHENTICATE !"), "904|[*]|*"),
    (("AUTHENTICATE PLAIN", *["AUTHENTICATE " + "A" * 400] * 11), "905|[*]|*"),
    (("AUTHENTICATE PLAIN", "AUTHENTICATE " + base64.b64encode(b"\0ada\0wrong").decode()), "904|[*]|*"),
    (registration("ada", ""), "900|ada|ada!ada@u*|ada|You are now logged in as ada"),
    (registration("ada", ""), "903|ada|*"),
    ((*registration("ada", ""), "AUTHENTICATE PLAIN"), "907|ada|*"),
    (("x" * 600,), "417|[*]|*"),
    (("NICK ada", "USER a 0 * :b"), "FAIL|[*]|ACCOUNT_REQUIRED|*"),
    (("GET / HTTP/1.1",), "ERROR|*"),
    (("QUIT",), "ERROR|Quit"),
)
# The burst of somebody who belongs to #lobby, with and without a message of the day.
BURST = (
    *("001|*", "002|*", "003|*", "004|ada|localhost|securechat-*|Bio|*", *["005|*"] * 3, "251|*", "252|*", "254|*"),
    *("255|*", "265|ada|1|1|*", "266|ada|1|1|*", "422|*", "221|ada|+", "JOIN|#lobby", "353|*", "366|*"),
)
MOTD = ("375|ada|- localhost Message of the day -", "372|ada|- be kind", "376|ada|*")
IN_OTHER_TESTS = {numerics.ERR_UNKNOWNERROR, numerics.ERR_TOOMANYCHANNELS}  # below, and in test_core


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"), admin="op", members=("ada", "bob", "eve"))


@pytest.fixture
def surroundings(run: CoreRun) -> None:
    """What the table speaks of, as over the wire."""
    run.say(run.login("eve"), "QUIT")
    op, bob = run.login("op"), run.login("bob")
    run.say(op, "AWAY :lunch")
    run.say(bob, "JOIN #closed", "JOIN #key", "MODE #key +k word", "JOIN #invited", "MODE #invited +i")
    run.say(bob, "JOIN #full", "MODE #full +l 1", "JOIN #banned", "MODE #banned +b ada")


def heard(peer: Peer) -> list[Message]:
    read = (read_server_line(line.encode()) for line in peer.take())
    return [line for line in read if isinstance(line, Message)]


def answers_of(run: CoreRun, peer: Peer, case: Case, label: str = "") -> list[Message]:
    """The lines of the answer; with a label those that carry it, or belong to the batch that does."""
    run.say(peer, f"@label={label} {case.said}" if label else case.said)
    lines = heard(peer)
    if not label:
        return lines
    opened = next((line for line in lines if line.label == label), None)
    assert opened is not None, case
    if opened.command == "BATCH" and opened.params[1] == "labeled-response":
        reference = opened.params[0][1:]
        return [line for line in lines if line.tags.get("batch") == reference and line.command != "BATCH"]
    return [opened] if opened.command not in ("ACK", "BATCH") else []


@pytest.mark.usefixtures("surroundings")
def test_every_command_is_answered_as_the_standards_say(run: CoreRun) -> None:
    ada = run.login("ada", "")
    told = [(case, answers_of(run, ada, case)) for case in TABLE]
    assert not differences([(case, lines, case.answer if case.plain is None else case.plain) for case, lines in told])


@pytest.mark.usefixtures("surroundings")
def test_every_label_is_answered(run: CoreRun) -> None:
    ada = run.login("ada")
    cases = [
        case for case in TABLE if not case.said.startswith(("CHATHISTORY", "SEARCH", "TOKEN LIST"))
    ]  # a batch inside
    assert not differences([(case, answers_of(run, ada, case, "x"), case.answer) for case in cases])


@pytest.mark.parametrize(("said", "answer"), STRANGERS)
def test_a_stranger_is_answered_as_the_standards_say(run: CoreRun, said: Sequence[str], answer: str) -> None:
    peer = run.connect()
    run.say(peer, *said)
    shown = heard(peer)
    assert any(not differences([(Case(said[-1]), [line], (answer,))]) for line in shown), shown


def test_the_burst_is_in_the_standards_order(run: CoreRun) -> None:
    peer = run.connect()
    run.say(peer, *registration("ada", ""))
    peer.take()
    run.say(peer, "CAP END")
    assert not differences([(Case("CAP END"), heard(peer), BURST)])


def test_a_message_of_the_day_is_shown_line_by_line(template: Path, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(SETTINGS, server=config.Server(motd="be kind\n"))
    with CoreRun(template, tmp_path, settings) as run:
        ada = run.login("ada", "")
        run.say(ada, "MOTD")
        assert not differences([(Case("MOTD"), heard(ada), MOTD)])


def test_an_account_may_not_join_without_end(run: CoreRun) -> None:
    ada = run.login("ada", "")
    for number in range(SETTINGS.limits.channels_per_account - 1):
        run.say(ada, f"JOIN #c{number}")
    ada.take()
    run.say(ada, "JOIN #more")
    assert not differences([(Case("JOIN #more"), heard(ada), ("405|ada|#more|*",))])


def test_every_numeric_is_in_a_table() -> None:
    shapes = [shape for case in TABLE for shape in case.answer] + [answer for _, answer in STRANGERS]
    shown = {shape.split("|")[0] for shape in (*shapes, *BURST, *MOTD)}
    defined = {value for name, value in vars(numerics).items() if name.startswith(("RPL_", "ERR_"))}
    assert defined - IN_OTHER_TESTS <= shown
