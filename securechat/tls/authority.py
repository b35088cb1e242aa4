"""The folder with a team's CA and its server's certificate: made, renewed, and kept whole.

Importing this loads `cryptography`: commands import it when they run. A lock on the folder keeps two writers apart.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from securechat.tls import clients, issue, names, pair, pins
from securechat.tls.errors import CertificateError, CertificateMissing, PassphraseNeeded, RequestError, gen_certs

LEAF_DAYS = 80  # over 90 fails Mozilla's modern profile
CLIENT_DAYS = 365
RENEW_BELOW_DAYS = 30
MOST_DAYS = issue.CA_LIFE.days
LOCK_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Files:
    """Where a pair lies: `NAME.crt` and `NAME.key`."""

    certificate: Path
    key: Path

    @property
    def any_there(self) -> bool:
        return self.certificate.exists() or self.key.exists()


@dataclass(frozen=True, slots=True)
class Made:
    """What a call wrote, for the person who asked for it."""

    written: tuple[Path, ...]
    names: tuple[str, ...]
    expires: datetime
    pin: str
    serial: str
    ca_replaced: bool = False
    key_replaced: bool = False


def ca_files(folder: Path) -> Files:
    return _files(folder, "ca")


def server_files(folder: Path) -> Files:
    return _files(folder, "server")


def client_files(folder: Path, account: str) -> Files:
    return _files(folder / "clients", account)


def create(
    folder: Path, hosts: Sequence[str] = (), days: int = LEAF_DAYS, *, force: bool = False, new_ca: bool = False
) -> Made:
    """Make a server certificate for `hosts` and, if there is none, the CA that signs it.

    `force` replaces the server's certificate and key, `new_ca` the CA as well.
    Raises CertificateError, before anything is written, when a file would be overwritten without either.
    """
    _check_days(days)
    alternative = names.alternative_names(hosts)
    with _locked(folder):
        ca, server = ca_files(folder), server_files(folder)
        ca_there, server_there = ca.any_there, server.any_there
        if server_there and not (force or new_ca):
            raise _already_there(folder)
        replace_ca = new_ca or not ca_there
        signer = issue.authority() if replace_ca else _load_ca(folder)
        subject = issue.common_name(_subject(alternative))
        leaf = issue.server(signer, issue.new_key(), subject, alternative, _until(folder, signer, days))
        if replace_ca:
            _replace(ca, signer)
        _replace(server, leaf)
    written = (*((ca.certificate, ca.key) if replace_ca else ()), server.certificate, server.key)
    return _made(written, leaf, ca_replaced=replace_ca and ca_there, key_replaced=server_there)


def renew(folder: Path, days: int = LEAF_DAYS, *, new_key: bool = False) -> Made:
    """Make a new server certificate from the kept CA, with the names and, unless `new_key`, the key of the old one."""
    _check_days(days)
    server = server_files(folder)
    if not server.certificate.exists():
        raise CertificateMissing(f"no certificate {server.certificate} to renew; run {gen_certs(folder)}")
    with _locked(folder):
        ca, old = _load_ca(folder), _load_pair(server, gen_certs(folder, "--force"))
        if not _issued(ca.certificate, old.certificate):
            raise CertificateError(
                f"{server.certificate} was not issued by {ca_files(folder).certificate};"
                f" replace it with: {gen_certs(folder, '--force')}"
            )
        alternative = tuple(old.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        key = issue.new_key() if new_key else old.key
        leaf = issue.server(ca, key, old.certificate.subject, alternative, _until(folder, ca, days))
        if new_key:
            _replace(server, leaf)
        else:
            pair.replace_certificate(server.certificate, leaf.certificate_pem)
    written = (server.certificate, server.key) if new_key else (server.certificate,)
    return _made(written, leaf, key_replaced=new_key)


def renew_if_due(folder: Path, below_days: int = RENEW_BELOW_DAYS) -> bool:
    """Renew the server's certificate when it lives less than `below_days` and the CA that issued it can sign here.

    Raises CertificateError when it is due and cannot be renewed.
    """
    ca, server = ca_files(folder), server_files(folder)
    if not server.certificate.exists() or days_left(server.certificate) >= below_days:
        return False
    if not ca.certificate.exists() or not os.access(ca.key, os.R_OK):
        return False
    if not _issued(_load_certificate(ca.certificate), _load_certificate(server.certificate)):
        return False
    renew(folder)
    return True


def client(folder: Path, name: str, days: int = CLIENT_DAYS) -> Made:
    """Make the pair in `clients` by which the account `name` can log in; never overwrites."""
    _check_days(days)
    if not clients.ACCOUNT_NAME.fullmatch(name):
        raise RequestError(f"not an account's name: {name!r}; give 1 to 32 of A-Z a-z 0-9 _ -, beginning with a letter")
    if not folder.is_dir():
        raise CertificateMissing(f"no CA in {folder}; run {gen_certs(folder)}")
    with _locked(folder):
        files = client_files(folder, name)
        ca = _load_ca(folder)
        files.certificate.parent.mkdir(exist_ok=True)
        pair.settle(files.certificate, files.key)
        if files.any_there:
            raise CertificateError(
                f"{files.certificate} or its key is already there; move both away, then run"
                f" {gen_certs(folder, f'client {name}')}"
            )
        leaf = issue.client(ca, issue.new_key(), name, _until(folder, ca, days))
        _replace(files, leaf)
    return _made((files.certificate, files.key), leaf)


def expiry(certificate: Path) -> datetime:
    """The moment up to which `certificate` is valid. Raises CertificateError."""
    return _load_certificate(certificate).not_valid_after_utc


def days_left(certificate: Path) -> int:
    """Whole days until `certificate` expires; negative when it has. Raises CertificateError."""
    return (expiry(certificate) - datetime.now(UTC)).days


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder alone, with cut-short replacements settled; what the disk refuses becomes a CertificateError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(descriptor, folder)  # let go when the descriptor is closed, also by a crash
            for files in (ca_files(folder), server_files(folder)):
                pair.settle(files.certificate, files.key)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        where = error.filename or folder
        raise CertificateError(f"cannot write {where}: {error.strerror}; check the permissions of {folder}") from error


def _lock(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise CertificateError(f"another process is changing {folder}; try again when it is done") from error
            time.sleep(0.02)


def _files(folder: Path, name: str) -> Files:
    return Files(folder / f"{name}.crt", folder / f"{name}.key")


def _replace(files: Files, made: issue.Pair) -> None:
    pair.replace(files.certificate, made.certificate_pem, files.key, made.key_pem)


def _already_there(folder: Path) -> CertificateError:
    return CertificateError(
        f"{server_files(folder).certificate} or its key is already there;"
        f" to renew it: {gen_certs(folder, 'renew')}, to replace it and its key: {gen_certs(folder, '--force')}"
    )


def _check_days(days: int) -> None:
    if not 1 <= days <= MOST_DAYS:
        raise RequestError(f"a certificate cannot live {days!r} days; give 1 to {MOST_DAYS}")


def _until(folder: Path, ca: issue.Pair, days: int) -> datetime:
    """When a new leaf expires: after `days`, but not after its CA."""
    now, end = datetime.now(UTC), ca.certificate.not_valid_after_utc
    if end <= now:
        raise CertificateError(
            f"the CA {ca_files(folder).certificate} expired {end:%Y-%m-%d}; make a new one, which everyone who connects"
            f" will need: {gen_certs(folder, '--new-ca')}"
        )
    return min(now + timedelta(days=days), end)


def _subject(alternative: Sequence[x509.GeneralName]) -> str:
    """The last host name that fits, for people who look at the certificate; the first, localhost, always does."""
    hosts = (names.text(name) for name in reversed(alternative) if isinstance(name, x509.DNSName))
    return next(host for host in hosts if len(host) <= issue.LONGEST_COMMON_NAME)


def _load_ca(folder: Path) -> issue.Pair:
    files, new_ca = ca_files(folder), gen_certs(folder, "--new-ca")
    if not files.any_there:
        raise CertificateMissing(f"no CA in {folder}; run {gen_certs(folder)}")
    for path in (files.certificate, files.key):
        if not path.exists():
            raise CertificateMissing(
                f"{path} is not there, so nothing can be signed; bring it back, or make a new CA, which everyone who"
                f" connects will need: {new_ca}"
            )
    ca = _load_pair(files, new_ca)
    try:
        ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        signs = ca.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        signs = False
    if not signs:
        raise CertificateError(f"{files.certificate} is not a CA that gen_certs.py made; make one with: {new_ca}")
    return ca


def _load_pair(files: Files, remedy: str) -> issue.Pair:
    certificate, key = _load_certificate(files.certificate), _load_key(files.key)
    if certificate.public_key() != key.public_key():
        raise CertificateError(f"key {files.key} does not belong to {files.certificate}; replace both with: {remedy}")
    return issue.Pair(certificate, key)


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise CertificateError(f"{path} holds no certificate in PEM; bring the right file back") from error


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except TypeError as error:
        raise PassphraseNeeded(path) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{path} holds no private key in PEM; bring the right file back") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"key {path} is not an elliptic curve key as gen_certs.py makes them")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateMissing(f"cannot read {path}: {error.strerror}; run {gen_certs(path.parent)}") from error


def _issued(ca: x509.Certificate, leaf: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _made(
    written: tuple[Path, ...], leaf: issue.Pair, *, ca_replaced: bool = False, key_replaced: bool = False
) -> Made:
    try:
        held = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        held = x509.SubjectAlternativeName([])
    texts = tuple(names.text(name) for name in held)
    expires, pin = leaf.certificate.not_valid_after_utc, pins.of(leaf.certificate_pem)
    serial = clients.serial(leaf.certificate)
    return Made(written, texts, expires, pin, serial, ca_replaced, key_replaced)
