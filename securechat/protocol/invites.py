"""Invite codes: one string, to be typed or read over the phone, with all that somebody needs to join.

A code is bytes in Crockford's base32, in groups of six characters. The last one of each is a check of the five before
it and of the group's place: one wrong character, or two that changed places, is always found, and in the right group;
so are two groups that changed places among the first 32. Two bytes of a SHA-256 over all of it stand for the rest.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from securechat.errors import SecurechatError
from securechat.protocol.names import is_account_name

SECRET_BYTES = 16
KEY_BYTES = 32
LONGEST_HOST = 253  # bytes
LONGEST_CODE = 2048  # characters that are looked at, separators too
GROUP = 6
DATA = GROUP - 1  # characters of a group in front of its check

_VERSION = 1
_SUM_BYTES = 2
_FIXED_BYTES = 1 + 2 + KEY_BYTES + SECRET_BYTES
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)} | {"I": 1, "L": 1, "O": 0}
_HOST = re.compile(r"[^-\s/\[\]@][^\s/\[\]@]*")
_DASHES = re.compile(r"[-\u2010-\u2015\u2212]")
_PASSWORD_PREFIX = "sci_"  # noqa: S105 - what such a password begins with
_PASSWORD = re.compile(r"sci_[A-Za-z0-9_-]{22}")


class BadInvite(SecurechatError):
    """The text is no invite code. `group` is the place of the mistake, from 1 on, where it is known."""

    exit_status = 2

    def __init__(self, text: str, group: int | None = None) -> None:
        super().__init__(text)
        self.group = group


@dataclass(frozen=True, slots=True)
class Invite:
    """Where the server is, by what it is known, and what opens `account` there once."""

    account: str
    host: str
    port: int
    key: bytes  # SHA-256 of the server's public key
    secret: bytes = field(repr=False)

    @property
    def password(self) -> str:
        """What stands in the password's place at the login."""
        return password_of(self.secret)


def password_of(secret: bytes) -> str:
    return _PASSWORD_PREFIX + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def is_password(text: str) -> bool:
    """Whether it has the form of an invite's secret; no password has."""
    return _PASSWORD.fullmatch(text) is not None


def write(invite: Invite) -> str:
    """The code of an invite whose account and host have been checked (`is_account_name`, `is_host`)."""
    account, host = invite.account.encode(), invite.host.encode()
    fixed = bytes([_VERSION]) + invite.port.to_bytes(2) + invite.key + invite.secret
    content = fixed + bytes([len(account)]) + account + bytes([len(host)]) + host
    symbols = _symbols(content + _sum(content))
    groups = [symbols[start : start + DATA] for start in range(0, len(symbols), DATA)]
    written = ([*group, _check(group, number)] for number, group in enumerate(groups))
    return "-".join("".join(_ALPHABET[symbol] for symbol in group) for group in written)


def parse(text: str) -> Invite:
    """What the code says, in whatever case, with whatever white space and dashes. Raises BadInvite."""
    typed = unicodedata.normalize("NFKC", text[:LONGEST_CODE]).upper()
    characters = "".join(_DASHES.sub("", typed).split())
    if not characters:
        raise BadInvite("no invite code; it is what stands behind `securechat join` in the invitation")
    groups = [characters[start : start + GROUP] for start in range(0, len(characters), GROUP)]
    symbols: list[int] = []
    for number, group in enumerate(groups):
        symbols += _read_group(group, number, typed)
    return _read(_bytes(symbols), len(groups))


# Groups and their characters


