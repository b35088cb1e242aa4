"""Turns as a whole: a handler that raises, a commit that fails, and what is left of either afterwards."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from securechat.server import accounts, presence
from securechat.server.core import STRIKE_TIME, STRIKES
from securechat.server.dispatch import COMMANDS
from securechat.server.items import Gone, Overdue, Tick
from securechat.server.session import Stage
from tests.core import HASH, IN_A_YEAR, PASSWD, CoreRun, Fault, Peer, plain, registration
from tests.running import PASSWORD

TIME = re.compile(r"time=[^; ]+;?")

# Of every command what it does at its fullest, and what it refuses. `new` has just connected, the others are members
# of #lab, where ada is operator; dot is a member of the lobby alone, and not here.
SAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "CAP": (("new", "CAP LS 302"), ("new", "CAP REQ :batch sasl"), ("ada", "CAP LIST"), ("ada", "CAP REQ :none")),
    "AUTHENTICATE": (
        ("new", "AUTHENTICATE PLAIN"),
        ("new", "AUTHENTICATE *"),
        ("ada", "AUTHENTICATE PLAIN"),
    ),
    "NICK": (("new", "NICK someone"), ("ada", "NICK AdA"), ("ada", "NICK bob")),
    "USER": (("new", "USER u 0 * :Real Name"), ("ada", "USER u 0 * :again")),
    "PASS": (("new", "PASS secret"),),
    "QUIT": (("new", "QUIT"), ("ada", "QUIT :gone")),
    "PING": (("new", "PING x"), ("ada", "PING x")),
    "PONG": (("ada", "PONG x"),),
    "JOIN": (("ada", "JOIN #one"), ("cyd", "JOIN #one,#"), ("ada", "JOIN 0")),
    "PART": (("ada", "PART #lab,#lobby :enough"),),
    "TOPIC": (("ada", "TOPIC #lab :new"), ("cyd", "TOPIC #lab"), ("cyd", "TOPIC #lab :no")),
    "NAMES": (("ada", "NAMES #lab"),),
    "LIST": (("ada", "LIST"),),
    "KICK": (("cyd", "KICK #lab ada"), ("ada", "KICK #lab cyd :out")),
    "INVITE": (("ada", "INVITE dot #lab"), ("ada", "INVITE bob #lab"), ("ada", "INVITE nobody #lab")),
    "MODE": (
        ("ada", "MODE #lab +ob-t bob *!*@bad"),
        ("ada", "MODE #lab +kl-o key 9 bob"),
        ("ada", "MODE #lab b"),
        ("cyd", "MODE #lab"),
        ("cyd", "MODE #lab +i"),
        ("ada", "MODE ada +i"),
        ("ada", "MODE ada +Bx"),
    ),
    "PRIVMSG": (
        ("ada", "PRIVMSG #lab,bob,dot :hello"),
        ("ada", "PRIVMSG nobody :hello"),
        ("cyd", "PRIVMSG @#lab :hello"),
        ("ada", "@+securechat/id=a PRIVMSG #lab :hello"),
        ("ada", "@+securechat/id=a PRIVMSG #lab :hello"),
    ),
    "NOTICE": (("ada", "NOTICE #lab,cyd :hello"),),
    "BATCH": (
        ("ada", "BATCH +1 draft/multiline #lab"),
        ("ada", "@batch=1 PRIVMSG #lab :one"),
        ("ada", "@batch=1 PRIVMSG #lab :two"),
        ("ada", "BATCH -1"),
        ("ada", "BATCH +1 other #lab"),
    ),
    "TAGMSG": (("ada", "TAGMSG #lab,bob"),),
    "CHATHISTORY": (
        ("ada", "CHATHISTORY LATEST #lab * 10"),
        ("ada", "CHATHISTORY AFTER #lab timestamp=2020-01-01T00:00:00.000Z 10"),
        ("ada", "CHATHISTORY LATEST #none * 10"),
        ("ada", "CHATHISTORY TARGETS timestamp=2020-01-01 timestamp=2040-01-01 10"),
    ),
    "REDACT": (("ada", "REDACT #lab {first} :why"), ("cyd", "REDACT #lab {first}"), ("cyd", "REDACT #none x")),
    "MARKREAD": (
        ("ada", "MARKREAD #lab timestamp=2020-01-01T00:00:00.000Z"),
        ("ada", "MARKREAD bob"),
        ("ada", "MARKREAD #none timestamp=2020-01-01T00:00:00.000Z"),
    ),
    "SEARCH": (
        ("ada", "SEARCH text=first;in=#lab;from=ada;after=2000-01-01T00:00:00Z"),
        ("ada", "SEARCH in=bob;limit=5"),
        ("ada", "SEARCH in=#none"),
    ),
    "WHO": (("ada", "WHO #lab"), ("ada", "WHO b*"), ("ada", "WHO #lab %tnf,1")),
    "WHOIS": (("ada", "WHOIS bob"),),
    "WHOWAS": (("ada", "WHOWAS dot"), ("ada", "WHOWAS nobody")),
    "AWAY": (("ada", "AWAY :lunch"), ("ada", "AWAY")),
    "SETNAME": (("ada", "SETNAME :another name"), ("ada", "SETNAME :")),
    "MONITOR": (
        ("ada", "MONITOR + bob,dot,:"),
        ("cyd", "MONITOR + dot"),
        ("ada", "MONITOR S"),
        ("ada", "MONITOR L"),
        ("ada", "MONITOR - dot"),
        ("ada", "MONITOR C"),
        ("ada", "MONITOR ?"),
    ),
    "USERHOST": (("ada", "USERHOST bob"),),
    "ISON": (("ada", "ISON bob nobody"),),
    "MOTD": (("ada", "MOTD"),),
    "LUSERS": (("ada", "LUSERS"),),
    "VERSION": (("ada", "VERSION"),),
    "TIME": (("ada", "TIME"),),
    "INFO": (("ada", "INFO"),),
    "STATS": (("ada", "STATS u"),),
    "HELP": (("ada", "HELP"), ("ada", "HELP mode"), ("ada", "HELP nothing")),
    "OPER": (("cyd", f"OPER ada :{PASSWORD}"), ("ada", "OPER ada wrong"), ("ada", f"OPER bob :{PASSWORD}")),
    "KILL": (("ada", "KILL bob"), ("ada", f"OPER ada :{PASSWORD}"), ("ada", "KILL cyd :enough")),
    "TOKEN": (
        ("ada", "TOKEN CREATE :laptop"),
        ("ada", "TOKEN LIST"),
        ("ada", "TOKEN REVOKE {token}"),
        ("ada", "TOKEN REVOKE {token}"),
        ("ada", "TOKEN FOO"),
    ),
    "PASSWD": (("ada", "PASSWD !"), ("ada", PASSWD)),
}


@pytest.fixture
def unlogged(caplog: pytest.LogCaptureFixture) -> None:
    """To write down thousands of tracebacks takes as long as to raise them, and nobody reads them."""
    caplog.set_level(logging.CRITICAL, "securechat")


@pytest.fixture
def lab(run: CoreRun) -> dict[str, Peer]:
    return in_lab(run)


def in_lab(run: CoreRun) -> dict[str, Peer]:
    people = {name: run.login(name) for name in ("ada", "bob", "cyd")}
    for name in people:
        run.say(people[name], "JOIN #lab")
    run.say(people["ada"], "PRIVMSG #lab :first", "TOPIC #lab :old")
    forget(run)
    return people


def forget(run: CoreRun) -> None:
    for peer in run.peers:
        peer.take()


def timeless(lines: Sequence[str]) -> list[str]:
    return [TIME.sub("", line) for line in plain(lines)]


# Handlers that raise


def test_every_command_is_among_those_that_are_made_to_raise() -> None:
    assert set(SAMPLES) == set(COMMANDS)


@pytest.mark.usefixtures("unlogged")
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("command", SAMPLES)
def test_a_handler_that_raises_at_any_line_is_noticed_by_its_sender_alone(
    command: str, every: bool, run: CoreRun, lab: dict[str, Peer]
) -> None:
    """Between two lines of bob's in the same turn: they reach everyone as if nothing had been between them.

    Of more than 25 steps only the slow run takes every one.
    """
    run.say(lab["bob"], "PRIVMSG #lobby :before", "PRIVMSG #lobby :after")
    expected = {name: timeless(peer.take()) for name, peer in lab.items()}
    lab["new"], expected["new"] = run.connect(), []
    first, token = run.msgid("first", "#lab"), run.tokens.add("ada", "phone", b"", IN_A_YEAR)
    for name, sample in SAMPLES[command]:
        line = sample.format(first=first, token=token)
        step = 1
        while breaks(run, lab, expected, lab[name], line, step):
            step += 1 if every else 1 + step // 25
        assert step > 3, line
        forget(run)
        assert run.held() == run.stored(), line


def breaks(
    run: CoreRun, people: dict[str, Peer], expected: dict[str, list[str]], sender: Peer, line: str, number: int
) -> bool:
    """Say `line` with its `number`-th step made to raise; False when it has fewer."""
    run.now += STRIKE_TIME + 1
    before, jobs = run.state(), run.jobs_started
    run.queue(people["bob"], "PRIVMSG #lobby :before")
    run.queue(sender, labelled(line))
    run.queue(people["bob"], "PRIVMSG #lobby :after")
    with Fault(number, of=sender.session) as fault:
        run.run()
    if not fault.fired or sender.closed:
        return False
    for name, peer in people.items():
        lines = timeless(peer.take())
        if peer is sender:
            complaint = lines.pop(len(lines) - 1 if run.jobs_started > jobs or name == "new" else len(lines) // 2)
            assert re.match(r"(@label=x )?:localhost 400 ", complaint), (fault.where, complaint)
        assert lines == expected[name], (fault.where, line)
    assert lasting(run.state()) == lasting(before), (fault.where, line)
    assert run.held() == run.stored(), (fault.where, line)
    return True


def labelled(line: str) -> str:
    return f"@label=x;{line.removeprefix('@')}" if line.startswith("@") else f"@label=x {line}"


def lasting(state: tuple) -> tuple:
    snapshot, *rest = state
    return (snapshot.accounts, snapshot.channels, snapshot.members, snapshot.list_modes, snapshot.read_markers, *rest)


@pytest.mark.usefixtures("unlogged")
def test_a_login_that_fails_at_any_line_admits_nobody_or_leaves_no_trace(run: CoreRun, lab: dict[str, Peer]) -> None:
    outcomes: Counter[bool] = Counter()
    number = 1
    while True:
        number += 1 + number // 25  # a burst has many lines that are alike
        before, peers = run.state(), list(run.peers)
        dot = run.connect()
        with Fault(number) as fault:
            run.say(dot, *registration("dot"), "CAP END")
        if not fault.fired:
            break
        assert sum(" 400 " in line for line in dot.take()) == 1, fault.where
        admitted = dot.session.stage is Stage.ADMITTED
        outcomes[admitted] += 1
        assert not dot.session.busy
        assert bool(run.core.directory.names["dot"].sessions) is admitted
        assert any(" JOIN #lobby" in line for line in lab["bob"].take()) is admitted, fault.where
        run.drop(dot)
        run.peers = peers
        assert lasting(run.state()) == lasting(before), fault.where  # with a CAP REQ that failed it keeps a place
    assert min(outcomes[True], outcomes[False]) > 5


@pytest.mark.parametrize(("kind", "handler"), [(Gone, presence.lost), (Overdue, presence.end)])
def test_a_session_whose_end_fails_at_any_line_ends_all_the_same(
    kind: Callable, handler: Callable, run: CoreRun, lab: dict[str, Peer]
) -> None:
    number = 0
    while True:
        number += 1
        dot = run.login("dot")
        run.waiting.append(kind(dot.session, "over"))
        with Fault(number, within=handler) as fault:
            run.run()
        run.pass_(run.core.settings.limits.linger)
        assert dot.session.stage is Stage.CLOSED, fault.where
        assert not run.core.directory.names["dot"].present
        assert run.core.directory.names["dot"] not in run.core.directory.present
        shown = any(" QUIT " in line for line in lab["bob"].take())
        assert shown is not fault.fired, fault.where
        if not fault.fired:
            break
    assert number > 10


@pytest.mark.usefixtures("unlogged")
@pytest.mark.parametrize("change", ["suspend", "set_password", "delete", "set_role", "add"])
def test_an_administrators_change_holds_though_telling_of_it_fails_at_any_line(
    change: str, run: CoreRun, lab: dict[str, Peer]
) -> None:
    more = {"set_password": (HASH,), "set_role": ("admin",), "add": (HASH,)}.get(change, ())
    number = 0
    while True:
        number += 1 + number // 25
        name = f"guest{number}"
        guest = run.connect()
        if change != "add":
            run.accounts.add(name, HASH)
            run.look()
            guest = run.login(name)
        getattr(run.accounts, change)(name, *more)
        with Fault(number, within=accounts.changed) as fault:
            run.look()
        assert run.held() == run.stored(), fault.where
        if change not in ("add", "set_role"):
            assert guest.session.stage is Stage.CLOSED, fault.where
        if not fault.fired:
            break
        run.drop(guest)
        if change != "delete":  # or every guest of the lobby would make the next one's way longer
            run.accounts.delete(name)
            run.look()
    assert number > 5


def test_arrivals_are_announced_by_the_next_tick_when_one_fails(template: Path, tmp_path: Path) -> None:
    with CoreRun(template, tmp_path) as run:
        run.now = run.core.started
        ada, _bob = run.login("ada"), run.login("bob")
        run.waiting.append(Tick())
        with Fault(8) as fault:
            run.run()
        assert fault.fired
        assert ada.take() == []
        run.waiting.append(Tick())
        run.run()
        assert sum(" JOIN #lobby" in line for line in ada.take()) == 1


def test_three_errors_within_a_minute_close_the_session(run: CoreRun, lab: dict[str, Peer]) -> None:
    for _ in range(STRIKES):
        assert lab["ada"].closed is None
        with Fault(1):
            run.say(lab["ada"], "PRIVMSG #lab :x")
        run.now += 1
    assert lab["ada"].closed == "too many internal errors"
    assert any(" QUIT :" in line for line in lab["bob"].take())


def test_errors_further_apart_do_not_close_the_session(run: CoreRun, lab: dict[str, Peer]) -> None:
    for _ in range(STRIKES * 2):
        with Fault(1):
            run.say(lab["ada"], "PRIVMSG #lab :x")
        run.now += STRIKE_TIME / 2 + 1
    assert lab["ada"].closed is None


def test_an_error_in_a_turn_that_is_undone_is_not_counted(run: CoreRun, lab: dict[str, Peer]) -> None:
    run.queue(lab["ada"], "PRIVMSG #lab :x")
    run.queue(lab["bob"], "PRIVMSG #lab :y")
    run.writer.outcomes.append("failed")
    with Fault(1) as fault:
        run.run()
    assert fault.fired
    assert lab["ada"].session.strikes == ()


# Commits that fail


@pytest.mark.parametrize("outcome", ["failed", "uncertain, lost"])
def test_a_failed_commit_tells_the_senders_and_shows_nothing(outcome: str, run: CoreRun, lab: dict[str, Peer]) -> None:
    before = run.state()
    run.writer.outcomes.append(outcome)
    run.queue(lab["ada"], "@label=1 PRIVMSG #lab :lost", "@label=2 TOPIC #lab :lost", "@label=3 PING x")
    run.queue(lab["bob"], "@label=4 JOIN #lost", "PART #lab")
    run.run()
    codes = ["FAIL PRIVMSG", "FAIL TOPIC", "PONG"]
    for label, (line, code) in enumerate(zip(lab["ada"].take(), codes, strict=True), start=1):
        assert line.startswith(f"@label={label} :localhost {code}")
    assert ["TEMPORARILY_UNAVAILABLE" in line for line in lab["bob"].take()] == [True, True]
    assert lab["cyd"].take() == []
    assert run.state() == before
    assert run.held() == run.stored()
    run.say(lab["ada"], "PRIVMSG #lab :kept")
    assert any("kept" in line for line in lab["cyd"].take())
    assert run.texts("#lab") == ["first", "kept"]


def test_an_error_behind_a_commit_that_became_durable_is_none(run: CoreRun, lab: dict[str, Peer]) -> None:
    run.writer.outcomes.extend(["uncertain, kept"] * 2)
    run.say(lab["ada"], "@label=1 PRIVMSG #lab :kept")
    run.say(lab["ada"], "TOPIC #lab :kept too")
    assert " PRIVMSG #lab :kept" in lab["ada"].take()[0]
    assert [line.rpartition(" :")[2] for line in lab["cyd"].take()] == ["kept", "kept too"]
    assert run.texts("#lab") == ["first", "kept"]
    assert run.held() == run.stored()


def test_a_job_asked_for_in_a_failed_turn_is_started_once(run: CoreRun, lab: dict[str, Peer]) -> None:
    dot = run.connect()
    before = run.jobs_started
    run.queue(dot, *registration("dot"), "CAP END")
    run.queue(lab["ada"], "PRIVMSG #lab :lost")
    run.writer.outcomes.append("failed")
    run.run()
    assert run.jobs_started == before + 1
    assert dot.session.stage is Stage.ADMITTED
    assert sum(" 001 " in line for line in dot.take()) == 1


def test_a_session_closed_in_a_failed_turn_goes_on(run: CoreRun, lab: dict[str, Peer]) -> None:
    """PASSWD ends the account's other sessions; when it could not be stored, they are as they were."""
    other = run.login("ada")
    run.writer.outcomes.append("failed")
    run.say(lab["ada"], PASSWD)
    assert "TEMPORARILY_UNAVAILABLE" in lab["ada"].take()[0]
    assert other.take() == []
    run.say(other, "PRIVMSG #lab :still here")
    assert any("still here" in line for line in lab["bob"].take())
    run.say(lab["ada"], PASSWD)
    assert other.closed == "the password of this account was changed"
    assert run.held() == run.stored()


def test_what_happened_beside_a_failed_commit_stands(run: CoreRun, lab: dict[str, Peer]) -> None:
    run.accounts.suspend("bob")
    run.writer.outcomes.append("failed")
    run.waiting.append(Gone(lab["cyd"].session, "lost"))
    run.queue(lab["ada"], "PRIVMSG #lab :lost", "AWAY :out")
    run.waiting.extend(run.writer.changed())
    run.run()
    run.pass_(run.core.settings.limits.linger)
    assert lab["bob"].closed == "this account is suspended"
    assert lab["cyd"].session.stage is Stage.CLOSED
    shown = [line.partition(" ")[2].partition(" ")[2] for line in timeless(lab["ada"].take())]
    assert sum("QUIT" in line for line in shown) == 2
    assert run.held() == run.stored()


def test_an_answer_that_comes_behind_the_end_of_a_session_is_not_told(run: CoreRun) -> None:
    ada = run.login("ada")
    run.queue(ada, "@label=1 CHATHISTORY LATEST #lobby * 10")
    run.step()
    run.waiting.appendleft(Overdue(ada.session, "a line without an end"))
    run.run()
    assert ada.take() == ["ERROR :a line without an end"]
