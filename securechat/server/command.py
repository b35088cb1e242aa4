"""What a command's row in its module's table says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from securechat.protocol.message import Message
from securechat.server.session import Session, Stage
from securechat.server.turn import Turn


@dataclass(frozen=True, slots=True)
class Command:
    """`stage` is when it may come: only before admission, only after it, or (None) at any time."""

    handler: Callable[[Turn, Session, Message], None]
    stage: Stage | None = Stage.ADMITTED
    fewest_params: int = 0
