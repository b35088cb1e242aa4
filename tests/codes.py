"""Second factors for tests: an account's codes as its app would show them."""

from __future__ import annotations

import pyotp

from securechat.auth import totp
from securechat.store.totp import Factors, NewFactor


class App:
    """Enables a second factor for `name` and makes its codes; it is enabled without a code that confirms it."""

    def __init__(self, factors: Factors, name: str) -> None:
        self.secret = totp.new_secret()
        self.recovery_codes = totp.new_recovery_codes()
        digests = [totp.digest(code) for code in self.recovery_codes]
        factors.enable(name, NewFactor(self.secret, 0, digests))

    def code(self, now: float) -> str:
        return pyotp.TOTP(self.secret).at(now)

    def wrong(self, now: float) -> str:
        """Six digits that are no code around this time."""
        near = {self.code(now + offset) for offset in range(-120, 121, 30)}
        return next(text for text in map("{:06}".format, range(10)) if text not in near)
