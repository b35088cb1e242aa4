"""Device tokens at rest: which one opens what, how they end, and what a running server is told of that."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from securechat.auth import tokens as secrets
from securechat.store import tokens as store
from securechat.store.accounts import Accounts, NoSuchAccount
from securechat.store.database import Database
from securechat.store.rows import MemberStored, TokensRevoked, TokenUsed
from securechat.store.tokens import BadTokenName, NoSuchToken, Tokens
from securechat.store.writer import Writer
from tests.store.conftest import BOB

NOW = time.time_ns() // 1_000_000
DAY = 24 * 3600 * 1000


@pytest.fixture
def tokens(database: Database, accounts: Accounts) -> Tokens:
    return Tokens(database)


def made(tokens: Tokens, owner: str = "bob", name: str = "laptop", expires: int = NOW + DAY) -> tuple[str, bytes]:
    """Its id and digest."""
    digest = secrets.digest(secrets.new())
    return tokens.add(owner, name, digest, expires), digest


def counts(tokens: Tokens, digest: bytes, owner: str = "bob", now: int = NOW) -> bool:
    return tokens.find(owner, digest, now) is not None


def test_a_token_opens_its_account_under_any_case_of_the_name(tokens: Tokens, accounts: Accounts) -> None:
    ident, digest = made(tokens)
    found = tokens.find("bOB", digest, NOW)
    assert found is not None
    assert (found.token, found.account) == (ident, accounts.required("bob"))
    assert found.members == (MemberStored("#lobby", BOB, 0),)


def test_it_opens_no_other_account_and_nothing_else_opens_it(tokens: Tokens) -> None:
    _, digest = made(tokens)
    assert not counts(tokens, digest, "ada")
    assert not counts(tokens, digest, "nobody")
    assert not counts(tokens, secrets.digest(secrets.new()))


def test_it_ends_by_itself(tokens: Tokens) -> None:
    _, digest = made(tokens, expires=NOW + DAY)
    assert counts(tokens, digest, now=NOW + DAY - 1)
    assert not counts(tokens, digest, now=NOW + DAY)


def test_a_revoked_one_opens_nothing_and_the_server_is_told(tokens: Tokens, writer: Writer) -> None:
    (one, digest), (other, _), (_, kept) = made(tokens), made(tokens), made(tokens)
    writer.changed()
    tokens.revoke([one, other])
    assert not counts(tokens, digest)
    assert counts(tokens, kept)
    [change] = writer.changed()
    assert (change.account.name, change.revoked) == ("Bob", {one, other})


def test_all_or_none_are_revoked(tokens: Tokens) -> None:
    ident, digest = made(tokens)
    with pytest.raises(NoSuchToken, match="tokens list"):
        tokens.revoke([ident, "00000000"])
    assert counts(tokens, digest)


def test_all_of_an_account_are_revoked_and_nobody_elses(tokens: Tokens) -> None:
    (_, one), (_, other), (_, adas) = made(tokens), made(tokens), made(tokens, "ada")
    tokens.revoke_all("bob")
    assert not counts(tokens, one)
    assert not counts(tokens, other)
    assert counts(tokens, adas, "ada")


def test_a_new_password_revokes_them_all(tokens: Tokens, accounts: Accounts, writer: Writer) -> None:
    ident, digest = made(tokens)
    writer.changed()
    accounts.set_password("bob", b"new")
    assert not counts(tokens, digest)
    [change] = writer.changed()
    assert change.revoked == {ident}


def test_ones_own_new_password_keeps_one(tokens: Tokens, writer: Writer) -> None:
    (kept, one), (_, other), (_, adas) = made(tokens), made(tokens), made(tokens, "ada")
    writer.commit([TokensRevoked(BOB, kept, NOW)])
    assert [counts(tokens, one), counts(tokens, other), counts(tokens, adas, "ada")] == [True, False, True]
    writer.commit([TokensRevoked(BOB, "", NOW)])
    assert not counts(tokens, one)


def test_they_end_with_the_account_and_rest_with_its_suspension(tokens: Tokens, accounts: Accounts) -> None:
    _, digest = made(tokens)
    accounts.suspend("bob")
    found = tokens.find("bob", digest, NOW)
    assert found is not None
    assert found.account.suspended
    accounts.resume("bob")
    assert counts(tokens, digest)
    accounts.delete("bob", release_name=True)
    accounts.add("bob", b"another")
    assert not counts(tokens, digest)


def test_the_last_use_is_listed(tokens: Tokens, writer: Writer) -> None:
    ident, _ = made(tokens, name="Bob's laptop")
    made(tokens, "ada")
    writer.commit([TokenUsed(ident, NOW + 5, "192.0.2.1")])
    [listed] = tokens.listing("BOB")
    assert (listed.id, listed.account, listed.name) == (ident, "Bob", "Bob's laptop")
    assert (listed.last_used, listed.address, listed.revoked_at) == (NOW + 5, "192.0.2.1", None)
    assert [one.account for one in tokens.listing()] == ["Ada", "Bob"]


def test_the_listing_says_what_became_of_each(tokens: Tokens) -> None:
    (revoked, _), (active, _), (expired, _) = made(tokens), made(tokens), made(tokens, expires=NOW - 1)
    tokens.revoke([revoked])
    states = {one.id: one.state(NOW) for one in tokens.listing()}
    assert states == {revoked: "revoked", active: "active", expired: "expired"}


def test_what_has_been_void_for_long_is_forgotten(tokens: Tokens, database: Database) -> None:
    (old, _), (recent, _), (active, _), _ = (
        made(tokens),
        made(tokens),
        made(tokens),
        made(tokens, expires=NOW - 31 * DAY),
    )
    tokens.revoke([old, recent])
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE token SET revoked_at = ? WHERE id = ?", (NOW - 31 * DAY, old))
    with database.write() as opened:
        store.prune(opened)
    assert {one.id for one in tokens.listing()} == {recent, active}


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J", "x" * 65])
def test_names_that_could_not_be_shown_are_refused(tokens: Tokens, name: str) -> None:
    with pytest.raises(BadTokenName):
        made(tokens, name=name)


def test_only_who_exists_has_any(tokens: Tokens) -> None:
    for refused in (tokens.listing, tokens.revoke_all, lambda name: made(tokens, name)):
        with pytest.raises(NoSuchAccount):
            refused("nobody")


def test_no_secret_is_stored(tokens: Tokens, database: Database) -> None:
    secret = secrets.new()
    tokens.add("bob", "laptop", secrets.digest(secret), NOW + DAY)
    files = b"".join(path.read_bytes() for path in database.path.parent.iterdir())
    assert secrets.digest(secret) in files
    assert secret.encode() not in files
