"""A second factor at the login: what is asked for, that each code opens one login, and what enabling it ends."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from msgspec.structs import replace

from securechat import config
from securechat.auth import passwords, tokens
from securechat.auth import totp as secrets
from securechat.protocol.http import Request
from securechat.store import totp as store
from tests.codes import App
from tests.core import HASH, PASSWD, SETTINGS, CoreRun, Peer, registration
from tests.running import PASSWORD
from tests.server.http.test_routes import outcome

LATER = 10 * 365 * 24 * 3600 * 1000  # milliseconds
MISSING = ":localhost FAIL AUTHENTICATE SECOND_FACTOR_REQUIRED :"
REFUSED = ":localhost 904 {} :SASL authentication failed"


@pytest.fixture
def app(run: CoreRun) -> App:
    """Bob's."""
    app = App(run.factors, "bob")
    run.look()
    return app


@pytest.fixture
def strict(template: Path, tmp_path: Path) -> Iterator[CoreRun]:
    """A server whose administrators must have a second factor."""
    auth = config.Auth(bcrypt_rounds=SETTINGS.auth.bcrypt_rounds, totp_required_for=("admin",))
    with CoreRun(template, tmp_path / "strict", replace(SETTINGS, auth=auth)) as run:
        yield run


def answer(run: CoreRun, secret: str, name: str = "bob", *, exempt: bool = False) -> list[str]:
    """What a login is told of its outcome; `exempt` from the limit of guesses."""
    peer = run.connect()
    peer.session.exempt = exempt
    run.say(peer, *registration(name, "", secret))
    lines = peer.take()
    return lines[lines.index("AUTHENTICATE +") + 1 :]


def opens(run: CoreRun, secret: str, name: str = "bob") -> bool:
    return answer(run, secret, name)[-1] == f":localhost 903 {name} :SASL authentication successful"


def token(run: CoreRun, name: str = "bob") -> str:
    secret = tokens.new()
    run.tokens.add(name, "laptop", tokens.digest(secret), int(run.now * 1000) + LATER)
    return secret


# What is asked for


def test_the_password_with_a_code_behind_it_opens_the_account(run: CoreRun, app: App) -> None:
    bob = run.login("bob", secret=f"{PASSWORD}:{app.code(run.now)}")
    run.say(bob, "PRIVMSG #lobby :hello")
    assert run.texts() == ["hello"]


