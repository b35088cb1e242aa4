"""A channel by itself: whom its lists mean, and what that costs."""

from __future__ import annotations

from securechat.chat import masks
from securechat.chat.channel import Channel, ListEntry
from securechat.chat.person import Person
from securechat.server.session import Session
from securechat.store.rows import Account, ChannelStored

BY_ADA = ListEntry("ada", 0)


def channel_of(count: int) -> Channel:
    """With so many members, each with one session."""
    channel = Channel(ChannelStored("#lab", "#lab", 0, "", "", 0, "nt", None, None))
    for number in range(count):
        person = Person(Account(number, f"person{number}", "member", False, False, 1), "test")
        session = Session("127.0.0.1", 0)
        session.person = person
        person.sessions[session] = None
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
