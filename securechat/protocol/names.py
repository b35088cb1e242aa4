"""Names of accounts and channels: what is allowed, and when two are the same (casemapping ascii)."""

from __future__ import annotations

import re

NICK_LENGTH = 32
CHANNEL_LENGTH = 64
CHANNEL_PREFIX = "#"

_ACCOUNT = re.compile(rf"[A-Za-z][A-Za-z0-9_-]{{0,{NICK_LENGTH - 1}}}", re.ASCII)
_CHANNEL = re.compile(r"#[^\x00-\x20\x7f,:*?!@]+")
_ANY = "surrogatepass"  # what people type may hold lone ones


def fold(name: str) -> str:
    """The form in which names are compared; only A-Z change, as CASEMAPPING=ascii says."""
    return name.lower() if name.isascii() else name.encode(errors=_ANY).lower().decode(errors=_ANY)


def is_account_name(name: str) -> bool:
    return _ACCOUNT.fullmatch(name) is not None


def is_channel_name(name: str) -> bool:
    """A channel's name is at most 64 bytes and holds no space, comma, colon, control or mask character.

    Nor anything invisible or that turns text around: such a name looks like another channel's.
    """
    if not name.isprintable() or _CHANNEL.fullmatch(name) is None:
        return False
    return len(name.encode()) <= CHANNEL_LENGTH
