"""How many strangers may be in the hall at once: connections before admission, in all and for each address."""

from __future__ import annotations

import ipaddress
from collections import Counter

from securechat.config import Limits


class Gate:
    """Owned by the loop. Addresses of exempt networks are not counted."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._exempt = [ipaddress.ip_network(network) for network in limits.exempt]
        self._by_address: Counter[str] = Counter()
        self._total = 0

    def enter(self, address: str) -> str | None:
        """Count a newcomer; the reason if it must go again, uncounted."""
        if self.exempt(address):
            return None
        if self._total >= self._limits.unauthenticated:
            return "too many connections that have not logged in"
        if self._by_address[address] >= self._limits.unauthenticated_per_address:
            return "too many connections from one address that have not logged in"
        self._total += 1
        self._by_address[address] += 1
        return None

    def leave(self, address: str) -> None:
        """One that was let in was admitted, or is gone."""
        if self.exempt(address):
            return
        self._total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def exempt(self, address: str) -> bool:
        return bool(self._exempt) and any(ipaddress.ip_address(address) in network for network in self._exempt)
