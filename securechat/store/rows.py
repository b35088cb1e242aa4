"""What a turn asks the store to keep: plain values, applied in order in one transaction.

Channels are keyed by their casefolded name, accounts by their id. Times are milliseconds since the epoch, UTC.
A `target` is a channel's key, or `pair(a, b)` for the direct messages of two accounts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

AccountId = int


def pair(one: AccountId, other: AccountId) -> str:
    """The target of two accounts' direct messages; can never be a channel's key, which starts with #."""
    low, high = sorted((one, other))
    return f"{low}:{high}"


REDACTED = "REDACTED"  # the kind of an entry that was erased; its place in the order and its msgid stay


class EntryStored(msgspec.Struct, frozen=True, gc=False):
    """One message or event of a target's history; its place in the order, `seq`, is given by the commit.

    A struct, since there is one for every message.
    """

    target: str
    msgid: str
    time: int
    kind: str  # the command: PRIVMSG, NOTICE, TAGMSG, REDACT, JOIN, PART, KICK, TOPIC
    sender: AccountId
    text: str  # for events the command's parameters behind the channel, as on the wire
    tags: str = ""  # client-only tags worth keeping, as on the wire

    def __repr__(self) -> str:
        """Without what people said."""
        return f"EntryStored(target={self.target!r}, msgid={self.msgid!r}, kind={self.kind!r}, sender={self.sender})"


@dataclass(frozen=True, slots=True)
class EntryRedacted:
    """Erase what an entry said; that it was redacted, by whom and why, is an entry of its own."""

    target: str
    msgid: str


@dataclass(frozen=True, slots=True)
class ReadMarkerStored:
    """Up to when an account has read a target; it only ever rises."""

    account: AccountId
    target: str
    time: int


@dataclass(frozen=True, slots=True)
class ChannelStored:
    """A channel as it is now; inserted, or every column replaced."""

    key: str
    name: str
    created: int
    topic: str = field(repr=False)
    topic_by: str
    topic_time: int
    modes: str  # letters without parameters, sorted: "nt"
    password: str | None = field(repr=False)  # mode k
    user_limit: int | None  # mode l


@dataclass(frozen=True, slots=True)
class ChannelRemoved:
    """A channel goes with its last member, and with it how far he had read it; the entries of its name stay."""

    key: str
    member: AccountId


@dataclass(frozen=True, slots=True)
class MemberStored:
    channel: str
    account: AccountId
    role: int  # bits: 2 operator, 1 voice; 0 plain


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    channel: str
    account: AccountId


@dataclass(frozen=True, slots=True)
class ListModeStored:
    channel: str
    mode: str  # b, e or I
    mask: str
    set_by: str
    set_at: int


@dataclass(frozen=True, slots=True)
class ListModeRemoved:
    channel: str
    mode: str
    mask: str


@dataclass(frozen=True, slots=True)
class PasswordStored:
    account: AccountId
    hash: bytes = field(repr=False)
    version: int  # counts up with every change; a login proved against an older one is void


@dataclass(frozen=True, slots=True)
class NameStored:
    """Another spelling of an account's name; its casefolded form stays."""

    account: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class PlaceStored:
    """Up to which entry a device was handed what its account is told; never moved back."""

    account: AccountId
    device: str
    seq: int


@dataclass(frozen=True, slots=True)
class PlaceRemoved:
    account: AccountId
    device: str


@dataclass(frozen=True, slots=True)
class AddressKnown:
    """When an account logged in last from a network: an IPv4 address, or the /64 of an IPv6 one."""

    account: AccountId
    network: str
    time: int


@dataclass(frozen=True, slots=True)
class InviteUsed:
    """Who came by this invite has chosen a password; it opens nothing any more."""

    invite: str
    time: int


@dataclass(frozen=True, slots=True)
class TokenStored:
    """A new device token, made for who proved the password of this version and passed this second factor."""

    token: str
    account: AccountId
    name: str
    digest: bytes = field(repr=False)
    created: int
    expires: int
    password_version: int
    factor: int | None


@dataclass(frozen=True, slots=True)
class TokenRevoked:
    token: str
    account: AccountId
    time: int


