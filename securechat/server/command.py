"""What a command's row in its module's table says.

A line costs its account as much as a message does if others are told of it or a password is hashed for it, a tenth if
it only asks, and next to nothing if clients say it by themselves: only a flood of that is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from securechat.protocol.message import Message
from securechat.server.session import Session, Stage
from securechat.server.turn import Turn

MESSAGE = 1.0
QUESTION = MESSAGE / 10
TRIFLE = MESSAGE / 100

Cost = Callable[[Session, Message], float]


def asks(session: Session, message: Message) -> float:
    return QUESTION


def tells(session: Session, message: Message) -> float:
    return MESSAGE


def tells_each(session: Session, message: Message) -> float:
    """Once for each of the targets in its first parameter."""
    return MESSAGE * (1 + message.params[0].count(",") if message.params else 1)


def is_trifle(session: Session, message: Message) -> float:
    return TRIFLE


@dataclass(frozen=True, slots=True)
class Command:
    """`stage` is when it may come: only before admission, only after it, or (None) at any time.

    `cost` is asked before anything else is known of the line, and by the loop (`pace.py`).
    """

    handler: Callable[[Turn, Session, Message], None]
    stage: Stage | None = Stage.ADMITTED
    fewest_params: int = 0
    cost: Cost = asks
