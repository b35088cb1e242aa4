"""Proving a password, a device token, an invite or a client certificate against the store. Called by workers.

With a password goes the code of a second factor. It takes as long for unknown names as for known ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from securechat import config
from securechat.auth import invites, passwords, tokens, totp
from securechat.auth.proof import Code, Proof, Verified, VoidInvite
from securechat.auth.tokens import NewToken
from securechat.store.accounts import UNSET, Accounts, Totp
from securechat.store.certificates import Certificates
from securechat.store.invites import Invites
from securechat.store.rows import AccountId, CodeUsed, RecoveryCodeUsed
from securechat.store.tokens import Token, Tokens
from securechat.store.totp import Factors
from securechat.tls.clients import ClientCertificate


@dataclass(frozen=True, slots=True)
class Rehashed:
    """The old password was right, or there was none, and this is the new one's hash."""

    hash: bytes = field(repr=False)
    replaces: int  # the version that the old one was


class Verifier:
    def __init__(self, accounts: Accounts, factors: Factors, settings: config.Auth, clock: Callable[[], float]) -> None:
        self._accounts = accounts
        self._factors = factors
        self._settings = settings
        self._clock = clock  # seconds since the epoch
        self._dummy = passwords.dummy(settings.bcrypt_rounds)

    def verify(self, name: str, secret: str) -> Verified | None:
        """None when name, password or code is wrong. A suspended account is verified too; the caller refuses it.

        `secret` is the password. Where there is a second factor a code may stand behind it; without one the proof
        lacks the factor, and the caller refuses it.
        """
        credentials = self._accounts.credentials(name)
        password, code = totp.split(secret) if credentials and credentials.totp else (secret, "")
        rounds = self._settings.bcrypt_rounds
        right = passwords.check(password, credentials.hash if credentials else self._dummy, rounds)
        if credentials is None or not right:
            return None
        account = credentials.account
        used = self._used(account.id, credentials.totp, code) if credentials.totp and code else None
        if code and used is None:
            return None
        rehashed = passwords.hash(password, rounds) if passwords.needs_rehash(credentials.hash, rounds) else None
        factor = account.factor if used else None
        proof = Proof("password", account.password_version, factor=factor, code=_named(used))
        return Verified(account, credentials.members, proof, used, rehashed)

    def _used(self, owner: AccountId, factor: Totp, code: str) -> CodeUsed | RecoveryCodeUsed | None:
        """What is used up by this code; None when it is none that counts."""
        now = self._clock()
        if totp.is_code(code):
            step = totp.step(factor.secret, code, now)
            return CodeUsed(owner, step) if step is not None and step > factor.step else None
        digest = totp.digest(code)
        return RecoveryCodeUsed(digest, int(now * 1000)) if self._factors.holds(owner, digest) else None

    def change(self, name: str, old: str, new: str) -> Rehashed | None:
        """None when the old password is wrong. Raises WeakPassword for the new one."""
        credentials = self._accounts.credentials(name)
        if credentials is None or not passwords.check(old, credentials.hash):
            return None
        passwords.check_rule(new, name, self._settings)
        return Rehashed(passwords.hash(new, self._settings.bcrypt_rounds), credentials.account.password_version)

    def choose(self, name: str, new: str) -> Rehashed:
        """The first password of an account. Raises WeakPassword."""
        passwords.check_rule(new, name, self._settings)
        return Rehashed(passwords.hash(new, self._settings.bcrypt_rounds), UNSET)


class DeviceTokens:
    """Those of the store, for workers that read it; never slow."""

    def __init__(self, stored: Tokens, clock: Callable[[], float]) -> None:
        self._stored = stored
        self._clock = clock  # seconds since the epoch

    def verify(self, name: str | None, token: str) -> Verified | None:
        """None when it is no token of this account, or of any where none is named, or no longer.

        One of a suspended account is verified, too. It has passed a second factor: enabling one revokes the tokens
        there are, so who made this one had passed it, or runs the server.
        """
        found = self._stored.find(name, tokens.digest(token), self._now())
        if found is None:
            return None
        proof = Proof("token", found.account.password_version, found.token, factor=found.account.factor)
        return Verified(found.account, found.members, proof)

    def make(self, account: AccountId, name: str, most: int) -> NewToken | None:
        """None when the account has as many as it may have. It counts once it is stored."""
        ident = self._stored.free_id(account, most, self._now())
        return None if ident is None else NewToken(ident, name, tokens.new())

    def active(self, account: AccountId) -> Sequence[Token]:
        return self._stored.active(account, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)


class InviteVerifier:
    """Never slow; called by workers that read the store."""

    def __init__(self, stored: Invites, clock: Callable[[], float]) -> None:
        self._stored = stored
        self._clock = clock  # seconds since the epoch

    def verify(self, name: str, secret: str) -> Verified | VoidInvite | None:
        """None when it is no invite of this account. As for a device token, a second factor counts as passed."""
        found = self._stored.find(name, invites.digest(secret), int(self._clock() * 1000))
        if found is None:
            return None
        if found.state != "open":
            return VoidInvite(found.state)
        account = found.account
        factor, channel = account.factor, found.channel
        proof = Proof("invite", account.password_version, found.invite, factor=factor, channel=channel)
        return Verified(account, found.members, proof)


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


def _named(used: CodeUsed | RecoveryCodeUsed | None) -> Code | None:
    if used is None:
        return None
    return "code" if isinstance(used, CodeUsed) else "recovery code"