@dataclass(frozen=True, slots=True)
class AddressForgotten:
    account: AccountId
    network: str


@dataclass(frozen=True, slots=True)
class TokenUsed:
    """Somebody logged in with this device token, now and from there."""

    token: str
    time: int
    address: str


@dataclass(frozen=True, slots=True)
class TokensRevoked:
    """The account's device tokens are void, all but the one to `keep`."""

    account: AccountId
    keep: str  # empty for none
    time: int


class LoginFailed(NamedTuple):
    """A guess at a password, as it is counted: when, at which name, from which network."""

    time: int
    account: str  # a digest of the casefolded name, which may be nobody's
    network: str


@dataclass(frozen=True, slots=True)
class CertificateUsed:
    """Somebody logged in with this client certificate, now and from there."""

    serial: str
    account: AccountId
    time: int
    address: str
    not_after: int


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """A code of the account's second factor was taken; none of this time step or an earlier one counts any more."""

    account: AccountId
    step: int


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed:
    """A recovery code was taken, which counts once."""

    digest: str = field(repr=False)
    time: int


class Audited(NamedTuple):
    """An entry of the audit log, as it is hashed; its number and hash are given by the commit."""

    time: int
    actor: str  # an account's name, `unix:` and a user's, or empty for nobody
    act: str  # "login", "account.suspend", …
    subject: str  # whom it was done to
    address: str
    detail: str


class NamedMessage(NamedTuple):
    """A message that its sender named, to know a repeat by."""

    account: AccountId
    name: str
    target: str
    digest: bytes  # of what was said
    msgid: str
    time: int

    def __repr__(self) -> str:
        """Without the digest, by which short words could be guessed."""
        return f"NamedMessage(account={self.account}, name={self.name!r}, msgid={self.msgid!r})"


@dataclass(frozen=True, slots=True)
class Proved:
    """Nothing but the proof, by its commit, that the store can commit."""


Row = (
    EntryStored
    | EntryRedacted
    | ReadMarkerStored
    | ChannelStored
    | ChannelRemoved
    | MemberStored
    | MemberRemoved
    | ListModeStored
    | ListModeRemoved
    | PasswordStored
    | NameStored
    | PlaceStored
    | PlaceRemoved
    | AddressKnown
    | AddressForgotten
    | InviteUsed
    | LoginFailed
    | TokenStored
    | TokenRevoked
    | TokenUsed
    | TokensRevoked
    | CertificateUsed
    | CodeUsed
    | RecoveryCodeUsed
    | NamedMessage
    | Proved
    | Audited
)


@dataclass(frozen=True, slots=True)
class Account:
    """What the core knows of a person; the hash stays in the store."""

    id: AccountId
    name: str
    role: str  # "admin" or "member"
    suspended: bool
    deleted: bool
    password_version: int
    certificates_since: int  # milliseconds; client certificates issued earlier are void
    factor: int | None = None  # when its second factor was enabled; None: it has none

    @property
    def admin(self) -> bool:
        return self.role == "admin"

    @property
    def has_password(self) -> bool:
        """Whether one was ever chosen; until then an invite opens it."""
        return self.password_version > 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored message or event as history gives it back."""

    target: str
    seq: int  # its place in the order of all commits
    msgid: str
    time: int
    kind: str
    sender: AccountId
    text: str = field(repr=False)
    tags: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the core holds of the store, read in one transaction at start."""

    accounts: tuple[Account, ...]  # deleted ones too: history and pairs refer to them
    channels: tuple[ChannelStored, ...]
    members: tuple[MemberStored, ...]
    list_modes: tuple[ListModeStored, ...]
    read_markers: tuple[ReadMarkerStored, ...]
    last_times: dict[str, int]  # target → time of its newest entry
    places: tuple[PlaceStored, ...]
    known_addresses: tuple[AddressKnown, ...]
    newest: int  # seq of the newest entry of all, 0 when there is none


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """An administrator changed this account; the account and its memberships as the store has them now."""

    change: int  # the row of the table `change`
    account: Account
    members: tuple[MemberStored, ...]
    revoked: frozenset[str] = frozenset()  # its device tokens, invites, certificates and recovery codes that are
