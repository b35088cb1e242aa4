"""So many guesses are checked and no more, whoever makes them; and the owner gets in meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from securechat.auth.throttle import key_of
from securechat.server.items import Answer, Gone
from securechat.server.services import PoolFull
from securechat.store.errors import StoreBusy
from tests.core import PASSWD, CoreRun, Peer
from tests.running import PASSWORD

WRONG_PASSWD = "PASSWD " + base64.b64encode(b"wrong\0quite another battery").decode()
ADA = key_of("ada")
MINUTE = 60
HOUR = 60 * MINUTE


def sasl(name: str, password: str) -> list[str]:
    secret = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    return ["AUTHENTICATE PLAIN", f"AUTHENTICATE {secret}"]


def guess(run: CoreRun, name: str = "ada", source: str = "192.0.2.1", password: str = "wrong") -> list[str]:
    """What a newcomer is answered."""
    peer = run.connect(source)
    run.say(peer, *sasl(name, password))
    answer = peer.take()[1:]
    run.lose(peer)
    return answer


def checked(run: CoreRun, guesses: Callable[[], object]) -> int:
    before = run.jobs_started
    guesses()
    return run.jobs_started - before


def is_refused(answer: list[str]) -> bool:
    return " FAIL AUTHENTICATE TRY_LATER " in answer[0] and " 904 " in answer[-1]


def test_from_one_address_so_many_are_checked_in_ten_minutes(run: CoreRun) -> None:
    assert checked(run, lambda: [guess(run) for _ in range(1000)]) == 16
    assert is_refused(guess(run))
    assert is_refused(guess(run, "bob", password=PASSWORD))
    assert not is_refused(guess(run, source="192.0.2.2"))
    run.now += 10 * MINUTE
    assert checked(run, lambda: [guess(run, f"n{number}") for number in range(1000)]) == 16


def test_ipv6_addresses_of_one_network_are_one(run: CoreRun) -> None:
    assert checked(run, lambda: [guess(run, source=f"2001:db8::{number:x}") for number in range(100)]) == 16
    assert not is_refused(guess(run, source="2001:db8:0:1::1"))


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_of_one_account_so_many_are_checked_in_an_hour(run: CoreRun, name: str) -> None:
    """From as many addresses as you like, and whether there is such an account or not."""
    sources = [f"192.0.{number // 250}.{number % 250}" for number in range(1000)]
    assert checked(run, lambda: [guess(run, name, source) for source in sources]) == 80
    run.now += HOUR
    assert checked(run, lambda: [guess(run, name, source) for source in sources]) == 80


def test_the_refusal_names_the_seconds_and_is_the_same_for_every_name(run: CoreRun) -> None:
    for _ in range(16):
        guess(run)
    run.now += 90.4
    answers = [guess(run, name) for name in ("ada", "bob", "nobody", "#lobby", "é")]
    assert answers[0] == [
        ":localhost FAIL AUTHENTICATE TRY_LATER 510 :too many attempts to log in; try again in 510 s",
        ":localhost 904 * :SASL authentication failed",
    ]
    assert all(answer == answers[0] for answer in answers)
    run.now += 509.7
    assert not is_refused(guess(run))


def test_where_anybody_logged_in_the_rest_is_for_every_name(run: CoreRun) -> None:
    """Or whoever shares an address with members could find out who they are."""
    run.drop(run.login("ada", source="192.0.2.1"))
    assert checked(run, lambda: [guess(run, "bob") for _ in range(16)]) == 16
    for name in ("ada", "bob", "nobody", "ada"):
        assert not is_refused(guess(run, name))
    for name in ("ada", "bob", "nobody"):
        assert is_refused(guess(run, name))


def test_the_owner_gets_in_from_where_he_logged_in_before(run: CoreRun) -> None:
    run.drop(run.login("ada", source="192.0.2.200"))
    run.drop(run.login("bob", source="192.0.2.201"))
    for number in range(100):
        guess(run, source=f"192.0.2.{number}")
    assert is_refused(guess(run, source="192.0.2.201", password=PASSWORD))
    for _ in range(30):
        run.drop(run.login("ada", source="192.0.2.200"))
    assert checked(run, lambda: [guess(run, source="192.0.2.200") for _ in range(50)]) == 20
    assert is_refused(guess(run, source="192.0.2.200", password=PASSWORD))


def test_who_logs_in_often_uses_nothing_up(run: CoreRun) -> None:
    for _ in range(50):
        run.drop(run.login("ada", source="192.0.2.1"))
    assert run.core.throttle.accounts == {}
    assert run.fresh_throttle().accounts == {}


def test_it_is_remembered_over_a_restart(run: CoreRun) -> None:
    for name in ("ada", "ada", "nobody", "#lobby"):
        guess(run, name)
    fresh = run.fresh_throttle()
    assert fresh.accounts == run.core.throttle.accounts
    assert fresh.networks == run.core.throttle.networks
    run.core.throttle = fresh
    assert checked(run, lambda: [guess(run) for _ in range(50)]) == 12


def test_it_counts_when_it_cannot_be_stored(run: CoreRun) -> None:
    run.writer.outcomes += ["failed"] * 100
    assert checked(run, lambda: [guess(run) for _ in range(50)]) == 16
    assert run.writer.commits["failed"] > 0


@pytest.mark.parametrize(("password", "counted"), [("wrong", 1), (PASSWORD, 0)])
def test_it_counts_for_who_has_hung_up_meanwhile_as_well(run: CoreRun, password: str, counted: int) -> None:
    peer = run.connect("192.0.2.1")
    run.queue(peer, *sasl("ada", password))
    run.step()
    assert len(run.core.throttle.accounts[ADA]) == 1
    run.waiting.appendleft(Gone(peer.session, "closed by the peer"))
    run.run()
    assert len(run.core.throttle.accounts.get(ADA, ())) == counted
    assert len(run.fresh_throttle().accounts.get(ADA, ())) == counted


def test_what_was_not_looked_at_does_not_count_and_may_be_tried_soon(run: CoreRun) -> None:
    peer = run.connect("192.0.2.1")
    run.queue(peer, *sasl("ada", "wrong"))
    run.step()
    answer = run.waiting.pop()
    assert isinstance(answer, Answer)
    run.waiting.append(Answer(answer.job, PoolFull()))
    run.run()
    assert peer.take()[1:] == [
        ":localhost FAIL AUTHENTICATE TRY_LATER 10 :too many attempts to log in; try again in 10 s",
        ":localhost 904 * :SASL authentication failed",
    ]
    assert run.core.throttle.accounts == {}


def test_exempt_networks_may_guess(run: CoreRun) -> None:
    def guess_freely() -> None:
        peer = run.connect("192.0.2.1")
        peer.session.exempt = True
        for _ in range(30):
            run.say(peer, *sasl("ada", "wrong"))

    assert checked(run, guess_freely) == 30
    assert run.core.throttle.accounts == {}


@pytest.mark.parametrize(
    ("line", "fail"),
    [("OPER ada wrong", "FAIL OPER"), (WRONG_PASSWD, "FAIL PASSWD")],
    ids=["OPER", "PASSWD"],
)
def test_oper_and_passwd_are_guesses_too(run: CoreRun, line: str, fail: str) -> None:
    bob = run.login("bob", source="192.0.2.1")

    def ask() -> list[str]:
        run.say(bob, line)
        return bob.take()

    assert checked(run, lambda: [ask() for _ in range(30)]) == 20
    [answer] = ask()
    assert f" {fail} TRY_LATER 600 :" in answer
    run.drop(bob)
    assert is_refused(guess(run, "bob", password=PASSWORD))


def test_a_device_token_is_no_guess(run: CoreRun) -> None:
    for _ in range(100):
        guess(run)
    token = "sct_" + "x" * 43
    assert not is_refused(guess(run, password=token))
    assert run.core.throttle.accounts[ADA] == run.core.throttle.networks["192.0.2.1"]


def test_who_guessed_once_is_forgotten(run: CoreRun) -> None:
    guess(run, "ada")
    guess(run, "nobody")
    run.pass_(HOUR - 1)
    assert set(run.core.throttle.accounts) == {ADA, key_of("nobody")}
    assert run.core.throttle.networks == {}
    run.pass_(61)
    assert run.core.throttle.accounts == {}


def test_people_from_known_networks_are_checked_first(run: CoreRun) -> None:
    run.drop(run.login("ada", source="192.0.2.1"))
    assert [first(run, source) for source in ("192.0.2.1", "192.0.2.2")] == [True, False]


def first(run: CoreRun, source: str) -> bool:
    peer: Peer = run.connect(source)
    run.queue(peer, *sasl("ada", "wrong"))
    [job] = run.core.turn(run.waiting).jobs
    return job.first


@pytest.mark.parametrize(("command", "line"), [("PASSWD", PASSWD), ("OPER", f"OPER ada :{PASSWORD}")])
def test_a_password_that_cannot_be_looked_up_is_to_be_tried_again(command: str, line: str, run: CoreRun) -> None:
    ada = run.login("ada", "")
    run.checking_fails_with = StoreBusy("made to fail")
    run.say(ada, line)
    assert ada.take() == [
        f":localhost FAIL {command} TEMPORARILY_UNAVAILABLE :this cannot be checked now; try again in a few seconds"
    ]
    run.checking_fails_with = None
    run.say(ada, line)
    assert "FAIL" not in ada.take()[0]
