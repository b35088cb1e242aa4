"""TLS contexts: the server's, and the client's for each kind of trust.

`cryptography` is imported only when a server's certificate is read: a client that checks a CA does without.
"""

from __future__ import annotations

import logging
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from securechat.tls import pair, permissions
from securechat.tls.errors import CertificateError, CertificateMissing, PassphraseNeeded, TrustError, gen_certs

# With `irc`, with no ALPN and with nothing in common the selected protocol is `irc` or None, and both mean IRC:
# CPython ignores an offer without overlap instead of failing the handshake.
IRC = "irc"
HTTP = "http/1.1"
HTTP_1_0 = "http/1.0"

Version = Literal["1.2", "1.3"]
_versions: dict[Version, ssl.TLSVersion] = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ciphers_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"  # forward secret and authenticated; TLS 1.3 has no others
_groups = "X25519:prime256v1:secp384r1"  # those of Mozilla's profiles

log = logging.getLogger(__name__)


def server_context(
    certificate: Path, key: Path, min_version: Version = "1.3", client_ca: Path | None = None
) -> ssl.SSLContext:
    """What a listener shakes hands with. Raises CertificateError when the pair would serve nobody.

    With `client_ca` it asks for a client's certificate: none will do, but one that these CAs did not issue will not.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context, min_version)
    context.num_tickets = 0  # sessions last for days: nobody resumes, and a ticket costs every handshake a write
    context.options |= ssl.OP_NO_TICKET  # the same for TLS 1.2
    # All suites are strong, and the client knows which is the fastest for it. Source: Mozilla's profiles.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols([IRC, HTTP, HTTP_1_0])
    _choose_groups(context)
    _check_dates(certificate)
    _load_pair(context, certificate, key)
    if client_ca is not None:
        _ask_for_certificate(context, client_ca)
    return context


class Identity(NamedTuple):
    """A certificate that a client presents, and its key; both may be in one file."""

    certificate: Path
    key: Path


def client_context(
    ca_file: Path | None = None, *, pinned: bool = False, identity: Identity | None = None
) -> ssl.SSLContext:
    """What a client shakes hands with: it trusts the CAs in `ca_file`, else those of the system.

    With `pinned` the chain and the name are not checked: the caller compares the pin of the peer's certificate
    after the handshake and sends nothing before. Raises CertificateError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context, "1.2")
    context.set_alpn_protocols([IRC])
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        # Python 3.13's defaults, on every version: a server that some members cannot reach is found out early.
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
        context.hostname_checks_common_name = False  # it is no name of a host: RFC 9525
        _trust(context, ca_file)
    if identity is not None:
        _check_readable(identity.certificate, "give the path of your client certificate")
        _load_pair(context, identity.certificate, identity.key)
    return context


def _harden(context: ssl.SSLContext, min_version: Version) -> None:
    context.minimum_version = _versions[min_version]
    context.set_ciphers(_ciphers_of_1_2)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def _choose_groups(context: ssl.SSLContext) -> None:
    """Leave out what is slow, X448 and P-521, where Python can: a stranger chooses whose work that is.

    Before 3.15 it can set a single one, which costs most clients a round trip. OpenSSL's configuration file could set
    them, but `serve` writes none of its own: it would take the place of the machine's, with its policy and providers.
    """
    if sys.version_info >= (3, 15):
        try:
            context.set_groups(f"X25519MLKEM768:{_groups}")
        except ssl.SSLError:  # OpenSSL before 3.5 knows no hybrid
            context.set_groups(_groups)


def _trust(context: ssl.SSLContext, ca_file: Path | None) -> None:
    if ca_file is None:
        return context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    _check_readable(ca_file, "bring the server's ca.crt here or give its path with --ca")
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise TrustError(f"{ca_file} holds no certificate in PEM; ask the server's operator for its ca.crt") from error
    return None


def _ask_for_certificate(context: ssl.SSLContext, client_ca: Path) -> None:
    _check_readable(client_ca, "give the CA that issues certificates to clients as tls.client_ca")
    try:
        context.load_verify_locations(client_ca)
    except ssl.SSLError as error:
        raise CertificateError(f"{client_ca} holds no certificate in PEM; it must be the clients' CA") from error
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_STRICT


def _check_dates(certificate: Path) -> None:
    from cryptography import x509

    _check_readable(certificate, mend(certificate, ""))
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
    except ValueError as error:
        raise CertificateError(f"{certificate} holds no certificate in PEM; {mend(certificate, '--force')}") from error
    now = datetime.now(UTC)
    if read.not_valid_after_utc <= now:
        raise CertificateError(
            f"certificate {certificate} expired {read.not_valid_after_utc:%Y-%m-%d}; {mend(certificate, 'renew')}"
        )
    if read.not_valid_before_utc > now:  # and is served with: a clock that is wrong at boot is set right later
        since = f"{read.not_valid_before_utc:%Y-%m-%d %H:%M}"
        log.warning("certificate %s begins only %s UTC; check this machine's clock", certificate, since)


def _load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    def passphrase() -> str:
        raise PassphraseNeeded(key)

    remedy = mend(certificate, "--force")
    if not pair.waiting(key).exists():
        _check_readable(key, f"bring it back or {remedy}")
    for one in (key, pair.waiting(key)):
        permissions.make_private(one)
    try:
        pair.load(context, certificate, key, passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise CertificateError(f"key {key} does not belong to certificate {certificate}; {remedy}") from error
        raise CertificateError(
            f"cannot use {certificate} with key {key}: {error.reason or 'not in PEM'}; {remedy}"
        ) from error
    except OSError as error:
        raise CertificateMissing(f"cannot read {key}: {error.strerror}; {remedy}") from error


def mend(certificate: Path, arguments: str) -> str:
    """What to do about a bad pair; gen_certs.py can replace only what it made."""
    if certificate.name != "server.crt":
        return "get a new pair from its issuer"
    return f"run {gen_certs(certificate.parent, arguments)}"


def _check_readable(path: Path, remedy: str) -> None:
    """Say which file it is: the errors of `ssl` do not."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise CertificateMissing(f"cannot read {path}: {error.strerror}; {remedy}") from error
