"""What the core may ask of the floors below, through workers: what somebody logs in with, and history."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from securechat.auth.proof import Verified, VoidInvite
from securechat.auth.tokens import NewToken
from securechat.auth.verifier import Rehashed
from securechat.store.rows import AccountId, Entry, NamedMessage
from securechat.store.search import Query
from securechat.store.tokens import Token
from securechat.tls.clients import ClientCertificate

PASSWORDS = "passwords"  # the pool that hashes
READS = "reads"  # the pool that reads the store


class PoolFull(Exception):
    """The job was not done: the pool's queue was full, or its session seemed to be gone."""

    seconds = 10  # until it is worth another try: a few dozen passwords are checked meanwhile


class Passwords(Protocol):
    """Called by the workers; hashing takes as long for an unknown name as for a known one."""

    def verify(self, name: str, password: str) -> Verified | None: ...

    def change(self, name: str, old: str, new: str) -> Rehashed | None:
        """None when the old password is wrong; raises WeakPassword."""
        ...

    def choose(self, name: str, new: str) -> Rehashed:
        """Raises WeakPassword."""
        ...


class Tokens(Protocol):
    """Called by the workers that read the store."""

    def verify(self, name: str | None, token: str) -> Verified | None: ...

    def make(self, account: AccountId, name: str, most: int) -> NewToken | None:
        """None when the account has as many as it may have."""
        ...

    def active(self, account: AccountId) -> Sequence[Token]: ...


class Invites(Protocol):
    """Called by the workers that read the store."""

    def verify(self, name: str, secret: str) -> Verified | VoidInvite | None: ...


class Certificates(Protocol):
    """Called by the workers that read the store."""

    def verify(self, presented: ClientCertificate) -> Verified | None: ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries of a target a CHATHISTORY asks for; references are a time in milliseconds or a msgid."""

    subcommand: str
    target: str
    references: tuple[int | str | None, ...]
    limit: int
    kinds: tuple[str, ...]


class History(Protocol):
    """Called by the workers."""

    def select(self, selection: Selection) -> Sequence[Entry]:
        """Oldest first. Raises UnknownMessage for a msgid that the target does not have."""
        ...

    def find(self, target: str, msgid: str) -> Entry | None:
        """The entry of this msgid, whatever its kind."""
        ...

    def named(self, account: AccountId, name: str) -> NamedMessage | None:
        """The message that the account sent under this name."""
        ...

    def targets(
        self, account: AccountId, channels: Sequence[str], after: int, before: int, limit: int, kinds: Sequence[str]
    ) -> Sequence[tuple[str, int]]:
        """Targets with the time of their newest entry within the bounds, oldest first."""
        ...

    def search(self, query: Query) -> Sequence[Entry]:
        """Oldest first."""
        ...

    def missed_targets(self, account: AccountId, channels: Collection[str], after: int, upto: int) -> Set[str]:
        """The account's pairs and those of the channels that have messages behind the entry `after`, up to `upto`."""
        ...

    def missed(self, target: str, after: int, upto: int, limit: int) -> Sequence[Entry]:
        """The newest of these messages of a target, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    passwords: Passwords
    tokens: Tokens
    invites: Invites
    certificates: Certificates
    history: History
    refused: Callable[[str, str], None]  # reason, address: summed into the log
    metrics: Callable[[], str]  # as Prometheus reads them
