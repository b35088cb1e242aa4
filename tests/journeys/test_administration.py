"""Administration beside a live server: it takes effect at once, and what the core holds is what the store holds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from scripts import admin_test
from securechat import config
from securechat.auth import passwords
from securechat.store.accounts import Accounts
from securechat.store.database import FILE, open_database
from tests.core import CoreRun, Peer
from tests.running import PASSWORD, ROUNDS, Server
from tests.wire import Wire

Login = Callable[..., Wire]

OTHER = "quite another battery"
HASH = passwords.hash(PASSWORD, ROUNDS)
OTHER_HASH = passwords.hash(OTHER, ROUNDS)
SLOW_HASH = passwords.hash(PASSWORD, 12)


@pytest.fixture
def accounts(idle_server: Server) -> Iterator[Accounts]:
    """What the commands call, without the cost of a process each."""
    with closing(idle_server.open_store()) as database:
        yield Accounts(database, ("#lobby",))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[CoreRun]:
    with closing(open_database(tmp_path / "template", config.Store())) as database:
        template = Accounts(database, ("#lobby",))
        template.add("root", HASH, admin=True)
        for name in ("bob", "cyd"):
            template.add(name, HASH)
    with CoreRun(tmp_path / "template" / FILE, tmp_path / "run") as run:
        yield run


@contextmanager
def half_way(server: Server, name: str, password: str = PASSWORD) -> Iterator[Wire]:
    """A login up to the moment at which the password is being checked."""
    with server.connect() as wire:
        wire.send("CAP LS 302")
        wire.send(f"NICK {name}")
        wire.send(f"USER {name} 0 * :x")
        wire.authenticate(name, password)
        yield wire


def names(wire: Wire, channel: str) -> set[str]:
    """As they are shown, with their prefix."""
    return {word for line in wire.ask(f"NAMES {channel}") if line.command == "353" for word in line.params[-1].split()}


def error_of(wire: Wire) -> str:
    """Why the server closed the connection, within a second."""
    return [line.params[-1] for line in wire.until_closed(within=1.0) if line.command == "ERROR"][-1]


def commands(server: Server, *lines: tuple[str, ...]) -> list[subprocess.CompletedProcess[str]]:
    """Real processes, all at the same time."""
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(server.command(*words), stdin=pipe, stdout=pipe, stderr=pipe, text=True) for words in lines
    ]
    done = []
    for process in running:
        output, errors = process.communicate(PASSWORD, timeout=60)
        done.append(subprocess.CompletedProcess(process.args, process.returncode, output, errors))
    return done


# Beside senders that never pause


def test_commands_take_effect_at_once_and_none_fails(server: Server) -> None:
    figures = admin_test.administer(server, runs=10)
    assert figures.failures == []
    assert figures.commands >= 10
    assert figures.echoed > 100


def test_an_import_delays_nobody(server: Server) -> None:
    """A delay of the import's would be there each time; one that this machine's other work makes is not."""
    tries = (admin_test.import_people(server, 10, f"class{number}-") for number in range(3))
    assert any(one.delay < admin_test.DELAY_LIMIT for one in tries)


def test_two_administrators_at_once_are_served_one_after_the_other(server: Server, login: Login) -> None:
    one, other = commands(server, *[("adduser", "eve", "--password-stdin")] * 2)
    assert sorted([one.returncode, other.returncode]) == [0, 1]
    assert "already exists" in one.stderr + other.stderr
    server.accounts.add("eve")
    eve = login("eve")
    done = commands(server, ("users", "role", "eve", "admin"), ("users", "suspend", "eve"), ("users", "list", "--json"))
    assert [one.returncode for one in done] == [0, 0, 0]
    assert "suspended" in error_of(eve)


# Logins on their way


@pytest.mark.parametrize("change", ["delete", "suspend", "set_password"])
def test_a_login_whose_password_is_being_checked_is_refused(server: Server, accounts: Accounts, change: str) -> None:
    accounts.add("eve", SLOW_HASH)
    with server.login("ada") as ada, half_way(server, "eve") as wire:
        ada.sync()
        getattr(accounts, change)("eve", *([OTHER_HASH] if change == "set_password" else []))
        assert wire.wait_for("904")
        wire.send("CAP END")
        assert "no login" in error_of(wire)
        assert "eve" not in names(ada, "#lobby")


@pytest.mark.parametrize("change", ["delete", "suspend", "set_password"])
def test_a_login_that_was_proved_but_not_admitted_is_refused(server: Server, accounts: Accounts, change: str) -> None:
    accounts.add("eve", HASH)
    with half_way(server, "eve") as wire, server.login("ada") as ada:
        wire.wait_for("903")
        getattr(accounts, change)("eve", *([OTHER_HASH] if change == "set_password" else []))
        accounts.add("zoe", HASH)
        server.accounts.add("zoe")
        with server.login("zoe"):  # so the server has looked
            wire.send("CAP END")
            assert "no longer valid" in error_of(wire)
        assert not [line for line in ada.nothing_more() if line.source and line.source.startswith("eve")]


def test_a_login_right_behind_a_command_is_judged_by_it(server: Server, accounts: Accounts) -> None:
    """Well before the server's next look at what administrators did."""
    accounts.add("eve", HASH)
    for number in range(10):
        accounts.suspend("eve")
        accounts.resume("eve")
        accounts.set_password("eve", OTHER_HASH if number % 2 == 0 else HASH)
        accounts.set_role("eve", "admin" if number % 2 == 0 else "member")
        with server.connect() as eve:
            eve.register("eve", OTHER if number % 2 == 0 else PASSWORD)
            assert ("@eve" in names(eve, "#lobby")) == (number % 2 == 0)
            accounts.add(f"guest{number}", HASH)
            with server.connect() as guest:
                guest.register(f"guest{number}", PASSWORD)
            eve.sync()  # the look has come, and this session is still here


