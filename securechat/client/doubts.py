"""What was in flight when a link was lost, on a server without ids: the history tells what to send again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from securechat.client import messages
from securechat.client.history import DAWN, Place, Playback, Seen, Steps, after
from securechat.client.outbox import Outbox, Piece
from securechat.client.sending import Sending
from securechat.protocol.message import Message

NOBODY_KNOWS = "nobody can tell whether it is stored, as the link was lost before the answer; check, and send it again"


def settle(outbox: Outbox, sending: Sending, seen: Seen, own_nick: str) -> Steps:
    """Each piece in doubt is found stored, or stays to be sent again, or is given up when the server does not say."""
    for target, pieces in groupby(sorted(outbox.doubts, key=_target), key=_target):
        doubted = list(pieces)
        place = outbox.behind(doubted[0].line) or Place(seen.visited or DAWN)
        playback = yield from after(target, place)
        if playback.cut:
            give_up(sending, doubted)
        else:
            _compare(outbox, sending, doubted, _own(playback, own_nick))


def give_up(sending: Sending, pieces: list[Piece]) -> None:
    for piece in pieces:
        if not piece.line.refused:
            sending.give_up(piece.line, NOBODY_KNOWS)


def _target(piece: Piece) -> str:
    return piece.line.target


def _own(playback: Playback, own_nick: str) -> Iterator[Message]:
    """What is ours, oldest first."""
    for message in playback.messages:
        said = messages.read(message, own_nick)
        if said is not None and said.own:
            yield message


def _compare(outbox: Outbox, sending: Sending, pieces: list[Piece], stored: Iterator[Message]) -> None:
    """Both are in the order in which they were sent, so that each stored message stands for one piece."""
    candidates = list(stored)
    for piece in pieces:
        texts = [message.params[1] for message in candidates]
        said = piece.wire_text.replace("\r", "")  # where a line was cut cannot be seen of what is stored
        if said in texts:
            found = texts.index(said)
            place = messages.place_of(candidates[found])
            outbox.found_stored(piece, place)
            del candidates[: found + 1]
            sending.stored(piece, place)
