"""Who may read the server's key: whoever can may pass for the server."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from securechat.tls.errors import CertificateError

_OTHERS = 0o077
_OTHERS_OF_ROOTS = 0o027  # the group of a key that is root's may read it: so servers share the key of a public CA

log = logging.getLogger(__name__)


def make_private(key: Path) -> None:
    """Take from others what they may do with the key, and say so: only a person knows whether one of them read it.

    Raises CertificateError where that is not ours to do, or the key is another user's.
    """
    try:
        found = key.stat()
    except OSError:  # what reads it says so
        return
    if found.st_uid not in (0, os.geteuid()):
        words = f"key {key} belongs to another user, who may read it; type: chown {os.geteuid()} {key}"
        raise CertificateError(words)
    excess = found.st_mode & (_OTHERS if found.st_uid else _OTHERS_OF_ROOTS)
    if not excess:
        return
    mode = stat.S_IMODE(found.st_mode)
    try:
        key.chmod(mode & ~excess)
    except OSError as error:
        words = (
            f"others may read key {key} (mode {mode:04o}), and that cannot be changed; its owner must: chmod 600 {key}"
        )
        raise CertificateError(words) from error
    log.warning("others could read key %s; only its owner can now. If anybody else uses this machine, replace it", key)
