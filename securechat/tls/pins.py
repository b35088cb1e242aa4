"""Pins: the SHA-256 of a certificate's public key (its SPKI), written `sha256:` and 64 hex digits.

A pin outlives renewals that keep the key. `cryptography` is imported only when a certificate is read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from securechat.tls.errors import CertificateError, PinError

PREFIX = "sha256:"

# Prefixes: ours and OpenSSH's, HPKP's, curl's. One match decides, because base64 may itself begin with a slash.
_written = re.compile(
    r"(?:sha256(?::|//?))?(?:(?P<hex>[0-9a-f]{64}|[0-9a-f]{2}(?::[0-9a-f]{2}){31})|(?P<base64>[a-z0-9+/_-]{43})=?)",
    re.IGNORECASE | re.ASCII,
)


def of(certificate: bytes | str) -> str:
    """The pin of a certificate in DER or PEM; of several in a PEM text the first counts. Raises CertificateError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data = certificate.encode() if isinstance(certificate, str) else certificate
    read = x509.load_pem_x509_certificate if b"-----BEGIN" in data else x509.load_der_x509_certificate
    try:
        key = read(data).public_key()
    except ValueError as error:
        raise CertificateError("not a certificate in DER or PEM; a pin is made from one") from error
    return PREFIX + hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def parse(text: str) -> str:
    """The one written form of a pin that a person gave as hex (colons allowed) or base64. Raises PinError."""
    found = _written.fullmatch(text.strip())
    if found and found["hex"]:
        return PREFIX + found["hex"].replace(":", "").lower()
    if found:
        standard = found["base64"].translate(str.maketrans("-_", "+/")) + "="
        digest = base64.b64decode(standard)
        if base64.b64encode(digest).decode() == standard:  # the two bits too many must be zero
            return PREFIX + digest.hex()
    raise PinError(f"not a pin: {text!r}; give sha256: and 64 hex digits, as gen_certs.py prints it")


def matches(pin: str, certificate: bytes | str) -> bool:
    """Whether `certificate` (DER or PEM) holds the pinned key; compared in constant time."""
    return hmac.compare_digest(parse(pin).encode(), of(certificate).encode())
