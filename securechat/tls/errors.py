"""What can be wrong with certificates, keys and pins, and the command line that mends it."""

from __future__ import annotations

import shlex
from pathlib import Path

from securechat.errors import SecurechatError

# What `ssl` says of a peer's certificate. Source: OpenSSL, x509_vfy.h.
NOT_YET_VALID, EXPIRED = 9, 10
SELF_SIGNED = 18
UNKNOWN_ISSUER = (2, SELF_SIGNED, 19, 20, 21)
WRONG_PURPOSE = 26
WRONG_NAME = (62, 63, 64)


class CertificateError(SecurechatError):
    """A certificate or key cannot be made or used."""


class RequestError(CertificateError):
    """What was asked for makes no certificate: a host, a name or a number of days."""

    exit_status = 2


class CertificateMissing(CertificateError):
    """A certificate or key file is not there or cannot be read."""

    exit_status = 2


class PassphraseNeeded(CertificateError):
    """A key is encrypted; a server that restarts by itself has nobody to ask."""

    def __init__(self, key: Path) -> None:
        quoted = shlex.quote(str(key))
        super().__init__(f"key {key} needs a passphrase; take it off with: openssl pkey -in {quoted} -out NEW_FILE")


class TrustError(CertificateError):
    """The other side cannot be trusted, or there is nothing to judge it by."""

    exit_status = 4


class PinError(CertificateError):
    """A text is not the SHA-256 of a public key."""

    exit_status = 2


def gen_certs(folder: Path, arguments: str = "") -> str:
    """The command to type for the certificates in `folder`."""
    words = ["python scripts/gen_certs.py", arguments]
    if folder != Path("certs"):
        words.append(f"--dir {shlex.quote(str(folder))}")
    return " ".join(word for word in words if word)
