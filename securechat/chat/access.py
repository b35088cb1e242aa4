"""Who may do what: the one place that decides it, for live delivery, history and everything later."""

from __future__ import annotations

from securechat.chat.channel import Channel
from securechat.chat.person import Person
from securechat.protocol.numerics import (
    ERR_BADCHANNELKEY,
    ERR_BANNEDFROMCHAN,
    ERR_CHANNELISFULL,
    ERR_INVITEONLYCHAN,
)


def may_read(channel: Channel, person: Person) -> bool:
    """Members read, from the first entry on; a ban ends reading at once."""
    return person in channel.members and not channel.banned(person)


def may_see(channel: Channel, person: Person) -> bool:
    """Whether the channel exists for this person at all: who is banned may still leave it."""
    return person in channel.members or not channel.secret


def may_look(channel: Channel, person: Person) -> bool:
    """Whether LIST, NAMES, WHO and WHOIS show this person the channel and who is in it."""
    return not channel.secret or may_read(channel, person)


def may_speak(channel: Channel, person: Person) -> bool:
    if channel.banned(person):
        return False
    if person not in channel.members:
        return "n" not in channel.modes and "m" not in channel.modes and not channel.secret
    return "m" not in channel.modes or channel.role(person) > 0


def may_redact(channel: Channel, person: Person, is_author: bool) -> bool:
    """Who may read it: operators anything, authors what is theirs while they may speak, for a reason is words, too."""
    return may_read(channel, person) and (channel.is_operator(person) or (is_author and may_speak(channel, person)))


def may_set_topic(channel: Channel, person: Person) -> bool:
    return "t" not in channel.modes or channel.is_operator(person)


def may_invite(channel: Channel, person: Person) -> bool:
    return "i" not in channel.modes or channel.is_operator(person)


def refused_at_join(channel: Channel, person: Person, password: str | None) -> str | None:
    """The numeric that refuses the JOIN, or None. An invitation opens +i, +l and +k, never a ban."""
    if channel.banned(person):
        return ERR_BANNEDFROMCHAN
    if person in channel.invited:
        return None
    if "i" in channel.modes and not channel.listed("I", person):
        return ERR_INVITEONLYCHAN
    if channel.password is not None and password != channel.password:
        return ERR_BADCHANNELKEY
    if channel.user_limit is not None and len(channel.members) >= channel.user_limit:
        return ERR_CHANNELISFULL
    return None
