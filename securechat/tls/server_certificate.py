"""What a server's certificate says of itself, for people: its names, its dates and its pin. Nothing here trusts it.

Importing this loads `cryptography`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from securechat.tls import names, pins
from securechat.tls.errors import CertificateError, CertificateMissing


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    names: tuple[str, ...]  # the host names and addresses it vouches for
    common_name: str  # which no client takes for a host's name any more
    issuer: str
    since: datetime
    until: datetime
    pin: str

    @property
    def host(self) -> str:
        """By which people find the server, as far as it says: the common name is what gen_certs.py was told last."""
        wanted = (self.common_name, *self.names)
        found = (name for name in wanted if name in self.names and name not in names.ALWAYS and "*" not in name)
        return next(found, names.ALWAYS[0])


def read(certificate: bytes) -> ServerCertificate:
    """Of a certificate in DER or PEM; of several in PEM the first counts. Raises CertificateError."""
    pin = pins.of(certificate)
    load = x509.load_pem_x509_certificate if b"-----BEGIN" in certificate else x509.load_der_x509_certificate
    try:
        found = load(certificate)
        return ServerCertificate(
            _names(found),
            _common_name(found.subject),
            _common_name(found.issuer),
            found.not_valid_before_utc,
            found.not_valid_after_utc,
            pin,
        )
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise CertificateError("a certificate that nobody can read; its operator must replace it") from error


def read_file(path: Path) -> ServerCertificate:
    """Raises CertificateError."""
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise CertificateMissing(f"cannot read {path}: {error.strerror}") from error
    except CertificateError as error:
        raise CertificateError(f"{path}: {error}") from error


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(names.text(name) for name in found)


def _common_name(name: x509.Name) -> str:
    return ", ".join(str(one.value) for one in name.get_attributes_for_oid(NameOID.COMMON_NAME))
