"""How a visit can end other than the person wanted. The server's own words are in the texts, fit to be printed."""

from __future__ import annotations

from datetime import datetime, timedelta

from securechat.client.events import LoginRefused
from securechat.errors import SecurechatError
from securechat.protocol.text import printable


def moment(seconds: int) -> str:
    """The time of day in so many seconds, never too early."""
    return f"{datetime.now() + timedelta(seconds=seconds + 59):%H:%M}"


class ConnectionLost(SecurechatError):
    """The connection ended although nobody asked for it."""

    exit_status = 3


class LoginFailed(SecurechatError):
    """The server refused the login; with `credentials` another password may do, after `seconds` the same one."""

    exit_status = 5

    def __init__(self, account: str, refusal: LoginRefused) -> None:
        self.credentials = refusal.credentials
        self.seconds = refusal.seconds
        if refusal.credentials:
            advice = "check both, or ask the server's operator"
        elif refusal.seconds:
            advice = f"that is at {moment(refusal.seconds)}"
        else:
            advice = "try again later"
        super().__init__(f"login as {account!r} refused: {printable(refusal.reason)}; {advice}")
