"""Proving a password, a device token or a client certificate against the store. Called by workers.

It takes as long for unknown names as for known ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from securechat import config
from securechat.auth import passwords, tokens
from securechat.auth.proof import Proof, Verified
from securechat.auth.tokens import NewToken
from securechat.store.accounts import Accounts
from securechat.store.certificates import Certificates
from securechat.store.rows import AccountId
from securechat.store.tokens import Token, Tokens
from securechat.tls.clients import ClientCertificate


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
        proof = Proof("password", credentials.account.password_version)
        return Verified(credentials.account, credentials.members, proof, rehashed)

    def change(self, name: str, old: str, new: str) -> Rehashed | None:
        """None when the old password is wrong. Raises WeakPassword for the new one."""
        credentials = self._accounts.credentials(name)
        if credentials is None or not passwords.check(old, credentials.hash):
            return None
        passwords.check_rule(new, name, self._settings)
        return Rehashed(passwords.hash(new, self._settings.bcrypt_rounds), credentials.account.password_version)


class DeviceTokens:
    """Those of the store, for workers that read it; never slow."""

    def __init__(self, stored: Tokens, clock: Callable[[], float]) -> None:
        self._stored = stored
        self._clock = clock  # seconds since the epoch

    def verify(self, name: str | None, token: str) -> Verified | None:
        """None when it is no token of this account, or of any where none is named, or no longer.

        One of a suspended account is verified, too.
        """
        found = self._stored.find(name, tokens.digest(token), self._now())
        if found is None:
            return None
        proof = Proof("token", found.account.password_version, found.token)
        return Verified(found.account, found.members, proof)

    def make(self, account: AccountId, name: str, most: int) -> NewToken | None:
        """None when the account has as many as it may have. It counts once it is stored."""
        ident = self._stored.free_id(account, most, self._now())
        return None if ident is None else NewToken(ident, name, tokens.new())

    def active(self, account: AccountId) -> Sequence[Token]:
        return self._stored.active(account, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)


class CertificateVerifier:
    """Never slow; called by workers that read the store. The handshake has proved that the peer holds the key."""

    def __init__(self, stored: Certificates) -> None:
        self._certificates = stored

    def verify(self, presented: ClientCertificate) -> Verified | None:
        """None when it names no account or is revoked. Whether the account takes one so old the caller asks."""
        found = self._certificates.find(presented.account, presented.serial)
        if found is None:
            return None
        account, members = found
        proof = Proof("certificate", account.password_version, presented.serial, presented.issued)
        return Verified(account, members, proof)
