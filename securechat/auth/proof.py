"""What a login brings from the store: whose account it is, and the proof that its session is held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from securechat.store.invites import State
from securechat.store.rows import Account, CodeUsed, MemberStored, RecoveryCodeUsed

Means = Literal["password", "token", "certificate", "invite"]
Code = Literal["code", "recovery code"]


@dataclass(frozen=True, slots=True)
class Proof:
    """By what somebody proved to be whom. It is void once the password is a later one, or the credential is revoked."""

    means: Means
    password_version: int  # the account's when the proof was checked
    credential: str = ""  # public id of the device token or the invite, serial number of the certificate
    issued: int | None = None  # when the certificate was, in milliseconds
    factor: int | None = None  # the second factor that was passed, too: when it was enabled; no means has it by itself
    code: Code | None = None  # by which it was, just now
    channel: str = ""  # where an invite leads besides

    def __str__(self) -> str:
        words = f"{self.means} {self.credential}".rstrip()
        return f"{words} and {self.code}" if self.code else words


@dataclass(frozen=True, slots=True)
class VoidInvite:
    """Somebody holds the secret of an invite that opens nothing any more; he proved it, so he may be told why."""

    state: State


@dataclass(frozen=True, slots=True)
class Verified:
    """The proof was good; account and memberships as they were when it was checked, for the core may not know it yet.

    What changed meanwhile the core learns from the store before it handles this.
    """

    account: Account
    members: tuple[MemberStored, ...]
    proof: Proof
    used: CodeUsed | RecoveryCodeUsed | None = None  # what counts no second time, and only once that is stored
    rehashed: bytes | None = field(default=None, repr=False)  # a password at today's cost, if it was stored at another
