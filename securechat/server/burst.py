"""What a client is told of where it is: the welcome, the counts, the message of the day, and each of its channels.

Source of the order: Modern IRC, "Connection Registration".
"""

from __future__ import annotations

from securechat import __version__
from securechat.chat import access
from securechat.chat.channel import Channel
from securechat.protocol import numerics
from securechat.protocol.capabilities import MULTI_PREFIX, NO_IMPLICIT_NAMES, READ_MARKER
from securechat.server import isupport, presence
from securechat.server.actor import actor
from securechat.server.event import timestamp
from securechat.server.session import Session
from securechat.server.turn import Turn

MOTD_BYTES = 400  # of one line
USER_MODES = f"{isupport.BOT_MODE}i{isupport.OPER_MODE}"


def greet(turn: Turn, session: Session) -> None:
    """Everything that comes before the channels."""
    welcome(turn, session)
    lusers(turn, session)
    motd(turn, session)
    user_modes(turn, session)


def rejoin(turn: Turn, session: Session, channel: Channel) -> None:
    """Show the session one of the account's channels, unless that has left it meanwhile."""
    person = actor(session)
    if channel in person.channels:
        turn.echo(session, presence.joined(turn, channel, person))
        enter(turn, session, channel)


def welcome(turn: Turn, session: Session) -> None:
    server = turn.settings.server
    assert session.person is not None
    turn.reply(session, numerics.RPL_WELCOME, f"Welcome to {server.network}, {session.person.source}")
    turn.reply(session, numerics.RPL_YOURHOST, f"Your host is {server.name}, running securechat {__version__}")
    turn.reply(session, numerics.RPL_CREATED, f"This server was started {timestamp(int(turn.started * 1000))}")
    turn.reply(
        session, numerics.RPL_MYINFO, server.name, f"securechat-{__version__}", USER_MODES, "beIiklmnostv", "beIklov"
    )
    isupport_lines(turn, session)


def isupport_lines(turn: Turn, session: Session) -> None:
    for words in isupport.lines(turn.settings.server.network, turn.settings.limits.channels_per_account):
        turn.reply(session, numerics.RPL_ISUPPORT, *words, "are supported by this server")


def user_modes(turn: Turn, session: Session) -> None:
    letters = ((isupport.BOT_MODE, actor(session).bot), (isupport.OPER_MODE, session.is_oper))
    turn.reply(session, numerics.RPL_UMODEIS, "+" + "".join(letter for letter, is_set in letters if is_set))


def lusers(turn: Turn, session: Session) -> None:
    present, most = len(turn.directory.present), turn.directory.most_present
    opers = sum(session.is_oper for session in turn.directory.opers)
    channels = len(turn.directory.channels)
    turn.reply(session, numerics.RPL_LUSERCLIENT, f"There are {present} users and 0 invisible on 1 servers")
    turn.standard(session, numerics.RPL_LUSEROP, str(opers))
    turn.reply(session, numerics.RPL_LUSERCHANNELS, str(channels), "channels formed")
    turn.reply(session, numerics.RPL_LUSERME, f"I have {present} clients and 0 servers")
    for numeric, scope in ((numerics.RPL_LOCALUSERS, "local"), (numerics.RPL_GLOBALUSERS, "global")):
        turn.reply(session, numeric, str(present), str(most), f"Current {scope} users {present}, max {most}")


def motd(turn: Turn, session: Session) -> None:
    lines = turn.settings.server.motd.splitlines()
    if not lines:
        return turn.standard(session, numerics.ERR_NOMOTD)
    turn.reply(session, numerics.RPL_MOTDSTART, f"- {turn.server} Message of the day -")
    for line in lines:
        turn.reply(session, numerics.RPL_MOTD, f"- {isupport.cut(line, MOTD_BYTES)}")
    return turn.standard(session, numerics.RPL_ENDOFMOTD)


def enter(turn: Turn, session: Session, channel: Channel) -> None:
    """What follows the JOIN; a member who is banned learns nothing of the channel."""
    reads = access.may_read(channel, actor(session))
    if channel.topic and reads:
        topic(turn, session, channel)
    if reads and not session.caps & NO_IMPLICIT_NAMES:
        _present(turn, session, channel)
    if session.caps & READ_MARKER:
        read_marker(turn, session, channel.name, channel.key)
    if not session.caps & NO_IMPLICIT_NAMES:
        turn.standard(session, numerics.RPL_ENDOFNAMES, channel.name)


def topic(turn: Turn, session: Session, channel: Channel) -> None:
    turn.reply(session, numerics.RPL_TOPIC, channel.name, channel.topic)
    turn.reply(session, numerics.RPL_TOPICWHOTIME, channel.name, channel.topic_by, str(channel.topic_time // 1000))


def read_marker(turn: Turn, session: Session, name: str, target: str) -> None:
    """Up to when the session's account has read `target`, which the client calls `name`."""
    assert session.person is not None
    time = session.person.read_markers.get(target)
    turn.line(session, "MARKREAD", name, "*" if time is None else f"timestamp={timestamp(time)}")


def names(turn: Turn, session: Session, channel: Channel) -> None:
    _present(turn, session, channel)
    turn.standard(session, numerics.RPL_ENDOFNAMES, channel.name)


def _present(turn: Turn, session: Session, channel: Channel) -> None:
    symbol = "@" if "s" in channel.modes else "="
    lines = channel.names(bool(session.caps & MULTI_PREFIX))
    turn.reply_each(session, lines, numerics.RPL_NAMREPLY, symbol, channel.name)
