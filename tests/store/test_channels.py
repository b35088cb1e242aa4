"""The channels that everyone joins."""

from __future__ import annotations

import pytest

from securechat.config import ConfigError
from securechat.store import channels, snapshot
from securechat.store.accounts import Accounts
from securechat.store.database import Database
from securechat.store.rows import MemberStored
from tests.store.conftest import ADA, BOB


def test_a_channel_made_here_has_everyone_in_it(database: Database, accounts: Accounts) -> None:
    accounts.add("carl", b"")
    accounts.delete("carl")
    with database.write() as connection:
        channels.ensure(connection, ["#lobby", "#News"])
        stored = snapshot.load(connection)
    assert [(channel.key, channel.name) for channel in stored.channels] == [("#lobby", "#lobby"), ("#news", "#News")]
    assert [one for one in stored.members if one.channel == "#news"] == [
        MemberStored("#news", ADA, 0),
        MemberStored("#news", BOB, 0),
    ]


def test_who_left_it_is_not_brought_back(database: Database, accounts: Accounts) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM member WHERE account_id = 2")
        channels.ensure(connection, ["#LOBBY"])
        assert [one.account for one in snapshot.load(connection).members] == [ADA]


@pytest.mark.parametrize("name", ["lobby", "#a b", "#a,b", "#", ""])
def test_a_wrong_name_in_the_configuration_is_said(database: Database, name: str) -> None:
    with pytest.raises(ConfigError, match="autojoin"), database.write() as connection:
        channels.ensure(connection, [name])
