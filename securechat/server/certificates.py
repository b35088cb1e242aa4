"""The server's certificate while it runs: found, renewed in time, taken over without dropping a session."""

from __future__ import annotations

import logging
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from securechat import config
from securechat.errors import SecurechatError
from securechat.tls import authority, contexts

CHECK = 6 * 3600.0  # seconds between two looks at the expiry
WARN_DAYS = 14

log = logging.getLogger(__name__)


class NoCertificate(SecurechatError):
    """There is nothing to serve with."""

    exit_status = 2


def find(tls: config.TLS, data: Path) -> tuple[Path, Path]:
    """Certificate and key: as configured, else `certs/` in the working directory, else the data folder."""
    if tls.certificate is not None or tls.key is not None:
        if tls.certificate is None or tls.key is None:
            raise NoCertificate("certificate and key come together; give both --cert and --key")
        return Path(tls.certificate).expanduser(), Path(tls.key).expanduser()
    for folder in (Path("certs"), data):
        files = authority.server_files(folder)
        if files.any_there:
            return files.certificate, files.key
    raise NoCertificate(f"no certificate in 'certs' or {str(data)!r}; make one with: python scripts/gen_certs.py")


class Keeper:
    """Renews the certificate where its CA's key is at hand, and hands a changed one to `use`.

    A broken pair is refused and the one in use kept.
    """

    def __init__(self, tls: config.TLS, certificate: Path, key: Path, use: Callable[[ssl.SSLContext], None]) -> None:
        self._tls = tls
        self._certificate = certificate
        self._key = key
        self._use = use
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reload(self) -> None:
        """Look now; from any thread or signal handler."""
        self._wake.set()

    def stop(self) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            asked = self._wake.wait(CHECK)
            self._wake.clear()
            if self._ended:
                return
            if renew(self._certificate) or asked:
                self._take_over()

    def _take_over(self) -> None:
        try:
            self._use(contexts.server_context(self._certificate, self._key, self._tls.min_version))
        except SecurechatError as error:
            log.error("the certificate was not reloaded, the old one stays in use: %s", error)
        else:
            log.info("the certificate was reloaded")


def renew(certificate: Path) -> bool:
    """Renew the certificate if it is due and its CA's key lies beside it; say so if it expires soon all the same."""
    renewed = False
    try:
        if certificate.name == authority.server_files(certificate.parent).certificate.name:
            renewed = authority.renew_if_due(certificate.parent)
        left = authority.days_left(certificate)
    except SecurechatError as error:
        log.warning("cannot renew %s: %s", certificate, error)
        return False
    if renewed:
        log.info("renewed %s", certificate)
    if left < WARN_DAYS:
        log.warning("certificate %s expires in %d days; run python scripts/gen_certs.py renew", certificate, left)
    return renewed
