"""The names a server certificate vouches for: host names in their ASCII form, and addresses."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from cryptography import x509

from securechat.tls.errors import RequestError

ALWAYS = ("localhost", "127.0.0.1", "::1")
LONGEST_NAME = 253

_label = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def alternative_names(hosts: Iterable[str]) -> tuple[x509.GeneralName, ...]:
    """The loopback names, this host's name and `hosts`, each once. Raises RequestError for nonsense in `hosts`."""
    found = [general_name(host) for host in (*ALWAYS, *hosts)]
    try:
        found.insert(len(ALWAYS), general_name(socket.gethostname()))
    except RequestError:
        pass  # a host may be called what no certificate can hold, such as my_laptop
    return tuple(dict.fromkeys(found))


def general_name(host: str) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return x509.DNSName(_ascii(host))
    if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
        raise RequestError(f"nobody connects to {host!r}; give the address that people use")
    return x509.IPAddress(address)


def text(name: x509.GeneralName) -> str:
    return str(name.value)


def _ascii(host: str) -> str:
    try:
        # IDNA 2003, because Python's ssl turns the name it checks for into ASCII with this very codec.
        ascii_name = host.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise _nonsense(host) from error
    labels = ascii_name.split(".")
    numeric = labels[-1].isdigit()  # a mistyped address, such as 192.168.1 or 10.0.0.256
    if numeric or len(ascii_name) > LONGEST_NAME or not all(_label.fullmatch(label) for label in labels):
        raise _nonsense(host)
    return ascii_name


def _nonsense(host: str) -> RequestError:
    return RequestError(
        f"not a host name or address: {host!r}; give one alone, without scheme, port, brackets or wildcard,"
        " such as chat.example.org or 192.0.2.7"
    )
