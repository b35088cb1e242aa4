"""What the server says of itself: MOTD, LUSERS, VERSION, TIME, INFO, STATS."""

from __future__ import annotations

from datetime import UTC, datetime

from securechat import __version__
from securechat.protocol import numerics
from securechat.protocol.message import Message, quoted
from securechat.server import burst
from securechat.server.command import Command
from securechat.server.event import timestamp
from securechat.server.session import Session
from securechat.server.turn import Turn

ABOUT = (
    f"securechat {__version__}: a team's own chat, always over TLS, always with a login",
    "nothing that was acknowledged is ever lost; HELP tells what this server understands",
)


def motd(turn: Turn, session: Session, message: Message) -> None:
    burst.motd(turn, session)


def lusers(turn: Turn, session: Session, message: Message) -> None:
    burst.lusers(turn, session)


def version(turn: Turn, session: Session, message: Message) -> None:
    turn.reply(session, numerics.RPL_VERSION, f"securechat-{__version__}", turn.server, "a team's own chat")
    burst.isupport_lines(turn, session)


def time(turn: Turn, session: Session, message: Message) -> None:
    moment = datetime.fromtimestamp(turn.now, UTC).strftime("%A %d %B %Y, %H:%M:%S UTC")
    turn.reply(session, numerics.RPL_TIME, turn.server, moment)


def info(turn: Turn, session: Session, message: Message) -> None:
    for line in ABOUT:
        turn.reply(session, numerics.RPL_INFO, line)
    turn.reply(session, numerics.RPL_INFO, f"on-line since {timestamp(int(turn.started * 1000))}")
    turn.standard(session, numerics.RPL_ENDOFINFO)


def stats(turn: Turn, session: Session, message: Message) -> None:
    """The uptime; whatever else is asked for, there is nothing to tell."""
    letter = message.params[0][:1]
    if letter == "u":
        minutes, seconds = divmod(int(max(0, turn.now - turn.started)), 60)
        hours, minutes = divmod(minutes, 60)
        days, hours = divmod(hours, 24)
        turn.reply(session, numerics.RPL_STATSUPTIME, f"Server Up {days} days {hours}:{minutes:02d}:{seconds:02d}")
    turn.standard(session, numerics.RPL_ENDOFSTATS, quoted(letter))


COMMANDS = {
    "MOTD": Command(motd),
    "LUSERS": Command(lusers),
    "VERSION": Command(version),
    "TIME": Command(time),
    "INFO": Command(info),
    "STATS": Command(stats, fewest_params=1),
}
