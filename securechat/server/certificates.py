"""The server's certificate while it runs: found, renewed in time, taken over without dropping a session."""

from __future__ import annotations

import contextlib
import logging
import queue
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from securechat import config
from securechat.errors import SecurechatError
from securechat.tls import authority, contexts, pair
from securechat.tls.errors import CertificateError

LOOK = 2.0  # seconds between two looks at the files
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


@dataclass(frozen=True, slots=True)
class Contexts:
    """What listeners shake hands with: most with the one, those that ask for a client's certificate with the other."""

    plain: ssl.SSLContext
    asking: ssl.SSLContext


class Keeper:
    """Hands a changed certificate to the server, and renews it where its CA's key is at hand.

    A broken pair is refused and the one in use kept.
    """

    def __init__(
        self,
        tls: config.TLS,
        certificate: Path,
        key: Path,
        *,
        asks: bool = False,
        look: float = LOOK,
        check: float = CHECK,
    ) -> None:
        """`asks` says whether any listener asks clients for certificates."""
        self._min_version = tls.min_version
        self._certificate = certificate
        self._key = key
        self._client_ca = _client_ca(tls, certificate) if asks else None
        self._files = (certificate, key, pair.waiting(key), *filter(None, [self._client_ca]))
        self._look = look
        self._check = check
        self._use: Callable[[Contexts], None]
        self.expiry = datetime.min  # of the certificate in use
        self._used: pair.State = ()  # the files as they were read last, whatever came of it
        self._seen: pair.State = ()  # at the last look
        self._next_check = 0.0
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()  # True: read them now, False: end
        self._thread = threading.Thread(target=self._run, name="certificates", daemon=True)

    def first(self) -> Contexts:
        """What to serve with from the start, renewed before if it is due. Raises CertificateError."""
        with contextlib.suppress(CertificateError):  # what is wrong with an unreadable one is said below, once
            authority.days_left(self._certificate)
            self._renew()
        return self._read()

    def start(self, use: Callable[[Contexts], None]) -> None:
        """Give `use` what to serve with, whenever that changes."""
        self._use = use
        self._thread.start()

    def reload(self) -> None:
        """Read the files now; from any thread, or a signal handler that interrupts this very call."""
        self._calls.put(True)

    def stop(self) -> None:
        self._calls.put(False)
        self._thread.join(STOP_TIME)

    def _run(self) -> None:
        while (asked := self._next_call()) is not False:
            try:
                renewed = self._renew() if asked or time.monotonic() >= self._next_check else False
                if asked or renewed or self._changed():
                    self._take_over()
            except Exception:  # the top of the thread; the certificate in use serves on
                log.exception("looking after the certificate failed")

    def _next_call(self) -> bool | None:
        """None when it is time to look unasked."""
        try:
            return self._calls.get(timeout=self._look)
        except queue.Empty:
            return None

    def _renew(self) -> bool:
        self._next_check = time.monotonic() + self._check
        return renew(self._certificate)

    def _changed(self) -> bool:
        """Whether the files are others than those in use, and the same as a look ago: copying two takes a moment."""
        before, self._seen = self._seen, pair.state(*self._files)
        return self._seen == before != self._used

    def _take_over(self) -> None:
        try:
            self._use(self._read())
        except SecurechatError as error:
            log.error("the certificate was not reloaded, the old one stays in use: %s", error)
        else:
            log.info("the certificate was reloaded")

    def _read(self) -> Contexts:
        self._used = pair.state(*self._files)  # before: what changes meanwhile is read once more
        plain = asking = contexts.server_context(self._certificate, self._key, self._min_version)
        if self._client_ca is not None:
            asking = contexts.server_context(self._certificate, self._key, self._min_version, self._client_ca)
        self.expiry = authority.expiry(self._certificate)
        return Contexts(plain, asking)


def _client_ca(tls: config.TLS, certificate: Path) -> Path:
    if tls.client_ca is not None:
        return Path(tls.client_ca).expanduser()
    return authority.ca_files(certificate.parent).certificate


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
