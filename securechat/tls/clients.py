"""Certificates that clients present: what one says of its account, and why one is refused.

Only those that our CA issued get past the handshake, so what is read here is not a stranger's.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from securechat.tls.errors import (
    EXPIRED,
    NOT_YET_VALID,
    UNKNOWN_ISSUER,
    WRONG_PURPOSE,
    CertificateError,
    CertificateMissing,
)

ACCOUNT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """By which an account can log in; times in milliseconds since the epoch."""

    account: str  # its name
    serial: str  # hex digits
    issued: int
    expires: int


def read(certificate: bytes) -> ClientCertificate | None:
    """What a certificate in DER says; None if it is not made for logging in, or names no account."""
    return _said_by(x509.load_der_x509_certificate, certificate)


def read_file(path: Path) -> ClientCertificate:
    """The same of a file in PEM, whatever else is in it. Raises CertificateError."""
    try:
        found = _said_by(x509.load_pem_x509_certificate, path.read_bytes())
    except OSError as error:
        raise CertificateMissing(f"cannot read {path}: {error.strerror}") from error
    if found is None:
        raise CertificateError(f"{path} is no certificate that an account can log in with; gen_certs.py makes them")
    return found


def is_self_signed(path: Path) -> bool:
    """Whether nobody but itself vouches for a certificate in PEM. Raises CertificateError."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise CertificateMissing(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise CertificateError(f"{path} holds no certificate in PEM") from error
    return found.issuer == found.subject


def _said_by(load: Callable[[bytes], x509.Certificate], data: bytes) -> ClientCertificate | None:
    try:
        found = load(data)
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = [str(one.value) for one in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except (ValueError, x509.ExtensionNotFound):
        return None
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usage or len(names) != 1 or not ACCOUNT_NAME.fullmatch(names[0]):
        return None
    issued, expires = (int(one.timestamp()) * 1000 for one in (found.not_valid_before_utc, found.not_valid_after_utc))
    return ClientCertificate(names[0], serial(found), issued, expires)


def serial(certificate: x509.Certificate) -> str:
    return f"{certificate.serial_number:x}"


def refusal(error: ssl.SSLCertVerificationError) -> str:
    """Why the handshake refused a client's certificate, and what to do; for the log."""
    if error.verify_code in UNKNOWN_ISSUER:
        return (
            "presents a certificate that the server's CA did not issue, such as one that it made for itself; its owner"
            " must take it out of the client's settings here, or use a listener without client_certificates"
        )
    if error.verify_code == EXPIRED:
        return "presents a client certificate that has expired; make another with: python scripts/gen_certs.py client"
    if error.verify_code == NOT_YET_VALID:
        return "presents a client certificate that is not valid yet; check the clocks of this machine and of its CA"
    if error.verify_code == WRONG_PURPOSE:
        return "presents a certificate that is not made for clients, such as a server's"
    return f"presents a client certificate that is not valid: {error.verify_message}"
