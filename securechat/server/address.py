"""Where peers come from: the network that limits count them by, and networks as `limits.exempt` names them."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

_OWN_BYTES = 8  # of an IPv6 address: whoever has one has all of its /64


def network_of(address: str) -> str:
    """What a single peer may have to itself: an IPv4 address as it is, of an IPv6 address the /64."""
    if ":" not in address:
        return address
    own = ipaddress.IPv6Address(address.partition("%")[0]).packed[:_OWN_BYTES]
    return str(ipaddress.IPv6Network((own.ljust(16, b"\0"), _OWN_BYTES * 8)))


class Networks:
    """Networks written as `10.0.0.0/8`."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._has = functools.lru_cache(maxsize=1024)(self._look)  # a look takes as long as accepting the connection

    def __contains__(self, address: str) -> bool:
        return bool(self._networks) and self._has(address)

    def _look(self, address: str) -> bool:
        return any(ipaddress.ip_address(address) in network for network in self._networks)
