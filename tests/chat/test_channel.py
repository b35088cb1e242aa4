"""A channel by itself: whom its lists mean, and what that costs."""

from __future__ import annotations

from dataclasses import replace

from securechat.chat import masks
from securechat.chat.channel import NAMES_BYTES, Channel, ListEntry
from securechat.chat.person import Person
from securechat.server.session import Session
from securechat.store.rows import Account, ChannelStored

BY_ADA = ListEntry("ada", 0)


def channel_of(count: int) -> Channel:
    """With so many members, each with one session."""
    channel = Channel(ChannelStored("#lab", "#lab", 0, "", "", 0, "nt", None, None))
    for number in range(count):
        person = Person(Account(number, f"person{number}", "member", False, False, 1, 0), "test")
        session = Session("127.0.0.1")
        session.person = person
        person.sessions[session] = None
        person.present = True
        person.channels[channel] = None
        channel.members[person] = 0
    return channel


def readers(channel: Channel, changed: str = "lists") -> int:
    channel.changed(changed)
    return sum(map(len, channel.audiences().values()))


def test_a_change_of_the_lists_counts_at_once() -> None:
    channel = channel_of(3)
    assert readers(channel) == 3
    channel.lists["b", "person1!*@*"] = BY_ADA
    assert readers(channel) == 2
    channel.lists["e", "*!*@u1.*"] = BY_ADA
    assert readers(channel) == 3
    channel.lists["b", "person*!*@*"] = BY_ADA
    assert readers(channel) == 1
    channel.lists.clear()
    assert readers(channel) == 3


def test_who_comes_or_goes_is_not_matched_against_the_lists_anew() -> None:
    """100 masks for 1000 members take 40 ms."""
    channel = channel_of(3)
    for number in range(100):
        channel.lists["b", f"*stranger{number}!*@*"] = BY_ADA
    assert readers(channel) == 3
    looked_up = masks._pattern.cache_info().hits
    assert readers(channel, changed="members") == 3
    assert masks._pattern.cache_info().hits == looked_up


def test_the_list_of_names_is_the_same_whether_it_grew_or_was_made_at_once() -> None:
    grown, whole = channel_of(100), channel_of(100)
    people = list(grown.members)
    for person in people[1:]:
        for present in (False, True):
            person.present = present
            person.changed("present")
            grown.names(multi_prefix=False)
    assert grown.names(multi_prefix=False) == whole.names(multi_prefix=False)
    assert len(whole.names(multi_prefix=False)) > 1
    assert all(len(line) <= NAMES_BYTES for line in whole.names(multi_prefix=False))

    admin = people[7]
    grown.members[admin] = 1
    grown.changed("members")
    admin.account = replace(admin.account, role="admin")
    admin.changed("account")
    assert f"@{admin.name}" in " ".join(grown.names(multi_prefix=False)).split()  # no operator but the admin is left
    assert f"@+{admin.name}" in " ".join(grown.names(multi_prefix=True)).split()
    admin.present = False
    admin.changed("present")
    assert f"@+{admin.name}" not in " ".join(grown.names(multi_prefix=True)).split()