def test_the_log_says_by_which_code_somebody_came(run: CoreRun, app: App, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recovery, secret = app.recovery_codes[0], token(run)
    for behind in (f"{PASSWORD}:{app.code(run.now)}", f"{PASSWORD}:{recovery}", secret):
        run.login("bob", secret=behind)
    ways = [line.partition(" by ")[2] for line in caplog.messages if line.startswith("admitted bob")]
    assert ways[:2] == ["password and code", "password and recovery code"]
    assert ways[2].startswith("token ")
    assert recovery not in caplog.text


def test_the_password_alone_is_told_what_is_missing(run: CoreRun, app: App) -> None:
    text = "this account has a second factor: put its code behind the password, as password:123456"
    assert answer(run, PASSWORD) == [MISSING + text, REFUSED.format("bob")]


def test_who_does_not_know_the_password_learns_nothing_of_the_factor(run: CoreRun, app: App) -> None:
    code, recovery = app.code(run.now), app.recovery_codes[0]
    wrong = [f"wrong{behind}" for behind in ("", f":{code}", f":{recovery}", f":{app.wrong(run.now)}")]
    told = [answer(run, secret, name) for name in ("bob", "cyd", "nobody") for secret in wrong]
    assert told == [[REFUSED.format(name)] for name in ("bob", "cyd", "nobody") for _ in wrong]


def test_a_wrong_code_is_told_the_same_as_a_wrong_password(run: CoreRun, app: App) -> None:
    others = secrets.new_recovery_codes()[0]
    for code in (app.wrong(run.now), app.code(run.now - 90), app.code(run.now + 90), others):
        assert answer(run, f"{PASSWORD}:{code}") == [REFUSED.format("bob")]


def test_a_wrong_code_counts_as_a_guess_and_a_missing_one_does_not(run: CoreRun, app: App) -> None:
    assert all(answer(run, PASSWORD)[0].startswith(MISSING) for _ in range(30))
    told = [answer(run, f"{PASSWORD}:{app.wrong(run.now)}")[0].split()[1:4] for _ in range(30)]
    refused = told.index(["FAIL", "AUTHENTICATE", "TRY_LATER"])
    assert refused == SETTINGS.limits.guesses_per_address * 4 // 5
    assert all(line[2:3] == ["TRY_LATER"] for line in told[refused:])
    assert answer(run, f"{PASSWORD}:{app.code(run.now)}")[0].split()[3] == "TRY_LATER"


def hashes(run: CoreRun, name: str, secret: str) -> int:
    """How many a login computes."""
    count = 0

    def called(frame: object, event: str, function: object) -> None:
        nonlocal count
        count += event == "c_call" and function in (bcrypt.checkpw, bcrypt.hashpw)

    sys.setprofile(called)
    try:
        answer(run, secret, name, exempt=True)
    finally:
        sys.setprofile(None)
    return count


def test_a_login_costs_one_hash_whatever_was_given(run: CoreRun, app: App) -> None:
    """Nobody can tell accounts with a second factor from those without, or from none, by the time it takes."""
    secrets = [
        f"{password}{behind}"
        for password in (PASSWORD, "wrong")
        for behind in ("", f":{app.code(run.now)}", f":{app.wrong(run.now)}", f":{app.recovery_codes[0]}")
    ]
    assert {hashes(run, name, secret) for name in ("bob", "cyd", "nobody") for secret in secrets} == {1}


def test_a_password_that_ends_like_a_code_is_whole_without_a_second_factor(run: CoreRun) -> None:
    odd = f"{PASSWORD}:123456"
    run.accounts.set_password("cyd", passwords.hash(odd, 4))
    run.look()
    assert opens(run, odd, "cyd")
    assert not opens(run, PASSWORD, "cyd")
    app = App(run.factors, "cyd")
    run.look()
    assert opens(run, f"{odd}:{app.code(run.now)}", "cyd")


def test_a_hash_of_another_cost_is_replaced_by_one_of_the_password_alone(run: CoreRun, app: App) -> None:
    run.accounts.set_password("bob", passwords.hash(PASSWORD, 5))
    run.look()
    assert opens(run, f"{PASSWORD}:{app.code(run.now)}")
    found = run.accounts.credentials("bob")
    assert found is not None
    assert not passwords.needs_rehash(found.hash, 4)
    assert passwords.check(PASSWORD, found.hash)


# Each code once


def test_a_code_opens_one_login(run: CoreRun, app: App) -> None:
    code = f"{PASSWORD}:{app.code(run.now)}"
    assert opens(run, code)
    assert answer(run, code) == [REFUSED.format("bob")]


def test_nor_does_an_earlier_one_after_it(run: CoreRun, app: App) -> None:
    earlier, code, later = (f"{PASSWORD}:{app.code(run.now + off)}" for off in (-30, 0, 30))
    assert opens(run, code)
    assert not opens(run, earlier)
    assert opens(run, later)


def test_a_code_is_used_up_over_a_restart(run: CoreRun, app: App) -> None:
    code = f"{PASSWORD}:{app.code(run.now)}"
    recovery = f"{PASSWORD}:{app.recovery_codes[0]}"
    assert opens(run, code)
    assert opens(run, recovery)
    run.core.directory = run.fresh()
    assert not opens(run, code)
    assert not opens(run, recovery)


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_of_two_logins_at_the_same_moment_one_is_let_in(run: CoreRun, app: App, kind: str) -> None:
    """Both are looked up before either is handled."""
    secret = f"{PASSWORD}:{app.code(run.now) if kind == 'code' else app.recovery_codes[3].upper()}"
    first, second = run.connect(), run.connect()
    run.queue(first, *registration("bob", "", secret))
    run.queue(second, *registration("bob", "", secret))
    run.run()
    assert sorted(peer.take()[-1].split()[1] for peer in (first, second)) == ["903", "904"]


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_a_store_that_cannot_keep_it_lets_nobody_in(run: CoreRun, app: App, kind: str) -> None:
    secret = f"{PASSWORD}:{app.code(run.now) if kind == 'code' else app.recovery_codes[0]}"
    peer = run.connect()
    run.queue(peer, *registration("bob", "", secret))
    run.step()
    run.writer.outcomes.append("failed")
    run.run()
    failed, refused = peer.take()[-2:]
    assert failed.startswith(":localhost FAIL AUTHENTICATE TRY_LATER")
    assert refused == REFUSED.format("bob")
    assert opens(run, secret)


def test_each_recovery_code_opens_one_login_in_any_spelling(run: CoreRun, app: App) -> None:
    for code in app.recovery_codes:
        assert opens(run, f"{PASSWORD}:{code.replace('-', '')}")
        assert not opens(run, f"{PASSWORD}:{code}")
    assert run.factors.listing()[1].recovery_codes == 0


def test_replaced_recovery_codes_are_worth_nothing(run: CoreRun, app: App) -> None:
    """Not even to a login whose code was looked up before they were."""
    new = secrets.new_recovery_codes()
    late = run.connect()
    run.queue(late, *registration("bob", "", f"{PASSWORD}:{app.recovery_codes[0]}"))
    run.step()
    run.factors.renew_recovery_codes("bob", [secrets.digest(code) for code in new])
    run.look()
    assert late.take()[-1] == REFUSED.format("bob")
    assert not opens(run, f"{PASSWORD}:{app.recovery_codes[1]}")
    assert opens(run, f"{PASSWORD}:{new[0]}")


# Enabling and disabling it


def test_enabling_it_ends_what_was_opened_without(run: CoreRun) -> None:
    secret = token(run)
    sessions = [run.login("bob"), run.login("bob", secret=secret)]
    ada = run.login("ada", "")
    run.say(ada, f"OPER ada :{PASSWORD}")
    app = App(run.factors, "bob")
    run.look()
    assert sessions[0].closed == "this account has a second factor, which this login did not pass"
    assert sessions[1].closed == "the device token of this session was revoked"
    assert answer(run, secret) == [REFUSED.format("bob")]
    assert ada.closed is None
    run.login("bob", secret=f"{PASSWORD}:{app.code(run.now)}")


def test_a_login_that_its_enabling_overtook_opens_nothing(run: CoreRun) -> None:
    peer, admitted_late = run.connect(), run.connect()
    run.say(admitted_late, *registration("bob", ""))
    run.queue(peer, *registration("bob", ""))
    run.step()
    App(run.factors, "bob")
    run.look()
    assert peer.take()[-2].startswith(MISSING)
    run.say(admitted_late, "CAP END")
    assert admitted_late.closed == "the login is no longer valid"


def test_a_code_of_a_factor_that_was_replaced_opens_nothing(run: CoreRun, app: App) -> None:
    secret, peer = f"{PASSWORD}:{app.code(run.now)}", run.connect()
    run.queue(peer, *registration("bob", "", secret))
    run.step()
    run.factors.disable("bob")
    again = App(run.factors, "bob")
    run.look()
    assert peer.take()[-1] == REFUSED.format("bob")
    assert not opens(run, secret)
    assert opens(run, f"{PASSWORD}:{again.code(run.now)}")


def test_who_passed_it_stays_when_it_is_disabled(run: CoreRun, app: App) -> None:
    bob = run.login("bob", secret=f"{PASSWORD}:{app.code(run.now)}")
    run.factors.disable("bob")
    run.look()
    assert bob.closed is None
    assert opens(run, PASSWORD)
    assert not opens(run, f"{PASSWORD}:{app.code(run.now + 30)}")


def test_a_token_made_since_has_passed_it(run: CoreRun, app: App) -> None:
    bob = run.login("bob", secret=token(run))
    run.factors.renew_recovery_codes("bob", ["digest"])
    run.look()
    assert bob.closed is None


def test_a_new_password_keeps_the_factor(run: CoreRun, app: App) -> None:
    """PASSWD asks for no code: the session has passed the factor."""
    bob = run.login("bob", secret=f"{PASSWORD}:{app.code(run.now)}")
    run.say(bob, PASSWD)
    assert "PASSWORD_CHANGED" in bob.take()[-1]
    assert bob.closed is None
    assert answer(run, "quite another battery")[0].startswith(MISSING)
    assert opens(run, f"quite another battery:{app.code(run.now + 30)}")
    run.accounts.set_password("bob", HASH)
    run.look()
    assert answer(run, PASSWORD)[0].startswith(MISSING)


def test_a_deleted_accounts_factor_is_not_its_name_s_next_owner_s(run: CoreRun, app: App) -> None:
    run.accounts.delete("bob", release_name=True)
    run.accounts.add("bob", HASH)
    run.look()
    assert opens(run, PASSWORD)


# Where it must be there


def test_who_must_have_one_is_told_what_the_operator_types(strict: CoreRun) -> None:
    told, refused = answer(strict, PASSWORD, "ada")
    assert told == (
        ":localhost FAIL AUTHENTICATE SECOND_FACTOR_NOT_ENABLED :this account must have a second factor, and has none; "
        "ask the operator of this server to type: securechat totp enable ada"
    )
    assert refused == REFUSED.format("ada")
    assert answer(strict, token(strict, "ada"), "ada")[0] == told
    assert answer(strict, "wrong", "ada") == [REFUSED.format("ada")]
    assert opens(strict, PASSWORD)
    app = App(strict.factors, "ada")
    strict.look()
    assert opens(strict, f"{PASSWORD}:{app.code(strict.now)}", "ada")


def test_metrics_are_told_the_same(strict: CoreRun) -> None:
    status, text = outcome(strict.ask(Request("GET", "/metrics", f"Bearer {token(strict, 'ada')}")))
    assert (status, text.endswith("type: securechat totp enable ada\n")) == (403, True)
    App(strict.factors, "ada")
    strict.look()
    status, _ = outcome(strict.ask(Request("GET", "/metrics", f"Bearer {token(strict, 'ada')}")))
    assert status == 200


def test_who_becomes_an_administrator_needs_one_from_then_on(strict: CoreRun) -> None:
    bob = strict.login("bob")
    strict.accounts.set_role("bob", "admin")
    strict.look()
    assert bob.closed == "this account must have a second factor, and has none"


# OPER


@pytest.fixture
def cyd(run: CoreRun) -> Peer:
    return run.login("cyd", "")


def oper(run: CoreRun, peer: Peer, secret: str) -> list[str]:
    run.say(peer, f"OPER ada :{secret}")
    return [" ".join(line.split()[1:4]) for line in peer.take()]


def test_oper_takes_the_administrators_factor_and_its_code_once(run: CoreRun, cyd: Peer) -> None:
    app = App(run.factors, "ada")
    run.look()
    secret = f"{PASSWORD}:{app.code(run.now)}"
    assert oper(run, cyd, PASSWORD) == ["FAIL OPER SECOND_FACTOR_REQUIRED", "464 cyd :Password"]
    assert oper(run, cyd, f"{PASSWORD}:{app.wrong(run.now)}") == ["464 cyd :Password"]
    assert oper(run, cyd, secret) == ["381 cyd :You", "MODE cyd +o"]
    assert oper(run, cyd, secret) == ["464 cyd :Password"]
    assert not opens(run, secret, "ada")


def test_who_said_oper_without_it_is_no_operator_once_it_is_enabled(run: CoreRun, cyd: Peer) -> None:
    oper(run, cyd, PASSWORD)
    App(run.factors, "ada")
    run.look()
    cyd.take()
    run.say(cyd, "KILL bob :x")
    assert " 481 " in cyd.take()[-1]


def test_oper_is_not_for_administrators_who_must_have_it_and_have_not(strict: CoreRun) -> None:
    cyd = strict.login("cyd", "")
    assert oper(strict, cyd, PASSWORD) == ["FAIL OPER SECOND_FACTOR_NOT_ENABLED", "464 cyd :Password"]


def test_recovery_codes_that_are_void_are_forgotten_at_the_next_start(run: CoreRun, app: App) -> None:
    assert opens(run, f"{PASSWORD}:{app.recovery_codes[0]}")
    with run.database.write() as connection:
        store.prune(connection)
        left = connection.exec_driver_sql("SELECT count(*), count(revoked_at) FROM recovery_code").one()
    assert tuple(left) == (9, 0)
