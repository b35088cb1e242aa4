"""The secrets of invites: 128 random bits that stand in a password's place until one is chosen.

Only their digest is stored. Nobody guesses one, so no slow hash is needed. The code that a person is given is made in
`protocol/invites.py`.
"""

from __future__ import annotations

import hashlib
import secrets

from securechat.protocol.invites import SECRET_BYTES


def new() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def digest(password: str) -> bytes:
    """What to store of it, as it stands in the password's place."""
    return hashlib.sha256(password.encode()).digest()
