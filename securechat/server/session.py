"""One logged-in client, or one that is on its way there. Owned by the core; the loop only reads it between turns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from securechat.protocol.capabilities import ACCOUNT_TAG, BATCH, EXTENDED_JOIN, MESSAGE_TAGS, MULTILINE, SERVER_TIME
from securechat.server.address import network_of

if TYPE_CHECKING:
    from securechat.auth.proof import Means, Proof
    from securechat.chat.person import Person
    from securechat.protocol.http import Request
    from securechat.protocol.lines import Unreadable
    from securechat.protocol.message import Message
    from securechat.protocol.multiline import Piece
    from securechat.server.connection import Connection
    from securechat.server.turn import Turn
    from securechat.tls.clients import ClientCertificate

VARIANT = (
    SERVER_TIME | ACCOUNT_TAG | MESSAGE_TAGS | EXTENDED_JOIN | MULTILINE
)  # the capabilities that change a relayed line's bytes
DELETED = "this account was deleted"
SUSPENDED = "this account is suspended"
PASSWORD_CHANGED = "the password of this account was changed"  # noqa: S105 - a text for people
_REVOKED: dict[Means, str] = {
    "token": "the device token of this session was revoked",
    "certificate": "the certificate of this session was revoked",
    "invite": "the invite of this session was withdrawn",
}
FACTOR_MISSING = "this account has a second factor, which this login did not pass"
FACTOR_LACKING = "this account must have a second factor, and has none"
OPENING = 1 << 62  # of a variant: these sessions are still told what went before, so their lines are held


class Stage(Enum):
    REGISTERING = auto()
    ADMITTED = auto()
    CLOSED = auto()


class Registration:
    """What a session has said before its admission; dropped with it."""

    __slots__ = (
        "claimed",
        "commands",
        "device",
        "login",
        "mechanism",
        "negotiating",
        "nick",
        "realname",
        "response",
        "user",
    )

    def __init__(self) -> None:
        self.commands = 0
        self.device = ""  # as the client calls it, to tell it from others of the account
        self.negotiating = False  # between CAP LS or REQ and CAP END
        self.nick: str | None = None
        self.user: str | None = None
        self.realname = ""
        self.mechanism: str | None = None  # an exchange is open
        self.response = ""  # its pieces so far
        self.claimed = ""  # whose secret was given last
        self.login: Login | None = None

    def changed(self, name: str) -> None:
        """Nothing is derived from it."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who proved to be whom, and how."""

    person: Person
    proof: Proof
    factor_roles: Collection[str]  # the roles that must have a second factor

    @property
    def fault(self) -> str | None:
        """Why it would not be accepted now, for whoever gave the proof: the account may have changed since."""
        account = self.person.account
        if account.deleted:
            return DELETED
        if self.proof.password_version < account.password_version:
            return PASSWORD_CHANGED
        if self.proof.credential in self.person.revoked or self._issued_too_early:
            return _REVOKED[self.proof.means]
        if account.suspended:
            return SUSPENDED
        if account.factor is None:
            return FACTOR_LACKING if account.role in self.factor_roles else None
        return FACTOR_MISSING if self.proof.factor != account.factor else None

    @property
    def _issued_too_early(self) -> bool:
        """A certificate knows full seconds only."""
        since = self.person.account.certificates_since // 1000 * 1000
        return self.proof.issued is not None and self.proof.issued < since


