"""An account as the core knows it: the stored facts, its sessions now, and the channels it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from securechat.protocol.names import fold
from securechat.store.rows import Account, AccountId

if TYPE_CHECKING:
    from securechat.chat.channel import Channel


class Recipient(Protocol):
    """What a channel must know of a session: which variant of the bytes it gets."""

    @property
    def variant(self) -> int: ...


class Person:
    """State of the core; changed through the turn only."""

    __slots__ = (
        "_source",
        "account",
        "away",
        "channels",
        "last_active",
        "network",
        "places",
        "present",
        "realname",
        "sessions",
        "signed_on",
        "user",
    )

    def __init__(self, account: Account, network: str) -> None:
        self.account = account
        self.network = network
        self.sessions: dict[Recipient, None] = {}  # admitted ones, oldest first
        self.channels: dict[Channel, None] = {}  # the inverse of Channel.members
        self.places: dict[str, int] = {}  # device → seq of the entry up to which it was handed all, as stored
        self.present = False  # to others: has a session, or lost the last one a moment ago
        self.user = ""  # these three are the first session's word, for as long as the person is present
        self.realname = ""
        self.signed_on = 0.0
        self.last_active = 0.0  # of its messages, for WHOIS; a hint, so set directly
        self.away: str | None = None  # once every session is; what was said last
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

    def changed(self, name: str) -> None:
        if name == "account":
            self._source = ""
        if name in ("sessions", "present", "account"):
            for channel in self.channels:
                channel.member_changed(self)
