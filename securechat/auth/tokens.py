"""Device tokens: 256 random bits that stand in a password's place, from any client. Only their digest is stored.

Nobody guesses one, so no slow hash is needed: its digest is looked up, and an unknown one is the same for all names.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

_PREFIX = "sct_"  # so that people and secret scanners see what it is
_SECRET_BYTES = 32
_FORM = re.compile(r"sct_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class NewToken:
    """To be shown once and stored without the secret."""

    id: str
    name: str
    secret: str = field(repr=False)


def new() -> str:
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def is_token(secret: str) -> bool:
    """Whether it has a token's form; no password has."""
    return _FORM.fullmatch(secret) is not None


def digest(token: str) -> bytes:
    """What to store of it."""
    return hashlib.sha256(token.encode()).digest()