def test_a_new_password_ends_only_what_logged_in_with_the_old_one(server: Server, accounts: Accounts) -> None:
    accounts.add("eve", HASH)
    with server.connect() as before, server.connect() as behind:
        before.register("eve", PASSWORD)
        accounts.set_password("eve", OTHER_HASH)
        behind.register("eve", OTHER)
        assert "password of this account was changed" in error_of(before)
        behind.sync()


# Deleted people and their names


def test_a_deleted_member_leaves_the_channels_and_the_words_stay(
    server: Server, accounts: Accounts, login: Login
) -> None:
    ada, bob = login("ada"), login("bob")
    for wire in (ada, bob):
        wire.ask("JOIN #lab")
    bob.ask("PRIVMSG #lab :my last words")
    accounts.delete("bob")
    quit_ = ada.wait_for("QUIT", within=1.0)
    assert quit_.source is not None
    assert quit_.source.startswith("bob!")
    assert quit_.params == ("this account was deleted",)
    assert "deleted" in error_of(bob)
    assert names(ada, "#lab") == {"@ada"}
    assert "bob" not in names(ada, "#lobby")
    assert ada.ask("PRIVMSG bob :hello?")[0].command == "401"
    assert "my last words" in [line.params[-1] for line in ada.ask("CHATHISTORY LATEST #lab * 10")]


def test_who_gets_a_released_name_sees_nothing_of_its_first_owner(
    server: Server, accounts: Accounts, login: Login
) -> None:
    ada, bob = login("ada"), login("bob")
    for wire in (ada, bob):
        wire.ask("JOIN #lab")
    ada.ask("MODE #lab +b bob!*@*")
    ada.ask("PRIVMSG bob :between us")
    bob.ask("PRIVMSG ada :only us")
    old = bob.ask("WHOIS bob")[0].params[3]
    accounts.delete("bob", release_name=True)
    accounts.add("bob", OTHER_HASH)
    with server.connect() as namesake:
        namesake.register("bob", OTHER)
        joined = [line.params[0] for line in namesake.seen if line.command == "JOIN"]
        assert joined == ["#lobby"]
        assert namesake.ask("WHOIS bob")[0].params[3] != old
        assert not [line for line in namesake.ask("CHATHISTORY LATEST ada * 10") if line.command == "PRIVMSG"]
        assert not [line for line in namesake.ask("CHATHISTORY LATEST #lab * 10") if line.command == "PRIVMSG"]
        assert "deleted" in error_of(bob)
        ada.ask("PRIVMSG bob :to the new one")
        namesake.wait_for("PRIVMSG", text="to the new one", within=1.0)
    texts = [line.params[-1] for line in ada.ask("CHATHISTORY LATEST bob * 10")]
    assert "to the new one" in texts
    assert "between us" not in texts


def test_a_reserved_name_is_taken_by_nobody_until_it_is_released(server: Server, login: Login) -> None:
    login("bob")
    steps = [
        (("deluser", "bob", "--yes"), 0),
        (("adduser", "bob", "--password-stdin"), 1),
        (("deluser", "bob", "--release-name", "--yes"), 0),
        (("adduser", "bob", "--password-stdin"), 0),
    ]
    for words, status in steps:
        [done] = commands(server, words)
        assert done.returncode == status, done.stderr
    with server.connect() as namesake:
        namesake.register("bob", PASSWORD)


# Operators


@pytest.mark.parametrize("way", ["deleted", "parts", "is kicked", "is deopped"])
def test_a_channel_whose_last_operator_goes_passes_to_the_admins_in_it(
    server: Server, accounts: Accounts, login: Login, way: str
) -> None:
    server.adduser("root", admin=True)
    bob, root, cyd = login("bob"), login("root"), login("cyd")
    for wire in (bob, root, cyd):
        wire.ask("JOIN #lab")
    assert names(cyd, "#lab") == {"@bob", "root", "cyd"}
    if way == "deleted":
        accounts.delete("bob")
    else:
        bob.send({"parts": "PART #lab", "is kicked": "KICK #lab bob", "is deopped": "MODE #lab -o bob"}[way])
    mode = cyd.wait_for("MODE", lambda line: line.params[1:] == ("+o", "root"), within=1.0)
    assert mode.source == "localhost"
    assert names(cyd, "#lab") == {"@root", "cyd"} | ({"bob"} if way == "is deopped" else set())
    assert root.ask("KICK #lab cyd")[0].command == "KICK"


