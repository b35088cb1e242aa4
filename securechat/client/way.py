"""How a server is reached, and by what it is trusted: what every connection to it has in common."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from securechat.client import trust
from securechat.client.address import Address
from securechat.client.errors import ProfileError
from securechat.client.profile import Profile
from securechat.client.trust import ByCA, ByPin, Trust
from securechat.errors import SecurechatError
from securechat.tls import pins
from securechat.tls.contexts import Identity

log = logging.getLogger(__name__)


class TwoTrusts(SecurechatError):
    exit_status = 2


@dataclass(frozen=True, slots=True)
class Way:
    """Raises TwoTrusts when both a CA and a pin are given. Without them what is known counts, else the system's CAs."""

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
        elif self.ca is not None:
            self._remember_ca(self.ca)
        return tls

    def remember(self, pin: str) -> None:
        """Trust this key from now on. Since when a key is known is worth more than that it was given once more."""
        known = self.profile.known(self.address)
        if known is None or known.pin != pin:
            self.profile.remember(self.address, pin, datetime.now().date())

    def _remember_ca(self, file: Path) -> None:
        """Unless its key is pinned, which is more."""
        known = self.profile.known(self.address)
        if known is not None and known.ca is None:
            return
        try:
            ca = file.read_text(encoding="utf-8", errors="replace")  # beside PEM there may be anything
            if known is None or not _holds(known.ca, ca):
                self.profile.known_servers.remember_ca(self.address, ca, datetime.now().date())
        except (OSError, ProfileError) as error:  # it will have to be given again
            log.warning("the CA of %s is not kept: %s", self.address, error)

    @property
    def known_pin(self) -> str | None:
        """Of the key by which the server is trusted, if it is by its key."""
        trusted = self._trust()
        return trusted.pin if isinstance(trusted, ByPin) else None

    @property
    def known_ca(self) -> Path | None:
        """The file of the CA by which it is trusted, if it is by one that was given."""
        trusted = self._trust()
        return trusted.file if isinstance(trusted, ByCA) else None

    def _trust(self) -> Trust:
        if self.ca is not None:
            return ByCA(self.ca, self.profile.last_day)
        if self.pin is not None:
            return ByPin(pins.parse(self.pin))
        known = self.profile.known(self.address)
        if known is not None and known.pin is not None:
            return ByPin(known.pin, known.since)
        return ByCA(known.ca if known is not None else None, self.profile.last_day)


def _holds(file: Path | None, text: str) -> bool:
    return file is not None and file.exists() and file.read_text(encoding="utf-8") == text
