"""Whether the server is the one that is meant: settled by CA or pin before anything but the handshake is sent.

With a pin the key alone counts, not the certificate's dates and names: a renewal that keeps the key goes unnoticed.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

from securechat.client import reach
from securechat.client.address import Address
from securechat.tls import pins
from securechat.tls.contexts import Identity, client_context
from securechat.tls.errors import EXPIRED, NOT_YET_VALID, UNKNOWN_ISSUER, WRONG_NAME, WRONG_PURPOSE, TrustError

SHOW_PIN = "openssl x509 -in certs/server.crt -noout -pubkey | openssl pkey -pubin -outform DER | openssl sha256"


@dataclass(frozen=True, slots=True)
class ByCA:
    """The certificate must come from a CA in `file`, else from one of the system's, and name the host."""

    file: Path | None = None


@dataclass(frozen=True, slots=True)
class ByPin:
    """This key and no other. `since` and `entry` say since when and where it is known, None when it was just given."""

    pin: str
    since: date | None = None
    entry: str | None = None


Trust = ByCA | ByPin


class UnknownKey(TrustError):
    """First contact: no CA vouches for the server, and its key was never seen; a person may say yes to `pin`."""

    def __init__(self, address: Address, pin: str) -> None:
        self.pin = pin
        super().__init__(
            f"the key of {address} is not known and no CA of this system vouches for it; give --ca FILE, the server's"
            f" ca.crt, or --pin SHA256, as its operator tells you (it shows {pin})"
        )


def connect(address: Address, trust: Trust, identity: Identity | None = None) -> ssl.SSLSocket:
    """A TLS connection to a server that is trusted; raises UnknownKey, TrustError, Unreachable or NotTLS.

    With a pin the server is judged behind the handshake, in which it has learned of `identity` then; not of its key.
    """
    if isinstance(trust, ByPin):
        return _connect_pinned(address, trust, identity)
    context = client_context(trust.file, identity=identity)
    try:
        return reach.shake_hands(reach.connect(address), context, address)
    except ssl.SSLCertVerificationError as error:
        if trust.file is None and error.verify_code in UNKNOWN_ISSUER:
            raise UnknownKey(address, _look_at_key(address)) from error
        _refuse(address, trust, error)


def _connect_pinned(address: Address, trust: ByPin, identity: Identity | None) -> ssl.SSLSocket:
    tls = _unchecked(address, identity)
    try:
        shown = pins.of(_certificate(tls))
        if shown != trust.pin:
            raise _other_key(address, trust, shown)
    except BaseException:
        tls.close()
        raise
    return tls


def _other_key(address: Address, trust: ByPin, shown: str) -> TrustError:
    if trust.since is None:
        return TrustError(
            f"{address} does not have the pinned key: expected {trust.pin}, it shows {shown}; nothing was sent;"
            " ask its operator for the pin"
        )
    return TrustError(
        f"THE KEY OF {address} HAS CHANGED: since {trust.since} it was {trust.pin}, now it shows {shown}; nothing was"
        " sent, somebody may be in between; ask the operator on another way, and only if he confirms the new key:"
        f" log in with --pin and the pin he tells you, or delete {trust.entry}"
    )


def _unchecked(address: Address, identity: Identity | None = None) -> ssl.SSLSocket:
    return reach.shake_hands(reach.connect(address), client_context(pinned=True, identity=identity), address)


def _certificate(tls: ssl.SSLSocket) -> bytes:
    certificate = tls.getpeercert(binary_form=True)
    if certificate is None:
        raise TrustError("the server shows no certificate")
    return certificate


def _look_at_key(address: Address) -> str:
    """The pin of a server that no CA vouches for. Its dates must be right even so: it may be made trusted by this."""
    from cryptography import x509

    with _unchecked(address) as tls:
        certificate = _certificate(tls)
    pin = pins.of(certificate)
    read = x509.load_der_x509_certificate(certificate)
    now = datetime.now(UTC)
    if read.not_valid_after_utc <= now:
        raise _expired(address)
    if read.not_valid_before_utc > now:
        raise _not_yet_valid(address)
    return pin


def _refuse(address: Address, trust: ByCA, error: ssl.SSLCertVerificationError) -> NoReturn:
    code = error.verify_code
    if code == EXPIRED:
        raise _expired(address) from error
    if code == NOT_YET_VALID:
        raise _not_yet_valid(address) from error
    if code in WRONG_NAME:
        raise TrustError(
            f"the certificate of {address} is for another name; use a name that is in it, or have its operator make one"
            f" with: python scripts/gen_certs.py --force --host {address.host}"
        ) from error
    if code in UNKNOWN_ISSUER:
        raise TrustError(
            f"the certificate of {address} does not come from the CA in {trust.file}; ask its operator for the server's"
            " ca.crt"
        ) from error
    if code == WRONG_PURPOSE:
        raise TrustError(
            f"the certificate of {address} is not made for servers; its operator must replace it"
        ) from error
    raise TrustError(f"the certificate of {address} is not valid: {error.verify_message}; tell its operator") from error


def _expired(address: Address) -> TrustError:
    return TrustError(
        f"the certificate of {address} has expired; its operator renews it with: python scripts/gen_certs.py renew"
        f" (unless the clock here is wrong: it says {datetime.now():%Y-%m-%d %H:%M})"
    )


def _not_yet_valid(address: Address) -> TrustError:
    return TrustError(
        f"the certificate of {address} is not valid yet; check the clock here, which says"
        f" {datetime.now():%Y-%m-%d %H:%M}, and the server's"
    )
