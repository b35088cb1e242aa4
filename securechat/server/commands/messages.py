"""What people say: PRIVMSG, NOTICE, TAGMSG, to channels and to one another."""

from __future__ import annotations

from securechat.protocol import numerics
from securechat.protocol.capabilities import MESSAGE_TAGS
from securechat.protocol.message import Message
from securechat.server import relay, retry
from securechat.server.command import Command, tells_each
from securechat.server.event import client_only
from securechat.server.relay import Draft, refuse
from securechat.server.session import Session
from securechat.server.turn import Turn


def say(turn: Turn, session: Session, message: Message) -> None:
    """PRIVMSG and NOTICE differ in what clients make of them, and in that a NOTICE is not answered by itself."""
    draft = _draft(message, text=message.params[1] if len(message.params) > 1 else "")
    if not draft.targets:
        return refuse(turn, session, draft, numerics.ERR_NORECIPIENT)
    if not draft.text:
        return refuse(turn, session, draft, numerics.ERR_NOTEXTTOSEND)
    if (name := retry.name_of(session, message)) is not None:
        return retry.send_once(turn, session, draft, name)
    return relay.send(turn, session, draft)


def tagmsg(turn: Turn, session: Session, message: Message) -> None:
    """Tags alone; a reaction is stored, nothing else, and clients without message-tags never see it."""
    if not session.caps & MESSAGE_TAGS:
        return turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    draft = _draft(message, text=None)
    if not draft.targets:
        return refuse(turn, session, draft, numerics.ERR_NORECIPIENT)
    return relay.send(turn, session, draft)


def _draft(message: Message, text: str | None) -> Draft:
    targets = message.params[0] if message.params else ""
    return Draft(message.command, targets, text, client_only(message.tags), message.label is not None)


COMMANDS = {
    "PRIVMSG": Command(say, cost=tells_each),
    "NOTICE": Command(say, cost=tells_each),
    "TAGMSG": Command(tagmsg, cost=tells_each),
}
