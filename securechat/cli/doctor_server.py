"""What `securechat doctor` looks at on a machine that has a server's data folder. It changes nothing."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from shlex import quote

from securechat import config
from securechat.cli.doctor import Skipped
from securechat.errors import SecurechatError

DATABASE = "securechat.db"
OTHERS = 0o077


class NotPrivate(SecurechatError):
    """Others of this machine may use what is the server's alone."""


def checks(data: Path | None) -> dict[str, Callable[[], str]]:
    """None where there is no server."""
    if data is None and not (config.default_data() / DATABASE).exists():
        return {}
    settings, folder = config.find(data, None)
    return {"data folder": lambda: _folder(folder), "server's own": lambda: _certificate(settings, folder)}


def _folder(folder: Path) -> str:
    database = folder / DATABASE
    if not database.exists():
        raise Skipped(f"there is no {DATABASE} in {folder}; `securechat serve` makes it")
    for path in sorted(folder.glob(f"{DATABASE}*")):
        if stat.S_ISREG(path.stat().st_mode) and path.stat().st_mode & OTHERS:
            raise NotPrivate(f"others of this machine may use {str(path)!r}; type: chmod 600 {quote(str(path))}")
    return f"{folder}, the server's alone"


def _certificate(settings: config.Settings, folder: Path) -> str:
    from securechat.server import certificates
    from securechat.tls import authority, contexts
    from securechat.tls.errors import CertificateError

    try:
        file, _ = certificates.find(settings.tls, folder)
    except certificates.NoCertificate:
        raise Skipped("no certificate in ./certs or there; try this in the folder where `serve` is started") from None
    left = authority.days_left(file)
    if left < certificates.WARN_DAYS:
        when = f"expires in {left} days" if left >= 0 else "has expired"
        raise CertificateError(f"certificate {file} {when}; {contexts.mend(file, 'renew')}")
    return f"{file}, good for {left} more days"
