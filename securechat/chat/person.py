"""An account as the core knows it: the stored facts, its sessions now, and the channels it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from securechat.protocol.names import fold
from securechat.store.rows import Account, AccountId, NamedMessage

if TYPE_CHECKING:
    from securechat.chat.channel import Channel


class Recipient(Protocol):
    """What this floor must know of a session: its capabilities, and which variant of the bytes it gets."""

    caps: int

    @property
    def variant(self) -> int: ...

    @property
    def is_oper(self) -> bool: ...


class Departure(NamedTuple):
    """As whom somebody was here, for WHOWAS."""

    user: str
    realname: str
    time: float


class Person:
    """State of the core; changed through the turn only."""

    __slots__ = (
        "_source",
        "account",
        "away",
        "bot",
        "channels",
        "departures",
        "last_active",
        "named",
        "network",
        "networks",
        "paid_until",
        "places",
        "present",
        "read_markers",
        "realname",
        "revoked",
        "sessions",
        "signed_on",
        "totp_step",
        "user",
    )

    def __init__(self, account: Account, network: str) -> None:
        self.account = account
        self.network = network
        self.revoked: frozenset[str] = frozenset()  # its device tokens, certificates and recovery codes that are void
        self.totp_step = 0  # the newest whose code it has used since the server's start
        self.sessions: dict[Recipient, None] = {}  # admitted ones, oldest first
        self.channels: dict[Channel, None] = {}  # the inverse of Channel.members
        self.places: dict[str, int] = {}  # device → seq of the entry up to which it was handed all, as stored
        self.networks: dict[str, int] = {}  # from which it logged in → when last, as stored
        self.present = False  # to others: has a session, or lost the last one a moment ago
        self.user = ""  # these three are the first session's word, for as long as the person is present
        self.realname = ""  # which SETNAME changes
        self.signed_on = 0.0
        self.last_active = 0.0  # of its messages, for WHOIS; a hint, so set directly
        self.paid_until = 0.0  # how far it is with paying for what it said; the loop's, see `server/pace.py`
        self.named: dict[str, NamedMessage] = {}  # the newest messages that its clients named; the store has them all
        self.away: str | None = None  # once every session is; what was said last
        self.read_markers: dict[str, int] = {}  # target → time up to which it was read
        self.bot = False  # said of itself by mode B, for as long as the person is present
        self.departures: tuple[Departure, ...] = ()  # the last few, newest first; not stored
        self._source = ""

    @property
    def id(self) -> AccountId:
        return self.account.id

    @property
    def name(self) -> str:
        return self.account.name

    @property
    def host(self) -> str:
        """Constant per account, so that a ban by host hits one person and nobody's address is shown."""
        return f"u{self.account.id}.{self.network}"

    @property
    def source(self) -> str:
        """The same for every session and for ever, so that a stored text fits its line at every playback."""
        if not self._source:
            self._source = f"{self.account.name}!{fold(self.account.name)}@{self.host}"
        return self._source

    @property
    def active(self) -> bool:
        """Whether this person can log in and be written to."""
        return not (self.account.suspended or self.account.deleted)

    def idle(self, now: float) -> int:
        """Seconds since it last said something."""
        return int(max(0, now - self.last_active))

    @property
    def is_oper(self) -> bool:
        """Whether others see an IRC operator: an administrator, or a session that proved to be one's by OPER."""
        return self.account.admin or any(session.is_oper for session in self.sessions)

    def changed(self, name: str) -> None:
        if name == "account":
            self._source = ""
        if name in ("sessions", "present", "account"):
            for channel in self.channels:
                channel.member_changed(self)
