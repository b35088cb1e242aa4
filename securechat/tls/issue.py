"""Certificates as values: how a CA, a server's and a client's are made. No files here.

All satisfy strict X.509 checking (RFC 5280 with key identifiers), which Python 3.13 does by default.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFE = timedelta(days=3650)
CLOCK_SKEW = timedelta(hours=1)  # the clock of who checks a server may be behind ours by so much
LONGEST_COMMON_NAME = 64


@dataclass(frozen=True, slots=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def authority() -> Pair:
    """A new CA that may sign leaves and no further CAs."""
    key = new_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    # Two CAs of one team must not share a name, or a client that holds both may pick the wrong one.
    name = common_name(f"securechat CA {identifier.digest[:4].hex()}")
    until = datetime.now(UTC) + CA_LIFE
    builder = (
        _builder(name, key, _a_little_earlier(until), until)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier(identifier.digest, None, None), critical=False)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def server(
    ca: Pair, key: ec.EllipticCurvePrivateKey, subject: x509.Name, names: Sequence[x509.GeneralName], until: datetime
) -> Pair:
    builder = _leaf(ca, key, subject, ExtendedKeyUsageOID.SERVER_AUTH, _a_little_earlier(until), until)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(builder.sign(ca.key, hashes.SHA256()), key)


def client(ca: Pair, key: ec.EllipticCurvePrivateKey, account: str, until: datetime) -> Pair:
    """It begins when it is issued: one that is older than its account belongs to an earlier owner of the name."""
    builder = _leaf(ca, key, common_name(account), ExtendedKeyUsageOID.CLIENT_AUTH, datetime.now(UTC), until)
    return Pair(builder.sign(ca.key, hashes.SHA256()), key)


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _leaf(
    ca: Pair,
    key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    usage: x509.ObjectIdentifier,
    since: datetime,
    until: datetime,
) -> x509.CertificateBuilder:
    issuer = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _builder(subject, key, since, until)
        .issuer_name(ca.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False)
    )


def _a_little_earlier(until: datetime) -> datetime:
    return min(datetime.now(UTC), until) - CLOCK_SKEW


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, since: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