@dataclass(slots=True)
class Backlog:
    """What a session said while it could not be answered: all of it in its order, and how much of it was handled."""

    lines: dict[int, Message | Unreadable] = field(default_factory=dict)
    taken: int = 0

    def changed(self, name: str) -> None:
        """Nothing is derived from it."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """The batch that a client is sending: a message of several lines, so far."""

    reference: str
    target: str
    tags: str
    name: str | None  # as in `retry`
    label: str | None
    since: float
    command: str = ""
    pieces: tuple[Piece, ...] = ()
    refused: bool = False


@dataclass(slots=True)
class Opening:
    """What a session is sent first, a step at a time while it reads; what happens meanwhile is held behind it.

    So a thousand names in each of two hundred channels fill no outbox, and all is told in its order and once.
    """

    steps: tuple[Callable[[Turn, Session], None], ...] = field(repr=False)
    taken: int = 0
    upto: int = 0  # the newest entry when the admission stood; what comes behind it is held
    held: dict[int, bytes] = field(default_factory=dict, repr=False)
    given: int = 0  # of what was held
    size: int = 0  # bytes of the rest

    def changed(self, name: str) -> None:
        """Nothing is derived from it."""


class Session:
    """Changed through the turn only, but for what says so."""

    __slots__ = (
        "address",
        "away",
        "backlog",
        "busy",
        "caps",
        "certificate",
        "choked",
        "device",
        "exempt",
        "handed",
        "heard",
        "incoming",
        "link",
        "login",
        "monitored",
        "network",
        "opening",
        "oper",
        "person",
        "registration",
        "request",
        "response",
        "send_now",
        "stage",
        "strikes",
    )

    def __init__(self, address: str, *, exempt: bool = False) -> None:
        self.address = address
        self.network = network_of(address)  # by which it is counted
        self.exempt = exempt  # comes from a network of `limits.exempt`
        self.heard = 0.0  # when its peer gave the last sign of life; set by the loop
        self.stage = Stage.REGISTERING
        self.registration: Registration | None = Registration()
        self.certificate: ClientCertificate | None = None  # that it presented, for logging in; set by the loop
        self.caps = 0
        self.person: Person | None = None  # set by admission, for good
        self.login: Login | None = None  # what opened it, set by admission; it goes along with one's own new password
        self.away: str | None = None
        self.monitored: dict[str, str] = {}  # its MONITOR list: by casefolded name, as it was written
        self.oper: Login | None = None  # by OPER, as whichever administrator
        self.response = ""  # pieces of a PASSWD so far
        self.request: Request | None = None  # of a peer that speaks HTTP: nothing of IRC may be sent to it
        self.busy = False  # waits for a worker; what it says meanwhile is held
        self.choked = False  # does not read what it was sent; what it says is held, too; set by the loop
        self.backlog = Backlog()
        self.opening: Opening | None = None  # from its admission until it has been told where it is
        self.device: str | None = None  # whose place it moves, empty without a name; None: it moves none
        self.handed: int | None = 0  # the entry up to which it was handed all; None: the newest one; set by the loop
        self.incoming: Incoming | None = None
        self.strikes: tuple[float, ...] = ()  # moments of handler errors
        self.link: Connection | None = None  # the loop's; opaque to the core
        self.send_now: Callable[[bytes], int] | None = None  # set by the link while nothing is queued before it

    @property
    def waits(self) -> bool:
        """Whether what it says is held: for a worker, until it reads, or behind what comes first."""
        return self.busy or self.choked or self.opening is not None or bool(self.backlog.lines)

    @property
    def variant(self) -> int:
        variant = self.caps & VARIANT
        if not self.caps & BATCH:
            variant &= ~MULTILINE
        return variant if self.opening is None else variant | OPENING

    @property
    def is_oper(self) -> bool:
        """Whether its OPER still counts."""
        return self.oper is not None and self.oper.fault is None and self.oper.person.account.admin

    @property
    def nick(self) -> str:
        """What replies are addressed to."""
        if self.person is not None:
            return self.person.name
        return (self.registration and self.registration.nick) or "*"

    def note_handed(self, newest: int) -> None:
        """What comes behind the entry `newest` is not handed to the socket, or not yet."""
        if self.handed is None:
            self.handed = newest

    def changed(self, name: str) -> None:
        if name in ("caps", "opening") and self.person is not None:
            self.person.changed("sessions")