def test_an_admin_who_comes_into_a_channel_without_an_operator_is_one(server: Server, login: Login) -> None:
    server.adduser("root", admin=True)
    bob, cyd, root = login("bob"), login("cyd"), login("root")
    for wire in (bob, cyd):
        wire.ask("JOIN #lab")
    bob.ask("PART #lab")
    assert names(cyd, "#lab") == {"cyd"}
    root.ask("JOIN #lab")
    assert cyd.wait_for("MODE", within=1.0).params == ("#lab", "+o", "root")


MODE_CHANGES = ["-o root", "+o bob", "+o root", "+o-o bob bob", "+oo-o bob root bob", "+o-o root root"]


@pytest.mark.parametrize("first", ["own operator", "in the hands of the admins"])
@pytest.mark.parametrize("change", MODE_CHANGES)
def test_who_is_an_operator_is_shown_as_it_is(run: CoreRun, change: str, first: str) -> None:
    """A client that follows the MODE lines knows what NAMES says."""
    run.accounts.add("toor", HASH, admin=True)
    run.look()
    root, *_, cyd = peers = [run.login(name) for name in ("root", "toor", "bob", "cyd")]
    for peer in peers:
        run.say(peer, "JOIN #lab")
    if first == "in the hands of the admins":
        run.say(root, "MODE #lab -o root")
    known = {name.lstrip("@"): name.startswith("@") for name in listed(run, cyd)}
    run.say(root, f"MODE #lab {change}")
    for line in cyd.take():
        if " MODE #lab " in line:
            letters, *people = line.partition(" MODE #lab ")[2].split()
            known |= dict(follow(letters, people))
    assert {("@" if operator else "") + name for name, operator in known.items()} == listed(run, cyd)


def listed(run: CoreRun, peer: Peer) -> set[str]:
    peer.take()
    run.say(peer, "NAMES #lab")
    return {name for line in peer.take() if " 353 " in line for name in line.rpartition(":")[2].split()}


def follow(letters: str, people: list[str]) -> Iterator[tuple[str, bool]]:
    for sign, run in re.findall(r"([+-])([a-z]+)", letters):
        for _ in run:
            yield people.pop(0), sign == "+"


def test_a_change_of_role_is_shown_where_it_counts(server: Server, accounts: Accounts, login: Login) -> None:
    bob, ada = login("bob"), login("ada")
    ada.ask("JOIN #lab")
    bob.ask("JOIN #lab")
    accounts.set_role("bob", "admin")
    assert ada.wait_for("MODE", within=1.0).params == ("#lobby", "+o", "bob")
    assert bob.ask("TOPIC #lobby :mine to set")[0].command == "TOPIC"
    accounts.set_role("bob", "member")
    assert ada.wait_for("MODE", within=1.0).params == ("#lobby", "-o", "bob")
    assert {"ada", "bob"} <= names(ada, "#lobby")
    assert names(ada, "#lab") == {"@ada", "bob"}


# The core against the store


def test_after_every_command_the_core_is_as_if_loaded_anew(run: CoreRun) -> None:
    peers = {name: run.login(name) for name in ("root", "bob", "cyd")}
    for peer in peers.values():
        run.say(peer, "JOIN #lab", "PRIVMSG #lab :hello")
    run.say(peers["root"], "MODE #lab +o-o bob root")
    steps: list[Callable[[], None]] = [
        lambda: run.accounts.add("eve", HASH),
        lambda: run.accounts.set_role("eve", "admin"),
        lambda: _enter(run, peers, "eve"),
        lambda: run.accounts.set_role("root", "member"),
        lambda: run.accounts.suspend("cyd"),
        lambda: run.accounts.resume("cyd"),
        lambda: _enter(run, peers, "cyd"),
        lambda: run.accounts.set_password("cyd", OTHER_HASH),
        lambda: run.accounts.delete("bob"),
        lambda: run.accounts.delete("bob", release_name=True),
        lambda: run.accounts.add("bob", HASH),
        lambda: _enter(run, peers, "bob"),
        lambda: run.accounts.delete("eve", release_name=True),
        lambda: run.accounts.delete("root"),
    ]
    for number, step in enumerate(steps):
        step()
        run.look()
        assert run.held() == run.stored(), number
        assert _operators(run) == _operators_anew(run), number


def _enter(run: CoreRun, peers: dict[str, Peer], name: str) -> None:
    peers[name] = run.login(name)
    run.say(peers[name], "JOIN #lab")


def _operators(run: CoreRun) -> dict[str, set[int]]:
    channels = run.core.directory.channels.values()
    return {one.key: {person.id for person in one.members if one.is_operator(person)} for one in channels}


def _operators_anew(run: CoreRun) -> dict[str, set[int]]:
    channels = run.fresh().channels.values()
    return {one.key: {person.id for person in one.members if one.is_operator(person)} for one in channels}
