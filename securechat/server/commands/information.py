"""What the server says of itself: MOTD, LUSERS, VERSION, TIME."""

from __future__ import annotations

from datetime import UTC, datetime

from securechat import __version__
from securechat.protocol import numerics
from securechat.protocol.message import Message
from securechat.server import burst
from securechat.server.command import Command
from securechat.server.session import Session
from securechat.server.turn import Turn


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


COMMANDS = {
    "MOTD": Command(motd),
    "LUSERS": Command(lusers),
    "VERSION": Command(version),
    "TIME": Command(time),
}
