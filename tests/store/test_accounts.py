"""What administrators do to accounts, and what a running server is told of it."""

from __future__ import annotations

import pytest

from securechat.store import changes, history, snapshot
from securechat.store.accounts import AccountExists, Accounts, BadName, NewAccount, NoSuchAccount
from securechat.store.database import Database
from securechat.store.rows import ChannelStored, EntryStored, MemberStored
from securechat.store.writer import Writer
from tests.store.conftest import ADA, BOB

LAB = ChannelStored("#lab", "#lab", 5, "", "", 0, "nt", None, None)


def members(database: Database, channel: str = "#lobby") -> dict[int, int]:
    with database.read() as connection:
        return {one.account: one.role for one in snapshot.load(connection).members if one.channel == channel}


def test_new_accounts_are_members_of_the_autojoin_channels(database: Database, accounts: Accounts) -> None:
    assert members(database) == {ADA: 0, BOB: 0}
    assert accounts.required("ADA").admin
    assert not accounts.required("bob").admin


@pytest.mark.parametrize("name", ["ada", "ADA", "Ada"])
def test_a_name_is_given_once_whatever_its_case(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountExists, match="securechat passwd Ada"):
        accounts.add(name, b"")
    with pytest.raises(AccountExists):
        accounts.check_free(name)


@pytest.mark.parametrize("name", ["", "1st", "a b", "-a", "#a", "a" * 33, "ä", "a\n", "a:b"])
def test_names_that_irc_cannot_carry_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(BadName, match="expected a letter"):
        accounts.add(name, b"")


def test_many_are_added_together_or_not_at_all(database: Database, accounts: Accounts) -> None:
    people = [NewAccount("carl", b"c"), NewAccount("dora", b"d", "admin")]
    with pytest.raises(AccountExists):
        accounts.add_all([*people, NewAccount("bob", b"")])
    assert len(accounts.listing()) == 2
    accounts.add_all(people)
    assert sorted(members(database).values()) == [0, 0, 0, 0]


def test_credentials_are_those_of_people_who_exist(accounts: Accounts) -> None:
    found = accounts.credentials("bOB")
    assert found is not None
    assert (found.account, found.hash) == (accounts.required("bob"), b"bob's hash")
    assert found.members == (MemberStored("#lobby", BOB, 0),)
    assert "hash" not in repr(found)
    assert accounts.credentials("nobody") is None
    accounts.suspend("bob")
    found = accounts.credentials("bob")
    assert found is not None
    assert found.account.suspended
    accounts.delete("bob")
    assert accounts.credentials("bob") is None


def test_the_server_hears_of_every_change(accounts: Accounts, writer: Writer) -> None:
    before = writer.changed()
    assert [one.account.name for one in before] == ["Ada", "Bob"]
    assert before[0].members == (MemberStored("#lobby", ADA, 0),)
    assert writer.changed() == []
    version = before[1].account.password_version

    accounts.set_password("bob", b"new")
    [one] = writer.changed()
    assert one.account.password_version > version
    accounts.suspend("bob")
    [one] = writer.changed()
    assert one.account.suspended
    accounts.resume("bob")
    accounts.set_role("bob", "admin")
    [one] = writer.changed()
    assert one.account.admin
    assert not one.account.suspended
    assert one.members == (MemberStored("#lobby", BOB, 0),)
    accounts.delete("bob")
    [one] = writer.changed()
    assert one.account.deleted
    assert one.members == ()


def test_the_servers_own_commits_are_no_news(accounts: Accounts, writer: Writer) -> None:
    writer.changed()
    writer.commit([LAB])
    assert writer.changed() == []


def test_nothing_is_missed_when_the_server_starts_between_two_changes(database: Database, accounts: Accounts) -> None:
    with database.read() as connection:
        newest = changes.newest_id(connection)
    accounts.add("carl", b"")
    with database.write() as connection:
        changes.prune(connection, newest)
    with database.read() as connection:
        assert [one.account.name for one in changes.since(connection, newest)] == ["carl"]
        assert [one.account.name for one in changes.since(connection, 0)] == ["carl"]


def test_ids_of_changes_are_not_given_again_after_pruning(database: Database, accounts: Accounts) -> None:
    with database.write() as connection:
        newest = changes.newest_id(connection)
        changes.prune(connection, newest)
    accounts.add("carl", b"")
    with database.read() as connection:
        assert [one.change for one in changes.since(connection, newest)] == [newest + 1]


def test_a_deleted_account_keeps_its_words_and_its_name(database: Database, accounts: Accounts, writer: Writer) -> None:
    writer.commit([EntryStored("#lobby", "id1", 1, "PRIVMSG", BOB, "I was here")])
    accounts.delete("bob")
    assert members(database) == {ADA: 0}
    with database.read() as connection:
        [entry] = history.latest(connection, "#lobby", 10)
    assert (entry.sender, entry.text) == (BOB, "I was here")
    with pytest.raises(AccountExists, match="--release-name Bob"):
        accounts.add("bob", b"")
    for refused in (accounts.suspend, accounts.resume, accounts.delete):
        with pytest.raises(NoSuchAccount, match="was deleted"):
            refused("bob")


@pytest.mark.parametrize("later", [False, True])
def test_a_released_name_goes_to_a_new_account(database: Database, accounts: Accounts, later: bool) -> None:
    if later:
        accounts.delete("bob")
    accounts.delete("bob", release_name=True)
    assert accounts.find("bob") is None
    accounts.add("bob", b"another")
    assert accounts.required("bob").id > BOB
    assert members(database) == {ADA: 0, accounts.required("bob").id: 0}
    assert [(one.account.id, one.released) for one in accounts.listing()] == [(ADA, False), (BOB, True), (3, False)]


def test_a_role_is_the_account_s_and_changes_no_membership(database: Database, accounts: Accounts) -> None:
    accounts.set_role("bob", "admin")
    assert accounts.required("bob").admin
    assert members(database) == {ADA: 0, BOB: 0}
    accounts.set_role("bob", "member")
    assert not accounts.required("bob").admin


def test_an_unknown_name_is_refused_by_every_operation(accounts: Accounts) -> None:
    for refused in (accounts.suspend, accounts.resume, accounts.delete, accounts.required):
        with pytest.raises(NoSuchAccount, match="users list"):
            refused("nobody")
    with pytest.raises(NoSuchAccount):
        accounts.set_password("nobody", b"")
    with pytest.raises(NoSuchAccount):
        accounts.set_role("nobody", "admin")
