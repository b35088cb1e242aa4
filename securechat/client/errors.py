"""How a visit can end other than the person wanted. The server's own words are in the texts, fit to be printed."""

from __future__ import annotations

from datetime import datetime, timedelta

from securechat.client.events import Disconnected, LoginRefused
from securechat.errors import SecurechatError
from securechat.protocol.text import printable


def moment(seconds: int) -> str:
    """The time of day in so many seconds, never too early."""
    return f"{datetime.now() + timedelta(seconds=seconds + 59):%H:%M}"


class ConnectionLost(SecurechatError):
    """The connection ended although nobody asked for it."""

    exit_status = 3


def lost(event: Disconnected) -> SecurechatError:
    """Why there will be no other link."""
    return event.failure or ConnectionLost(f"the connection was lost: {printable(event.reason)}")


class NoLogin(SecurechatError):
    """There is nothing to log in with."""

    exit_status = 2


class NotStored(SecurechatError):
    """The server refused what was said, or did not say in time that it is stored."""

    exit_status = 1


class ProfileError(SecurechatError):
    """The profile's folder, or a file in it, cannot be made or used."""

    exit_status = 2


class LoginFailed(SecurechatError):
    """The server refused the login.

    With `credentials` another password may do, with `second_factor` another code, after `seconds` the same ones.
    """

    exit_status = 5

    def __init__(self, account: str, refusal: LoginRefused) -> None:
        self.credentials = refusal.credentials
        self.second_factor = refusal.second_factor
        self.seconds = refusal.seconds
        self.code = refusal.code
        super().__init__(f"login as {account!r} refused: {printable(refusal.reason)}; {_advice(refusal)}")


def _advice(refusal: LoginRefused) -> str:
    if refusal.credentials:
        return "check both, or ask the server's operator"
    if refusal.second_factor:
        return "give the newest code; with --remember it is asked for once"
    if refusal.seconds:
        return f"that is at {moment(refusal.seconds)}"
    return "try again later" if refusal.temporary else "ask the server's operator"
