"""Doing without the password: the server makes a device token for this computer, which is kept, and given up again."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import suppress

from securechat.client import replies
from securechat.client.credentials import Credentials
from securechat.client.errors import ProfileError
from securechat.client.events import Event, Remembered
from securechat.client.tokens import DeviceToken
from securechat.protocol.message import Message
from securechat.protocol.text import printable

NEEDED = frozenset({"securechat/tokens", "labeled-response"})  # of the server's capabilities
NAME_LENGTH = 64  # characters of a device's name

Ask = Callable[..., None]


class Remembering:
    """What one session has to do with it. `ask` sends a command and gives back its labelled answer."""

    def __init__(self, credentials: Credentials, ask: Ask, tell: Callable[[Event], None]) -> None:
        self._credentials = credentials
        self._by_token = credentials.token is not None
        self._ask = ask
        self._tell = tell
        self.offered = False  # by the server

    @property
    def possible(self) -> bool:
        """Whether it would spare the person the password."""
        credentials = self._credentials
        used = credentials.password is not None and not credentials.certified
        if not self.offered or not used or credentials.file is None or credentials.file.declined:
            return False
        return self._kept() is None

    def remember(self) -> None:
        """Have the server make a token, which is used from then on; Remembered tells how that went."""
        if self._kept() is not None:
            self._tell(Remembered("this computer is remembered already; /forget undoes that"))
        elif not self.offered:
            self._tell(Remembered("this server has no device tokens; the password stays needed"))
        else:
            self._ask(self._made, "TOKEN", "CREATE", self._credentials.device or device_name())

    def forget(self) -> None:
        """Have the server revoke the token; if it opened this session, that ends."""
        if (token := self._kept()) is None:
            self._tell(Remembered("nothing is remembered here"))
        else:
            self._ask(lambda answers: self._revoked(token, answers), "TOKEN", "REVOKE", token.id)

    def password_changed(self, new: str) -> None:
        """The server has revoked all tokens but the one that opened this session."""
        if self._credentials.password is not None:
            self._credentials.password = new
        if not self._by_token and (token := self._kept()) is not None:
            self._lose(token)
            self.remember()

    def _kept(self) -> DeviceToken | None:
        """On the disk there may be one although a password was given."""
        if self._credentials.token is None and self._credentials.file is not None:
            return self._credentials.file.read()
        return self._credentials.token

    def _made(self, answers: list[Message]) -> None:
        for message in answers:
            if message.command == "TOKEN" and len(message.params) >= 4:
                self._keep(DeviceToken(message.params[1], message.params[3]))
            elif replies.is_answer(message):
                self._tell(Remembered(f"not remembered: {replies.reason(message)}"))

    def _keep(self, token: DeviceToken) -> None:
        assert self._credentials.file is not None
        try:
            place = self._credentials.file.keep(token)
        except ProfileError as error:
            self._ask(lambda answers: None, "TOKEN", "REVOKE", token.id)
            return self._tell(Remembered(f"not remembered: {error}"))
        self._credentials.token = token
        words = f"your next login takes no password; the token is {place}; /forget undoes that"
        return self._tell(Remembered(f"this computer is remembered as {device_name()!r}: {words}"))

    def _revoked(self, token: DeviceToken, answers: list[Message]) -> None:
        """One that the server does not know is as good as revoked."""
        for message in answers:
            if message.command == "TOKEN" or message.params[1:2] == ("UNKNOWN_TOKEN",):
                self._drop(token)
            elif replies.is_answer(message):
                self._tell(Remembered(f"not forgotten: {replies.reason(message)}"))

    def _drop(self, token: DeviceToken) -> None:
        self._credentials.remember = False
        if self._lose(token):
            self._decline()
            self._tell(Remembered("forgotten: your next login takes the password"))

    def _decline(self) -> None:
        """Who forgets it is not asked again; at worst, he is."""
        with suppress(ProfileError):
            if self._credentials.file is not None:
                self._credentials.file.decline()

    def _lose(self, token: DeviceToken) -> bool:
        """It is worth nothing any more."""
        self._credentials.token = None
        try:
            if self._credentials.file is not None:
                self._credentials.file.forget(token)
        except ProfileError as error:
            self._tell(Remembered(str(error)))
            return False
        return True


def device_name() -> str:
    """How people tell this device from others when they list their tokens."""
    return printable(platform.node())[:NAME_LENGTH].strip() or "a computer"