def _symbols(content: bytes) -> list[int]:
    """Five bits each, filled up with zeros to whole groups."""
    size = -(-len(content) * 8 // (5 * DATA)) * DATA
    number = int.from_bytes(content) << (size * 5 - len(content) * 8)
    return [number >> 5 * place & 31 for place in range(size - 1, -1, -1)]


def _bytes(symbols: Sequence[int]) -> bytes:
    number = 0
    for symbol in symbols:
        number = number << 5 | symbol
    return (number >> len(symbols) * 5 % 8).to_bytes(len(symbols) * 5 // 8)


def _check(group: Sequence[int], number: int) -> int:
    """The sum of the symbols in GF(32), each with a weight of its own; the number counts like the first of them."""
    check = number % 32
    for symbol in group:
        check = _doubled(check ^ symbol)
    return check


def _doubled(symbol: int) -> int:
    """Times x, modulo x^5 + x^2 + 1, in which x runs through all that is not zero."""
    return symbol << 1 ^ (0b100101 if symbol & 16 else 0)


def _read_group(group: str, number: int, typed: str) -> list[int]:
    for place, character in enumerate(group):
        if character not in _VALUES:
            where = f"the {_ordinal(place)} character of the {_ordinal(number)} group, {group!r}, is {character!r}"
            raise BadInvite(f"the invite code is mistyped: {where}, which is in no code", number + 1)
    symbols = [_VALUES[character] for character in group]
    if len(group) < GROUP or _check(symbols[:DATA], number) != symbols[DATA]:
        raise _mistyped(group, number, typed)
    return symbols[:DATA]


def _mistyped(group: str, number: int, typed: str) -> BadInvite:
    """Where characters are missing, or there are too many, the person's own separators show the group."""
    uneven = _uneven_group(typed)
    if uneven is not None and uneven[0] <= number:
        place, chunk = uneven
        has = f"{len(chunk)} character{'' if len(chunk) == 1 else 's'} instead of {GROUP}"
        where = f"the {_ordinal(place)} group, {chunk!r}, has {has}"
        return BadInvite(f"the invite code is mistyped: {where}; compare it with the original", place + 1)
    where = f"the mistake is in the {_ordinal(number)} group, {group!r}"
    return BadInvite(f"the invite code is mistyped: {where}; compare it with the original", number + 1)


def _uneven_group(typed: str) -> tuple[int, str] | None:
    """The first group between separators that is too short or too long, behind its number."""
    chunks = _DASHES.split("".join(typed.split())) if _DASHES.search(typed) else typed.split()
    if sum(map(len, chunks)) % GROUP == 0:
        return None
    before = 0
    for chunk in chunks:
        if len(chunk) % GROUP:
            return (before // GROUP, chunk) if len(chunk) < 2 * GROUP else None
        before += len(chunk)
    return None


def _ordinal(number: int) -> str:
    """Of what is counted from 0 on."""
    count = number + 1
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"


# What the bytes say


def _sum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:_SUM_BYTES]


def _read(data: bytes, groups: int) -> Invite:
    if data[0] != _VERSION:
        raise BadInvite("the invite code was made for another version of securechat; install the newest one")
    texts, end = [], _FIXED_BYTES
    for _ in range(2):
        start = end + 1
        end = start + (data[end] if end < len(data) else 0)
        texts.append(data[start:end])
    needed = len(_symbols(bytes(end + _SUM_BYTES))) // DATA
    if groups < needed:
        raise BadInvite(f"the invite code ends behind its {_ordinal(groups - 1)} group; something is missing there")
    if _sum(data[:end]) != data[end : end + _SUM_BYTES]:
        raise BadInvite("the invite code is mistyped: some of its groups changed places; compare it with the original")
    try:
        account, host = (text.decode() for text in texts)
    except UnicodeDecodeError as error:
        raise _nonsense() from error
    port = int.from_bytes(data[1:3])
    if groups > needed or not port or not is_account_name(account) or not is_host(host):
        raise _nonsense()
    return Invite(account, host, port, data[3 : 3 + KEY_BYTES], data[3 + KEY_BYTES : _FIXED_BYTES])


def is_host(text: str) -> bool:
    """Whether a code can carry it: a name or an address, without brackets."""
    return 0 < len(text.encode()) <= LONGEST_HOST and text.isprintable() and _HOST.fullmatch(text) is not None


def _nonsense() -> BadInvite:
    return BadInvite("the invite code names no server or no account; ask for a new one")
