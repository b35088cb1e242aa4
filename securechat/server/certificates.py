"""The server's certificate while it runs: found, renewed in time, taken over without dropping a session."""

from __future__ import annotations

import contextlib
import logging
import queue
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from securechat import config
from securechat.errors import SecurechatError
from securechat.tls import authority, contexts
from securechat.tls.errors import CertificateError

CHECK = 6 * 3600.0  # seconds between two looks at the expiry
WARN_DAYS = 14
STOP_TIME = 1.0  # seconds; another process may hold the folder of the certificates

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


def first_context(tls: config.TLS, certificate: Path, key: Path) -> ssl.SSLContext:
    """What to serve with from the start, renewed before if it is due. Raises CertificateError."""
    with contextlib.suppress(CertificateError):  # what is wrong with an unreadable one is said below, once
        authority.days_left(certificate)
        renew(certificate)
    return contexts.server_context(certificate, key, tls.min_version)


class Keeper:
    """Renews the certificate where its CA's key is at hand, and hands a changed one to `use`.

    A broken pair is refused and the one in use kept.
    """

    def __init__(
        self,
        tls: config.TLS,
        certificate: Path,
        key: Path,
        use: Callable[[ssl.SSLContext], None],
        every: float = CHECK,
    ) -> None:
        self._tls = tls
        self._every = every
        self._certificate = certificate
        self._key = key
        self._use = use
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: look now, False: end
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reload(self) -> None:
        """Look now; from any thread, or a signal handler that interrupts this very call."""
        self._calls.put(True)

    def stop(self) -> None:
        self._calls.put(False)
        self._thread.join(STOP_TIME)

    def _run(self) -> None:
        while (asked := self._next_call()) is not False:
            try:
                if renew(self._certificate) or asked:
                    self._take_over()
            except Exception:  # the top of the thread; the certificate in use serves on
                log.exception("looking after the certificate failed")

    def _next_call(self) -> bool | None:
        """None when it is time to look unasked."""
        try:
            return self._calls.get(timeout=self._every)
        except queue.Empty:
            return None

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
        log.warning("certificate %s expires in %d days; %s", certificate, left, contexts.mend(certificate, "renew"))
    return renewed
