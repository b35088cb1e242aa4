"""What a turn leaves to a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from securechat.server.session import Session

if TYPE_CHECKING:
    from securechat.server.turn import Turn

Done = Callable[["Turn", Session, Any], None]


@dataclass(frozen=True, slots=True)
class Job:
    """Work for a worker; `done` gets its result, or the exception that it ended with, in a later turn.

    `settle` gets it before that, and though the session may have ended meanwhile.
    """

    pool: str
    session: Session
    work: Callable[[], object] = field(repr=False)  # it may hold a password
    done: Done = field(repr=False)
    label: str | None
    first: bool = False  # before those that wait already
    settle: Callable[[Turn, Any], None] | None = field(default=None, repr=False)
