"""Second factors at rest: what is kept of them, how they end, and what a running server is told of that."""

from __future__ import annotations

import time

import pytest

from securechat.auth import totp as secrets
from securechat.store import audit
from securechat.store.accounts import Accounts, NoSuchAccount
from securechat.store.audit import Wanted
from securechat.store.database import Database, driver
from securechat.store.rows import CodeUsed, RecoveryCodeUsed, TokenStored
from securechat.store.tokens import Tokens
from securechat.store.totp import FactorExists, Factors, NewFactor, NoFactor
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

DAY = 24 * 3600 * 1000


@pytest.fixture
def factors(database: Database, accounts: Accounts) -> Factors:
    return Factors(database)


def enabled(factors: Factors, name: str = "bob") -> list[str]:
    """The digests of its recovery codes."""
    digests = [secrets.digest(code) for code in secrets.new_recovery_codes()]
    factors.enable(name, NewFactor(secrets.new_secret(), 7, digests))
    return digests


def step(accounts: Accounts, name: str = "bob") -> int | None:
    found = accounts.credentials(name)
    assert found is not None
    return None if found.totp is None else found.totp.step


def test_a_login_finds_the_secret_and_the_newest_used_step(factors: Factors, accounts: Accounts) -> None:
    before = time.time_ns() // 1_000_000
    factors.enable("bOB", NewFactor("SECRET", 7, ["digest"]))
    found = accounts.credentials("bob")
    assert found is not None
    assert found.totp is not None
    assert (found.totp.secret, found.totp.step) == ("SECRET", 7)
    assert found.account.factor is not None
    assert found.account.factor >= before
    assert found.account == accounts.required("bob")
    assert "SECRET" not in repr(found)
    assert "SECRET" not in repr(NewFactor("SECRET", 7, []))
    assert step(accounts, "ada") is None
    assert accounts.required("ada").factor is None


def test_used_steps_only_rise(factors: Factors, accounts: Accounts, writer: Writer) -> None:
    enabled(factors)
    enabled(factors, "ada")
    for used, newest in ((9, 9), (8, 9), (10, 10)):
        writer.commit([CodeUsed(BOB, used)])
        assert step(accounts) == newest
    assert step(accounts, "ada") == 7


def test_a_used_recovery_code_is_good_no_more_and_the_server_is_told(factors: Factors, writer: Writer) -> None:
    first, second, *_ = enabled(factors)
    writer.commit([RecoveryCodeUsed(first, 5)])
    assert [factors.holds(BOB, digest) for digest in (first, second)] == [False, True]
    assert not factors.holds(ADA, second)
    writer.changed()
    renewed = [secrets.digest(code) for code in secrets.new_recovery_codes()]
    factors.renew_recovery_codes("bob", renewed)
    [change] = writer.changed()
    assert {first, second} <= change.revoked
    assert not change.revoked & set(renewed)
    assert [factors.holds(BOB, digest) for digest in (second, renewed[0])] == [False, True]


def test_enabling_revokes_the_tokens_from_before_and_tells_the_server(
    factors: Factors, database: Database, writer: Writer
) -> None:
    now = time.time_ns() // 1_000_000
    tokens = Tokens(database)
    old, adas = tokens.add("bob", "old", b"old", now + DAY), tokens.add("ada", "hers", b"hers", now + DAY)
    writer.changed()
    enabled(factors)
    [change] = writer.changed()
    assert change.account.factor is not None
    assert (old in change.revoked, adas in change.revoked) == (True, False)
    tokens.add("bob", "new", b"new", now + DAY)
    assert [tokens.find(owner, digest, now) is not None for owner, digest in
            (("bob", b"old"), ("bob", b"new"), ("ada", b"hers"))] == [False, True, True]  # fmt: skip


@pytest.mark.parametrize(
    ("passed", "kept"),
    [(lambda factor: None, False), (lambda factor: factor - 1, False), (lambda factor: factor, True)],
)
def test_a_token_that_a_turn_makes_meanwhile_needs_the_factor_too(
    factors: Factors, database: Database, accounts: Accounts, writer: Writer, passed: object, kept: bool
) -> None:
    enabled(factors)
    factor = passed(accounts.required("bob").factor)
    writer.commit([TokenStored("0badcafe", BOB, "late", b"late", 1, 2, 1, factor)])
    assert bool(Tokens(database).listing("bob")) == kept
    factors.disable("bob")
    writer.commit([TokenStored("0badcaff", BOB, "later", b"later", 1, 2, 1, factor)])
    assert "0badcaff" in {one.id for one in Tokens(database).listing("bob")}


def test_it_ends_whole(factors: Factors, accounts: Accounts, database: Database, writer: Writer) -> None:
    digests = enabled(factors)
    writer.changed()
    factors.disable("bob")
    [change] = writer.changed()
    assert change.account.factor is None
    assert step(accounts) is None
    assert not factors.holds(BOB, digests[0])
    enabled(factors)
    accounts.delete("bob", release_name=True)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM totp").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) - count(revoked_at) FROM recovery_code").scalar() == 0


def test_the_listing_counts_what_is_left_of_the_recovery_codes(
    factors: Factors, accounts: Accounts, writer: Writer
) -> None:
    digests = enabled(factors)
    writer.commit([RecoveryCodeUsed(digest, 5) for digest in digests[:3]])
    accounts.add("cyd", b"")
    accounts.delete("cyd")
    found = [(one.account.name, one.account.factor is not None, one.recovery_codes) for one in factors.listing()]
    assert found == [("Ada", False, 0), ("Bob", True, 7)]


def test_one_at_a_time_and_of_accounts_that_are_there(factors: Factors) -> None:
    with pytest.raises(NoFactor, match="totp enable Bob"):
        factors.disable("bob")
    with pytest.raises(NoFactor):
        factors.renew_recovery_codes("bob", ["digest"])
    enabled(factors)
    with pytest.raises(FactorExists, match="totp disable Bob"):
        enabled(factors)
    with pytest.raises(NoSuchAccount):
        enabled(factors, "nobody")


def test_each_act_is_in_the_audit_log_without_a_secret(factors: Factors, database: Database) -> None:
    enabled(factors)
    factors.renew_recovery_codes("bob", ["digest"])
    factors.disable("bob")
    with database.read() as connection:
        rows = [entry.row for entry in audit.behind(driver(connection), Wanted("bob"), 0, 10)]
    assert [(row.act, row.subject, row.detail) for row in rows][1:] == [
        ("totp.enable", "Bob", ""),
        ("totp.recovery", "Bob", ""),
        ("totp.disable", "Bob", ""),
    ]
