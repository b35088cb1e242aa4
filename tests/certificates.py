"""Certificates that no command of ours would make, of a CA that one of ours made; and who asks clients for them."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ASKING = "[[listen]]\naddress = '127.0.0.1'\nport = 0\nclient_certificates = true\n"  # settings of a server
FOR_CLIENTS = (ExtendedKeyUsageOID.CLIENT_AUTH,)
FOR_SERVERS = (ExtendedKeyUsageOID.SERVER_AUTH,)


def client_pem(
    folder: Path,
    *names: str,
    usages: Sequence[x509.ObjectIdentifier] = FOR_CLIENTS,
    since: datetime | None = None,
    until: datetime | None = None,
    self_signed: bool = False,
) -> Path:
    """Certificate and key in one file of the CA's folder, as WeeChat takes it; `names` are its common names."""
    return _pem(folder, names, (), usages, since, until, self_signed)


def server_pem(
    folder: Path,
    host: str,
    *,
    common_name_only: bool = False,
    usages: Sequence[x509.ObjectIdentifier] = FOR_SERVERS,
    since: datetime | None = None,
    until: datetime | None = None,
    self_signed: bool = False,
) -> Path:
    """The same of a server called `host`."""
    return _pem(folder, (host,), () if common_name_only else (host,), usages, since, until, self_signed)


def _pem(
    folder: Path,
    names: Sequence[str],
    hosts: Sequence[str],
    usages: Sequence[x509.ObjectIdentifier],
    since: datetime | None,
    until: datetime | None,
    self_signed: bool,
) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    ca = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    authority = key if self_signed else signer
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if self_signed else ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or now)
        .not_valid_after(until or now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if hosts:
        alternative = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(alternative, critical=False)
    certificate = builder.sign(authority, hashes.SHA256())
    path = folder / f"{'-'.join(names)}-{certificate.serial_number:x}.pem"
    path.touch(0o600)
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


def presenting(folder: Path, pem: Path) -> ssl.SSLContext:
    """A client's context that trusts the CA of the folder and presents this certificate."""
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    context.load_cert_chain(pem)
    return context
