"""What most handlers ask first: who is speaking, and which of its channels is meant."""

from __future__ import annotations

from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.chat.person import Person
from securechat.protocol import numerics
from securechat.protocol.message import quoted
from securechat.server.session import Login, Session
from securechat.server.turn import Turn


def actor(session: Session) -> Person:
    """The account of an admitted session; the dispatcher lets nobody else come this far."""
    assert session.person is not None
    return session.person


def login_of(session: Session) -> Login:
    """By what this admitted session was opened."""
    assert session.login is not None
    return session.login


def visible_channel(turn: Turn, session: Session, name: str) -> Channel | None:
    """A channel that exists for the session's account; else 403 was replied. A hidden one looks like none."""
    channel = turn.directory.channel(name)
    if channel is None or not access.may_see(channel, actor(session)):
        turn.standard(session, numerics.ERR_NOSUCHCHANNEL, quoted(name))
        return None
    return channel


def member_channel(turn: Turn, session: Session, name: str) -> Channel | None:
    """A channel that the session's account is a member of; else 403 or 442 was replied."""
    channel = visible_channel(turn, session, name)
    if channel is not None and actor(session) not in channel.members:
        turn.standard(session, numerics.ERR_NOTONCHANNEL, channel.name)
        return None
    return channel


def read_channel(turn: Turn, session: Session, name: str) -> Channel | None:
    """A channel that the session's account may read; else 403 or 442 was replied, also to a member who is banned."""
    channel = member_channel(turn, session, name)
    if channel is not None and not access.may_read(channel, actor(session)):
        turn.standard(session, numerics.ERR_NOTONCHANNEL, channel.name)
        return None
    return channel
