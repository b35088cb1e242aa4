"""Where a server is and who logs in there, as people type it: `[USER@]HOST[:PORT]`."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from securechat.errors import SecurechatError
from securechat.protocol.names import is_account_name

DEFAULT_PORT = 6697


class AddressError(SecurechatError):
    exit_status = 2


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(written: str) -> tuple[str | None, Address]:
    """The account, if one is named, and the address; an IPv6 address stands in brackets. Raises AddressError."""
    account, at, place = written.rpartition("@")
    if at and not is_account_name(account):
        raise AddressError(f"{account!r} is no account name; expected [USER@]HOST[:PORT]")
    host, port = _host_and_port(place)
    if not host or host.startswith("-") or any(character <= " " or character in "/[]" for character in host):
        raise AddressError(f"{written!r} names no server; expected [USER@]HOST[:PORT], as in ada@chat.example.org")
    return account or None, Address(host.lower(), port)


def _host_and_port(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
            raise AddressError(f"{place!r} is no address; an IPv6 address is written [::1] or [::1]:{DEFAULT_PORT}")
        return host, _port(rest[1:]) if rest else DEFAULT_PORT
    if place.count(":") > 1:
        if not _is_ipv6(place):
            raise AddressError(f"{place!r} is no address; expected HOST:PORT, or [ADDRESS]:PORT for IPv6")
        return place, DEFAULT_PORT
    host, colon, port = place.partition(":")
    return host, _port(port) if colon else DEFAULT_PORT


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _port(written: str) -> int:
    if written.isascii() and written.isdigit() and 0 < int(written[:6]) <= 65535 and len(written) <= 5:
        return int(written)
    raise AddressError(f"{written!r} is no port; give a number from 1 to 65535, or leave it away for {DEFAULT_PORT}")
