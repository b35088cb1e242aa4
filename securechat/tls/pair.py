"""A certificate and its key on disk, replaced so that a crash at any moment leaves a usable pair.

Two files cannot be renamed at once. So a new key first waits beside the old one, then the certificate is replaced,
which is the moment that counts, and then the key takes its place. Whoever reads a pair tries the waiting key, too.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

State = tuple[tuple[int, int, int] | None, ...]

KEY_MODE = 0o600
CERTIFICATE_MODE = 0o644


def load(context: ssl.SSLContext, certificate: Path, key: Path, passphrase: Callable[[], str]) -> None:
    """Load the pair into `context`; `passphrase` is asked for the one of an encrypted key.

    Raises what `load_cert_chain` raised for the key in its place.
    """
    while True:
        before = state(certificate, key, waiting(key))
        try:
            return context.load_cert_chain(certificate, key, passphrase)
        except OSError:  # ssl.SSLError is one
            try:
                return context.load_cert_chain(certificate, waiting(key), passphrase)
            except OSError:
                pass
            # A failure counts only if nobody changed the files meanwhile: each further round takes a new replacement.
            if state(certificate, key, waiting(key)) == before:
                raise


def state(*paths: Path) -> State:
    """What tells one state of these files from the next; None for one that is not there."""
    return tuple(_identity(path) for path in paths)


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def waiting(key: Path) -> Path:
    return key.with_name(key.name + ".next")


def replace(certificate: Path, certificate_pem: bytes, key: Path, key_pem: bytes) -> None:
    """Put a new pair in place of the old one, if any; the caller holds the folder's lock."""
    settle(certificate, key)
    _write(waiting(key), key_pem, KEY_MODE)
    _sync(key.parent)
    replace_certificate(certificate, certificate_pem)
    settle(certificate, key)


def replace_certificate(certificate: Path, pem: bytes) -> None:
    """Put a new certificate for the same key in place; the caller holds the folder's lock."""
    _write(_unfinished(certificate), pem, CERTIFICATE_MODE)
    os.replace(_unfinished(certificate), certificate)
    _sync(certificate.parent)


def settle(certificate: Path, key: Path) -> None:
    """Finish or forget a replacement that was cut short; the caller holds the folder's lock."""
    _unfinished(certificate).unlink(missing_ok=True)
    pending = waiting(key)
    if not pending.exists():
        return
    if _belong(certificate, pending):
        os.replace(pending, key)
    else:
        pending.unlink()
    _sync(key.parent)


def _unfinished(certificate: Path) -> Path:
    return certificate.with_name(certificate.name + ".tmp")


def _belong(certificate: Path, key: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, lambda: "")
    except OSError:
        return False
    return True


def _write(path: Path, data: bytes, mode: int) -> None:
    """A new file that nobody else could read for a moment, synced; what a crash left under that name goes."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, KEY_MODE)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(descriptor, mode)  # whatever the umask says
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    """Make the folder's names durable in the order they were changed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
