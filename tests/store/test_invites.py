"""Invites at rest: what they open, how they end, and what becomes of the account that is made for one."""

from __future__ import annotations

import time

import pytest

from securechat.auth import invites as secrets
from securechat.protocol.invites import password_of
from securechat.store import invites as store
from securechat.store.accounts import UNSET, AccountExists, Accounts, BadName, NoSuchAccount
from securechat.store.database import Database
from securechat.store.invites import HOUR, HasPassword, Invites, NewInvite, NoInvite, Opened
from securechat.store.rows import InviteUsed, PasswordStored
from securechat.store.totp import Factors, NewFactor
from securechat.store.writer import Writer

NOW = time.time_ns() // 1_000_000


@pytest.fixture
def invites(database: Database, accounts: Accounts) -> Invites:
    return Invites(database, ["#lobby"])


def new(channel: str = "", expires: int = NOW + HOUR) -> NewInvite:
    return NewInvite(secrets.digest(password_of(secrets.new())), channel, expires)


def invited(invites: Invites, name: str = "dora", made: NewInvite | None = None) -> NewInvite:
    made = made or new()
    invites.open(name, made, b"unset", admin=False)
    return made


def state(invites: Invites, made: NewInvite, name: str = "dora", now: int = NOW) -> str | None:
    found = invites.find(name, made.digest, now)
    return None if found is None else found.state


def test_it_makes_an_account_without_a_password(invites: Invites, accounts: Accounts) -> None:
    made = new("#ops")
    assert invites.open("Dora", made, b"unset", admin=True) == Opened("Dora", created=True, replaced=False)
    found = invites.find("dORA", made.digest, NOW)
    assert found is not None
    assert (found.state, found.channel, found.account) == ("open", "#ops", accounts.required("dora"))
    assert (found.account.role, found.account.password_version) == ("admin", UNSET)
    assert [member.channel for member in found.members] == ["#lobby"]
    credentials = accounts.credentials("dora")
    assert credentials is not None
    assert credentials.hash == b"unset"


def test_it_opens_no_other_account_and_nothing_else_opens_it(invites: Invites) -> None:
    made = invited(invites)
    assert state(invites, made, "bob") is None
    assert state(invites, made, "nobody") is None
    assert state(invites, new()) is None


def test_it_ends_by_itself(invites: Invites) -> None:
    made = invited(invites)
    assert state(invites, made, now=made.expires - 1) == "open"
    assert state(invites, made, now=made.expires) == "expired"


def test_another_one_takes_its_place_and_the_server_is_told(
    invites: Invites, accounts: Accounts, writer: Writer
) -> None:
    first = invited(invites)
    found = invites.find("dora", first.digest, NOW)
    assert found is not None
    writer.changed()
    second = new()
    assert invites.open("dora", second, b"other", admin=False) == Opened("dora", created=False, replaced=True)
    assert (state(invites, first), state(invites, second)) == ("revoked", "open")
    [change] = writer.changed()
    assert change.revoked == {found.invite}
    credentials = accounts.credentials("dora")
    assert credentials is not None
    assert credentials.hash == b"unset"


def test_an_invited_member_may_become_an_admin(invites: Invites, accounts: Accounts) -> None:
    invited(invites)
    invites.open("dora", new(), b"unset", admin=True)
    assert accounts.required("dora").admin
    invites.open("dora", new(), b"unset", admin=False)
    assert accounts.required("dora").admin


def test_it_is_used_up_with_the_first_password(invites: Invites, accounts: Accounts, writer: Writer) -> None:
    made = invited(invites)
    found = invites.find("dora", made.digest, NOW)
    assert found is not None
    writer.commit([PasswordStored(found.account.id, b"chosen", 1), InviteUsed(found.invite, NOW)])
    assert state(invites, made) == "used"
    assert invites.expiries(NOW) == {}
    with pytest.raises(HasPassword, match="securechat passwd dora"):
        invites.open("dora", new(), b"unset", admin=False)


def test_who_has_a_password_needs_none(invites: Invites) -> None:
    with pytest.raises(HasPassword, match="account 'Bob' has a password of its own already"):
        invited(invites, "BOB")


def test_the_name_must_be_one_that_is_free(invites: Invites, accounts: Accounts) -> None:
    accounts.delete("bob")
    with pytest.raises(AccountExists, match="reserved"):
        invited(invites, "bob")
    with pytest.raises(BadName):
        invited(invites, "no name")
    assert invites.expiries(NOW) == {}


@pytest.mark.parametrize("way", ["revoke", "passwd", "totp"])
def test_it_is_withdrawn_by_whatever_opens_the_account_otherwise(
    invites: Invites, accounts: Accounts, database: Database, way: str
) -> None:
    made = invited(invites)
    if way == "revoke":
        assert invites.revoke("DORA") == "dora"
    elif way == "passwd":
        accounts.set_password("dora", b"set")
    else:
        Factors(database).enable("dora", NewFactor("secret", 0, ["digest"]))
    assert state(invites, made) == "revoked"


def test_it_goes_with_the_account(invites: Invites, accounts: Accounts) -> None:
    made = invited(invites)
    accounts.delete("dora")
    assert state(invites, made) is None
    accounts.delete("dora", release_name=True)
    invites.open("dora", new(), b"unset", admin=False)
    assert state(invites, made) is None


def test_only_an_open_one_can_be_revoked(invites: Invites) -> None:
    with pytest.raises(NoInvite, match="'Bob'"):
        invites.revoke("bob")
    with pytest.raises(NoSuchAccount):
        invites.revoke("nobody")


def test_the_accounts_that_wait_are_known_with_their_time(invites: Invites, accounts: Accounts) -> None:
    invited(invites, "dora", new(expires=NOW + HOUR))
    invited(invites, "emil", new(expires=NOW - 1))
    assert invites.expiries(NOW) == {accounts.required("dora").id: NOW + HOUR}


def test_it_is_forgotten_once_it_has_been_void_for_long(invites: Invites, database: Database) -> None:
    old, fresh = invited(invites, "dora", new(expires=1)), invited(invites, "emil")
    with database.write() as connection:
        store.prune(connection)
    assert state(invites, old) is None
    assert state(invites, fresh, "emil") == "open"
