"""SASL as IRC carries it: AUTHENTICATE in pieces of 400 bytes of base64, and the mechanisms PLAIN and EXTERNAL.

Source: IRCv3 sasl-3.1 and 3.2, RFC 4616, RFC 4422 appendix A.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from securechat.protocol.message import ProtocolError

PIECE_BYTES = 400
MECHANISMS = ("PLAIN", "EXTERNAL")


class SaslTooLong(ProtocolError):
    """The response is larger than the server takes (905)."""


class SaslMalformed(ProtocolError):
    """The response is not base64, or not of its mechanism's form (904)."""


def joined(received: str, piece: str, limit: int) -> str:
    """What has been received once `piece` is added; `+` stands for an empty piece. Raises SaslTooLong."""
    if len(piece) > PIECE_BYTES:
        raise SaslTooLong(f"a piece of more than {PIECE_BYTES} bytes")
    if piece != "+":
        received += piece
    if len(received) > limit:
        raise SaslTooLong(f"a response of more than {limit} bytes")
    return received


def is_last(piece: str) -> bool:
    """A piece of exactly 400 bytes is followed by another."""
    return len(piece) < PIECE_BYTES


def decode(received: str) -> bytes:
    """The whole response as bytes. Raises SaslMalformed."""
    try:
        return base64.b64decode(received, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SaslMalformed("the response is not base64") from error


@dataclass(frozen=True, slots=True)
class Plain:
    """Who wants in: `authzid` is the account to act as, empty or the same as `authcid`."""

    authzid: str
    authcid: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class External:
    """The certificate says who wants in; `authzid` is the account to act as, empty for the certificate's."""

    authzid: str


def read(mechanism: str, response: bytes) -> Plain | External:
    """What the response of one of MECHANISMS says. Raises SaslMalformed."""
    return read_plain(response) if mechanism == "PLAIN" else read_external(response)


def read_external(response: bytes) -> External:
    if b"\0" in response:
        raise SaslMalformed("the response is not an authzid")
    try:
        return External(response.decode())
    except UnicodeDecodeError as error:
        raise SaslMalformed("the response is not UTF-8") from error


def read_plain(response: bytes) -> Plain:
    """Raises SaslMalformed; its text names no part of the response."""
    parts = response.split(b"\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise SaslMalformed("the response is not authzid NUL authcid NUL password")
    try:
        return Plain(*(part.decode() for part in parts))
    except UnicodeDecodeError:
        raise SaslMalformed("the response is not UTF-8") from None  # the cause's repr holds the password


def read_passwords(response: bytes) -> tuple[str, str]:
    """The old password of a PASSWD, empty for none, and the new one. Raises SaslMalformed."""
    old, nul, new = response.partition(b"\0")
    if not nul or not new:
        raise SaslMalformed("the response is not old NUL new")
    try:
        return old.decode(), new.decode()
    except UnicodeDecodeError:
        raise SaslMalformed("the response is not UTF-8") from None


def write_passwords(old: str, new: str) -> bytes:
    return b"\0".join((old.encode(), new.encode()))


def write_plain(name: str, password: str) -> bytes:
    return b"\0".join((b"", name.encode(), password.encode()))


def pieces(response: bytes) -> Iterator[str]:
    """The parameters of the AUTHENTICATE commands that carry `response`."""
    encoded = base64.b64encode(response).decode()
    for start in range(0, len(encoded), PIECE_BYTES):
        yield encoded[start : start + PIECE_BYTES]
    if len(encoded) % PIECE_BYTES == 0:
        yield "+"
