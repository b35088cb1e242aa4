"""BATCH from a client: the lines of one message, sent when the last is there.

Source: IRCv3 client-initiated batch and draft/multiline.
"""

from __future__ import annotations

import re
from dataclasses import replace

from securechat.protocol import names, numerics
from securechat.protocol.capabilities import MULTILINE, MULTILINE_BYTES, MULTILINE_LINES
from securechat.protocol.message import Message, quoted
from securechat.protocol.multiline import CONCAT, KIND, Piece, size_of, text_of
from securechat.server import relay, retry
from securechat.server.command import Command, asks, tells
from securechat.server.event import client_only
from securechat.server.relay import Draft
from securechat.server.session import Incoming, Session
from securechat.server.turn import Turn

PATIENCE = 60.0  # seconds that a batch may stay open

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def batch(turn: Turn, session: Session, message: Message) -> None:
    sign, reference = message.params[0][:1], message.params[0][1:]
    if not session.caps & MULTILINE:
        turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    elif sign == "+":
        _open(turn, session, message, reference)
    elif sign == "-" and session.incoming is not None and session.incoming.reference == reference:
        _close(turn, session, session.incoming)
    else:
        turn.fail(session, "BATCH", "INVALID_REFTAG", quoted(reference), "no such batch is open")


def _open(turn: Turn, session: Session, message: Message, reference: str) -> None:
    kind, *params = message.params[1:] or ("",)
    if session.incoming is not None:
        _refuse(turn, session, session.incoming, "MULTILINE_INVALID", "another batch is still open")
    elif _REFERENCE.fullmatch(reference) is None:
        turn.fail(session, "BATCH", "INVALID_REFTAG", quoted(reference), "letters, digits, - and _ only")
    elif kind != KIND:
        turn.fail(session, "BATCH", "UNKNOWN_TYPE", reference, quoted(kind), "unknown type of batch")
    elif len(params) != 1 or "," in params[0]:
        turn.fail(session, "BATCH", "MULTILINE_INVALID", "a multiline batch has one target")
    else:
        tags, name, label = client_only(message.tags), retry.name_of(session, message), turn.hold_label()
        turn.set(session, "incoming", Incoming(reference, params[0], tags, name, label, turn.now))


def take(turn: Turn, session: Session, message: Message) -> None:
    """A line with the tag `batch`: one of those that the open batch is made of, or a mistake."""
    incoming = session.incoming
    if incoming is None:
        turn.fail(session, "BATCH", "MULTILINE_INVALID", "no batch is open")
    elif not incoming.refused:
        _add(turn, session, incoming, message)


def _add(turn: Turn, session: Session, incoming: Incoming, message: Message) -> None:
    fault = _fault(turn, incoming, message)
    if fault is not None:
        return _refuse(turn, session, incoming, *fault)
    pieces = (*incoming.pieces, Piece(message.params[1], concat=CONCAT in message.tags))
    if len(pieces) > MULTILINE_LINES:
        return _refuse(turn, session, incoming, "MULTILINE_MAX_LINES", str(MULTILINE_LINES), "too many lines")
    if size_of(pieces) > MULTILINE_BYTES:
        return _refuse(turn, session, incoming, "MULTILINE_MAX_BYTES", str(MULTILINE_BYTES), "too many bytes")
    return turn.set(session, "incoming", replace(incoming, command=message.command, pieces=pieces))


def _fault(turn: Turn, incoming: Incoming, message: Message) -> tuple[str, ...] | None:
    """Code and words of what is wrong with a line, if anything is."""
    if turn.now - incoming.since > PATIENCE:
        return "TIMEOUT", incoming.reference, "the batch was open for too long"
    if message.tags["batch"] != incoming.reference:
        return "MULTILINE_INVALID", "another batch is open"
    if message.command not in ("PRIVMSG", "NOTICE") or incoming.command not in ("", message.command):
        return "MULTILINE_INVALID", "a batch holds PRIVMSGs only, or NOTICEs only"
    if len(message.params) < 2:
        return "MULTILINE_INVALID", "a line has a target and a text"
    if names.fold(message.params[0]) != names.fold(incoming.target):
        return "MULTILINE_INVALID_TARGET", quoted(incoming.target), quoted(message.params[0]), "not the batch's target"
    if CONCAT in message.tags and (not message.params[1] or not incoming.pieces):
        return "MULTILINE_INVALID", "there is nothing to go on with"
    return None


def _close(turn: Turn, session: Session, incoming: Incoming) -> None:
    turn.set(session, "incoming", None)
    if incoming.refused:
        return None
    turn.answer_label(session, incoming.label)
    if not any(piece.text for piece in incoming.pieces):
        return turn.fail(session, "BATCH", "MULTILINE_INVALID", "nothing was said")
    labelled = incoming.label is not None
    draft = Draft(incoming.command, incoming.target, text_of(incoming.pieces), incoming.tags, labelled)
    if incoming.name is not None:
        return retry.send_once(turn, session, draft, incoming.name)
    return relay.send(turn, session, draft)


def _refuse(turn: Turn, session: Session, incoming: Incoming, code: str, *words: str) -> None:
    """All that still comes of the batch is ignored."""
    if not incoming.refused:
        turn.answer_label(session, incoming.label)
        turn.fail(session, "BATCH", code, *words)
        turn.set(session, "incoming", replace(incoming, pieces=(), refused=True))


def _cost(session: Session, message: Message) -> float:
    opens = message.params and message.params[0].startswith("+")
    return tells(session, message) if opens else asks(session, message)


COMMANDS = {"BATCH": Command(batch, fewest_params=1, cost=_cost)}
