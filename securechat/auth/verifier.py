"""Proving a password against the store. Called by workers; as slow for an unknown name as for a known one."""

from __future__ import annotations

from dataclasses import dataclass, field

from securechat import config
from securechat.auth import passwords
from securechat.store.accounts import Accounts
from securechat.store.rows import Account, MemberStored


@dataclass(frozen=True, slots=True)
class Verified:
    """A password was right; the account and its memberships as they were before the hash: the core may not know it yet.

    What changed meanwhile the core learns from the store before it handles this.
    """

    account: Account
    members: tuple[MemberStored, ...]
    rehashed: bytes | None = field(default=None, repr=False)  # at today's cost, where the stored one is of another


@dataclass(frozen=True, slots=True)
class Rehashed:
    """The old password was right, and this is the new one's hash."""

    hash: bytes = field(repr=False)
    replaces: int  # the version that the old one was


class Verifier:
    def __init__(self, accounts: Accounts, settings: config.Auth) -> None:
        self._accounts = accounts
        self._settings = settings
        self._dummy = passwords.dummy(settings.bcrypt_rounds)

    def verify(self, name: str, password: str) -> Verified | None:
        """None when name or password is wrong. A suspended account is verified too; the caller refuses it."""
        credentials = self._accounts.credentials(name)
        right = passwords.check(password, credentials.hash if credentials else self._dummy)
        if credentials is None or not right:
            return None
        rehash = passwords.needs_rehash(credentials.hash, self._settings.bcrypt_rounds)
        rehashed = passwords.hash(password, self._settings.bcrypt_rounds) if rehash else None
        return Verified(credentials.account, credentials.members, rehashed)

    def change(self, name: str, old: str, new: str) -> Rehashed | None:
        """None when the old password is wrong. Raises WeakPassword for the new one."""
        credentials = self._accounts.credentials(name)
        if credentials is None or not passwords.check(old, credentials.hash):
            return None
        passwords.check_rule(new, name, self._settings)
        return Rehashed(passwords.hash(new, self._settings.bcrypt_rounds), credentials.account.password_version)
