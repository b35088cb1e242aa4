"""Whether the server is the one that is meant: settled by CA or pin before anything but the handshake is sent.

With a pin the key alone counts, not the certificate's dates and names: a renewal that keeps the key goes unnoticed.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from securechat.client import reach, refusals
from securechat.client.address import Address
from securechat.tls import pins
from securechat.tls.contexts import Identity, client_context
from securechat.tls.errors import UNKNOWN_ISSUER, TrustError

if TYPE_CHECKING:
    from securechat.tls.server_certificate import ServerCertificate

EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")  # its object identifier in DER


@dataclass(frozen=True, slots=True)
class ByCA:
    """The certificate must come from a CA in `file`, else from one of the system's, and name the host."""

    file: Path | None = None
    used: Callable[[], date | None] = lambda: None  # a day that has been: a clock that shows an earlier one is wrong


@dataclass(frozen=True, slots=True)
class ByPin:
    """This key and no other. `since` says since when it is known, None when it was just given."""

    pin: str
    since: date | None = None


Trust = ByCA | ByPin


@dataclass(frozen=True, slots=True)
class Shown:
    version: str  # of TLS
    certificate: ServerCertificate


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
        tls = reach.shake_hands(reach.connect(address), context, address)
    except ssl.SSLCertVerificationError as error:
        raise _refusal(address, trust, error) from error
    if EXTENDED_KEY_USAGE not in _certificate(tls):  # OpenSSL checks what it says, but not that there is one
        tls.close()
        raise refusals.wrong_purpose(address)
    return tls


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
        return refusals.not_the_pin(address, trust.pin, shown)
    return refusals.changed_key(address, trust.pin, trust.since, shown)


def _refusal(address: Address, trust: ByCA, error: ssl.SSLCertVerificationError) -> TrustError:
    """In the words that fit, which need a second look at the certificate: a failed handshake keeps none."""
    shown = look(address).certificate
    if trust.file is None and error.verify_code in UNKNOWN_ISSUER:
        # Its dates must be right even so: it may be made trusted by this.
        return refusals.wrong_dates(address, shown, trust.used()) or UnknownKey(address, shown.pin)
    return refusals.by_certificate(address, shown, error, trust.file, trust.used())


def look(address: Address) -> Shown:
    """What the server shows to anybody; nothing of it is trusted. Raises Unreachable, NotTLS or TrustError."""
    from securechat.tls import server_certificate

    with _unchecked(address) as tls:
        return Shown(tls.version() or "", server_certificate.read(_certificate(tls)))


def _unchecked(address: Address, identity: Identity | None = None) -> ssl.SSLSocket:
    return reach.shake_hands(reach.connect(address), client_context(pinned=True, identity=identity), address)


def _certificate(tls: ssl.SSLSocket) -> bytes:
    certificate = tls.getpeercert(binary_form=True)
    if certificate is None:
        raise TrustError("the server shows no certificate")
    return certificate
