"""Where msgids come from."""

from __future__ import annotations

import base64
import os
from functools import lru_cache

NONCE_BYTES = 9
NONCE_LENGTH = 12  # in base64, which takes 4 letters for 3 bytes
NONCES_IN_A_PAGE = 455


def new_msgid(milliseconds: int) -> str:
    """Opaque: the time, so that the index grows at its end (twice the rows a second), and 72 random bits."""
    return _time_part(milliseconds) + _NONCES.take()


@lru_cache(maxsize=1)
def _time_part(milliseconds: int) -> str:
    return base64.urlsafe_b64encode(milliseconds.to_bytes(6)).decode()


class _Nonces:
    """Drawn by the page: a system call for each message would give the interpreter's lock away each time.

    No generator: one that an error has left gives nothing more.
    """

    def __init__(self) -> None:
        self._page: list[str] = []

    def take(self) -> str:
        if not self._page:
            drawn = base64.urlsafe_b64encode(os.urandom(NONCE_BYTES * NONCES_IN_A_PAGE)).decode()
            self._page = [drawn[start : start + NONCE_LENGTH] for start in range(0, len(drawn), NONCE_LENGTH)]
        return self._page.pop()


_NONCES = _Nonces()  # the core's alone: it makes the msgids
