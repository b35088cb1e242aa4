"""A row of the table of routes: who answers, and who may ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from securechat.server.session import Session
from securechat.server.turn import Turn

Handle = Callable[[Turn, Session], None]


class Access(Enum):
    ANYONE = auto()
    ADMIN = auto()  # with a device token of an administrator's


@dataclass(frozen=True, slots=True)
class Route:
    """`handle` is called only for who may ask, and responds."""

    handle: Handle
    access: Access
