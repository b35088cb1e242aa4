"""Who may read the server's key: whoever can may pass for the server."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from securechat.tls.errors import CertificateError

_OTHERS = 0o077
_OTHERS_OF_ROOTS = 0o027  # the group of a key that is root's may read it: so servers share the key of a public CA


def check_key(key: Path) -> None:
    """Raises CertificateError for a key that another user of this machine may read, or give to others to read.

    It is not mended here: whoever could read it may have it, so a person must know and decide.
    """
    try:
        found = key.stat()
    except OSError:  # what reads it says so
        return
    if found.st_uid not in (0, os.geteuid()):
        words = f"key {key} belongs to another user, who may read it; type: chown {os.geteuid()} {key}"
        raise CertificateError(words)
    if found.st_mode & (_OTHERS if found.st_uid else _OTHERS_OF_ROOTS):
        mode = f"{stat.S_IMODE(found.st_mode):04o}"
        advice = f"type: chmod 600 {key}, and replace the key if anybody else uses this machine"
        raise CertificateError(f"others may read key {key} (mode {mode}); {advice}")
