"""Passwords: how they are hashed and checked, and which ones are refused when they are set.

bcrypt stops at 72 bytes, so it is given the SHA-384 of the password (as base64, which holds no NUL byte). A mark in
front of the hash says how it was made.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import unicodedata
from functools import cache

import bcrypt

from securechat.auth.tokens import is_token
from securechat.config import Auth
from securechat.errors import SecurechatError
from securechat.protocol import invites

MOST_BYTES = 1024
_MARK = b"v1$"
_RECOMMENDED = 15
_UNTYPABLE = ("Cc", "Cs")  # control characters and lone surrogates
_DIGEST_LENGTH = 31  # characters of a bcrypt hash behind its salt


class WeakPassword(SecurechatError):
    """The password may not be set; `str(error)` says what is expected and never the password."""


def hash(password: str, rounds: int) -> bytes:
    """What to store. Takes 250 ms at 12 rounds; bcrypt gives the interpreter's lock away meanwhile."""
    return _MARK + bcrypt.hashpw(_digest(password), bcrypt.gensalt(rounds))


def check(password: str, stored: bytes, rounds: int = 0) -> bool:
    """Whether `stored` was made from this password; as slow as it was made.

    A wrong one is at least as slow as `hash` with `rounds`, or its time would tell which accounts are of a time when
    the cost was lower: all the costs from that one up to `rounds` take together what the last one takes.
    """
    if not stored.startswith(_MARK):
        raise ValueError("a password hash of unknown form")
    digest = _digest(password)
    right = bcrypt.checkpw(digest, stored.removeprefix(_MARK))
    if not right:
        for cost in range(_cost(stored), rounds):
            bcrypt.checkpw(digest, dummy(cost).removeprefix(_MARK))
    return right


def needs_rehash(stored: bytes, rounds: int) -> bool:
    """Whether the cost was changed since the hash was made."""
    return _cost(stored) != rounds


def dummy(rounds: int) -> bytes:
    """A hash that no password has, to check against when the account is unknown: it takes the same time."""
    return _MARK + bcrypt.gensalt(rounds) + b"." * _DIGEST_LENGTH


def check_rule(password: str, name: str, settings: Auth) -> None:
    """Whether account `name` may have this password from now on. Raises WeakPassword."""
    fewest = settings.min_password_length
    normal = unicodedata.normalize("NFC", password)
    if any(unicodedata.category(one) in _UNTYPABLE for one in normal):
        raise WeakPassword("the password holds characters that cannot be typed at a login; use letters, digits, signs")
    if len(normal) < fewest:
        raise WeakPassword(f"the password is too short; at least {fewest} characters, {_RECOMMENDED} are recommended")
    if len(normal.encode()) > MOST_BYTES:
        raise WeakPassword(f"the password is too long; at most {MOST_BYTES} bytes")
    if is_token(normal):
        raise WeakPassword("the password has the form of a device token; choose another, such as four random words")
    if invites.is_password(normal):
        raise WeakPassword("the password has the form of an invite's secret; choose another, such as four random words")
    if normal.casefold() == name.casefold():
        raise WeakPassword("the password is the account's name; choose another, such as four random words")
    if settings.refuse_common_passwords and _is_common(normal):
        raise WeakPassword("the password is one of the most common; choose another, such as four random words")


def _cost(stored: bytes) -> int:
    """The rounds, of which each step doubles the time: `$2b$12$…` behind the mark."""
    return int(stored.removeprefix(_MARK).split(b"$")[2])


def _digest(password: str) -> bytes:
    normal = unicodedata.normalize("NFC", password)
    # Lone surrogates can come from a terminal; such a password was never accepted, and matches nothing.
    return base64.b64encode(hashlib.sha384(normal.encode(errors="surrogatepass")).digest())


def _is_common(normal: str) -> bool:
    return normal.casefold() in _common() or len(set(normal)) == 1


@cache
def _common() -> frozenset[str]:
    text = importlib.resources.files(__package__).joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(text.splitlines())
