"""What an account logs in with, kept in memory for as long as the client runs: a lost link is made anew with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from securechat.client.tokens import DeviceToken


class TokenPlace(Protocol):
    """Where a device token goes: see TokenFile."""

    @property
    def declined(self) -> bool: ...

    def read(self) -> DeviceToken | None: ...

    def keep(self, token: DeviceToken) -> str: ...

    def decline(self) -> None: ...

    def forget(self, token: DeviceToken) -> None: ...


@dataclass(slots=True)
class Credentials:
    """They change when the server takes another password, makes a device token, or revokes it."""

    account: str
    password: str | None = field(default=None, repr=False)  # None if something else was enough
    token: DeviceToken | None = None  # goes before the password
    certified: bool = False  # by a client certificate, which the connection shows; goes before both
    file: TokenPlace | None = None  # where a token is kept; None for who only looks in
    device: str = ""  # what a token is called; without it this computer's name
    remember: bool = False  # ask for a token as soon as the password has done
    code: str = field(default="", repr=False)  # of the second factor, behind the password; it opens one login

    @property
    def secret(self) -> str | None:
        return self.token.secret if self.token is not None else self.password

    @property
    def used_up(self) -> bool:
        """Whether there is nothing left to log in with."""
        return self.secret is None and not self.certified
