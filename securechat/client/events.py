"""What a client session tells its face: one frozen value for each thing that happened.

Texts are as the server sent them: a face passes each through `protocol.text.printable` before it shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from securechat.errors import SecurechatError


class Kind(Enum):
    MESSAGE = "message"
    NOTICE = "notice"
    ACTION = "action"


class Since(Enum):
    """What the lines of a `Missed` begin behind."""

    NOTHING = "only the newest few are told"
    VISIT = "the last visit"
    LOSS = "the loss of the link"


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened; `time` is the server's, where it gave one."""


@dataclass(frozen=True, slots=True)
class Admitted(Event):
    """Login is done; `nick` is the account's name in the server's spelling.

    `rememberable`: a device token could spare the person the password.
    """

    nick: str
    rememberable: bool = False


@dataclass(frozen=True, slots=True)
class LoginRefused(Event):
    """The server said no. `credentials`: name or password are wrong, so another password may help.

    `second_factor`: the password was right, and a code that counts may help. `temporary`: it has too much to do, and
    asks us to come again; in so many `seconds`, if it says.
    """

    reason: str
    credentials: bool = False
    temporary: bool = False
    seconds: int = 0
    second_factor: bool = False
    code: str = ""  # of a FAIL


@dataclass(frozen=True, slots=True)
class Entered(Event):
    """What was missed has been told; from here on lines are told as they are said.

    `time` is when we came, by the server's clock, if it said. The times of messages are no measure of it: they run
    ahead while many are said at once. `again`: the link was lost, and this is the next one.
    """

    nick: str
    channels: tuple[str, ...]
    time: datetime | None = None
    again: bool = False
    software: str = ""  # what the server says that it is


@dataclass(frozen=True, slots=True)
class Said(Event):
    """One message. `target` is the channel, or the other person's nick when it is `direct`.

    `text` has LF between its lines, if there are several.
    """

    target: str
    sender: str
    text: str = field(repr=False)
    kind: Kind = Kind.MESSAGE
    time: datetime | None = None
    msgid: str | None = None
    own: bool = False
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Missed(Event):
    """What was said in one target before we came, oldest first. `cut`: there was more than is told."""

    target: str
    lines: tuple[Said, ...]
    direct: bool = False
    since: Since = Since.NOTHING
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Earlier(Event):
    """A page of what was said before that, oldest first. `beginning`: before these nothing was said.

    `problem` says why it cannot be read now.
    """

    target: str
    lines: tuple[Said, ...]
    beginning: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Typing(Event):
    """Somebody else is typing to `target`, or no longer is. It is over without a word after `typing.HOLDS` seconds."""

    target: str
    nick: str
    active: bool


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """What was given to us under this ticket waits for the link; Acknowledged or Refused will end it.

    The tickets of lines that were kept from an earlier run are below zero.
    """

    ticket: int
    target: str
    text: str = field(repr=False)
    action: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged(Event):
    """The server stored everything that was given to it under this ticket; the last message so and then, if it says."""

    ticket: int
    time: datetime | None = field(default=None, compare=False)
    msgid: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """The server does not take what was given to it under this ticket; the rest of a long text is not sent.

    `temporary`: it could not store it for the moment, for as long as the outbox had patience.
    """

    ticket: int
    target: str
    text: str = field(repr=False)
    reason: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Joined(Event):
    channel: str
    nick: str
    own: bool = False
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parted(Event):
    channel: str
    nick: str
    reason: str = field(default="", repr=False)
    own: bool = False
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kicked(Event):
    channel: str
    nick: str
    by: str
    reason: str = field(default="", repr=False)
    own: bool = False
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Left(Event):
    """A person's last session is gone; `channels` are those that we share."""

    nick: str
    channels: tuple[str, ...]
    reason: str = field(default="", repr=False)
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Renamed(Event):
    before: str
    after: str
    own: bool = False
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Topic(Event):
    """`by` is who set it just now, None when the server only told it."""

    channel: str
    text: str = field(repr=False)
    by: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Names(Event):
    """Who is present in a channel, each with the marks of his role; told when asked for."""

    channel: str
    nicks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles(Event):
    """Roles of people in a channel were changed: each with the mark of his highest, none for who has no role now."""

    channel: str
    nicks: tuple[str, ...]
    by: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person(Event):
    """One line of the answer to `who`."""

    nick: str
    channel: str
    away: bool
    name: str


@dataclass(frozen=True, slots=True)
class Told(Event):
    """A line from the server itself for the person to read; `failed` when it is a no to what was asked."""

    text: str = field(repr=False)
    about: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Found(Event):
    """What a search led to, oldest first; `problem` says why it could not be done, or not to its end."""

    lines: tuple[Said, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PasswordAnswered(Event):
    changed: bool
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Remembered(Event):
    """How it went to keep this computer's device token, or to give it up."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkLost(Event):
    """The link is gone and a new one is being made; nothing is told until `Entered` but what is queued."""

    reason: str


@dataclass(frozen=True, slots=True)
class LinkBack(Event):
    """A new link is there after `away` seconds; what was missed follows, `new` lines of others in all."""

    away: float
    new: int


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """Always the last event. `expected`: we asked for it with QUIT. `failure`: why no new link is tried for."""

    reason: str
    expected: bool = False
    failure: SecurechatError | None = None
