"""What a turn is made of: the things that can happen to the core."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from securechat.protocol.http import Request
from securechat.protocol.lines import Unreadable
from securechat.protocol.message import Message
from securechat.server.job import Job
from securechat.server.session import Session
from securechat.store.rows import AccountChanged


class Said(msgspec.Struct, frozen=True, gc=False):
    """A line of a peer; a struct, since there is one for every message."""

    session: Session
    message: Message | Unreadable


@dataclass(frozen=True, slots=True)
class Asked:
    """The one request of an HTTP peer."""

    session: Session
    request: Request


@dataclass(frozen=True, slots=True)
class Gone:
    """A session is sent nothing more: its connection is lost, or all was sent before its closing."""

    session: Session
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A worker's result, or the exception that it ended with."""

    job: Job
    result: object = field(repr=False)

    @property
    def session(self) -> Session:
        return self.job.session


@dataclass(frozen=True, slots=True)
class Resume:
    """What the session said and was held may be handled."""

    session: Session


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The server ends: everyone is told and closed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """The loop's clock decided that this session must go."""

    session: Session
    reason: str


Item = Said | Asked | Gone | Answer | Resume | Tick | Ending | Overdue | AccountChanged
