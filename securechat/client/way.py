"""How a server is reached, and by what it is trusted: what every connection to it has in common."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from securechat.client import trust
from securechat.client.address import Address
from securechat.client.profile import Profile
from securechat.client.trust import ByCA, ByPin, Trust
from securechat.errors import SecurechatError
from securechat.tls import pins
from securechat.tls.contexts import Identity


class TwoTrusts(SecurechatError):
    exit_status = 2


@dataclass(frozen=True, slots=True)
class Way:
    """Raises TwoTrusts when both a CA and a pin are given. Without either a known pin counts, else the system's CAs."""

    profile: Profile
    address: Address
    ca: Path | None = None
    pin: str | None = None
    identity: Identity | None = None  # of the client

    def __post_init__(self) -> None:
        if self.ca is not None and self.pin is not None:
            raise TwoTrusts("--ca and --pin are two ways to trust a server; give one of them")

    def connect(self) -> ssl.SSLSocket:
        """A connection to the server, whose trust is looked at anew each time."""
        trusted = self._trust()
        tls = trust.connect(self.address, trusted, self.identity)
        if isinstance(trusted, ByPin) and trusted.since is None:
            self.remember(trusted.pin)
        return tls

    def remember(self, pin: str) -> None:
        """Trust this key from now on. Since when a key is known is worth more than that it was given once more."""
        known = self.profile.known(self.address)
        if known is None or known.pin != pin:
            self.profile.remember(self.address, pin, datetime.now().date())

    def _trust(self) -> Trust:
        used = self.profile.last_day()
        if self.ca is not None:
            return ByCA(self.ca, used)
        if self.pin is not None:
            return ByPin(pins.parse(self.pin))
        if known := self.profile.known(self.address):
            return ByPin(known.pin, known.since)
        return ByCA(used=used)
