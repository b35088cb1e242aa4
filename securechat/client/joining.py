"""Coming in by an invite: a session that its secret opened, in which the account's first password is chosen."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator

from securechat.client import past
from securechat.client.address import Address
from securechat.client.client import Client
from securechat.client.conversation import Conversation
from securechat.client.credentials import Credentials
from securechat.client.dial import Connect
from securechat.client.errors import ConnectionLost, LoginFailed
from securechat.client.events import Disconnected, Entered, Event, Joined, PasswordAnswered
from securechat.client.history import Seen
from securechat.client.outbox import Outbox
from securechat.errors import SecurechatError
from securechat.protocol.invites import Invite
from securechat.protocol.text import printable

PATIENCE = 60.0  # seconds for one answer of the server


class InviteRefused(SecurechatError):
    """The server is the right one, and the invite opens nothing there."""

    exit_status = 5


class PasswordRefused(SecurechatError):
    """The server does not take the password; the invite is still good."""


class Joining:
    """`channel` is where the invite leads, once the password is set; None for nowhere in particular."""

    def __init__(self, invite: Invite, address: Address, connect: Connect) -> None:
        self.channel: str | None = None
        self._invite = invite
        self._address = address
        credentials = Credentials(invite.account, invite.password)
        self._client = Client(credentials, past.nothing, Conversation(Seen(), Outbox()), connect, patience=0)

    def enter(self, tls: ssl.SSLSocket) -> None:
        """Log in by the invite, over a connection to the server that made it. Raises InviteRefused, LoginFailed."""
        try:
            self._client.log_in(tls)
        except LoginFailed as failure:
            raise self._refusal(failure) from failure
        next(event for event in self._events() if isinstance(event, Entered))

    def choose(self, password: str) -> str | None:
        """Set the password, with which the invite is used up; else what the server has against it."""
        self._client.post(lambda session: session.change_password("", password))
        answer = next(event for event in self._events() if isinstance(event, PasswordAnswered))
        if not answer.changed:
            return printable(answer.text)
        came_with_it = self._client.take(0.0)
        self.channel = next((event.channel for event in came_with_it if isinstance(event, Joined) and event.own), None)
        return None

    def close(self) -> None:
        self._client.close()

    def _events(self) -> Iterator[Event]:
        """One by one, until the answer is there. Raises ConnectionLost."""
        deadline = time.monotonic() + PATIENCE
        while events := self._client.take(max(0.0, deadline - time.monotonic()), most=1):
            if isinstance(events[0], Disconnected):
                break
            yield events[0]
        raise ConnectionLost(
            "the connection was lost; type the same line again, and should the invite be used by then, log in with the"
            f" password that you chose: {self._login}"
        )

    def _refusal(self, failure: LoginFailed) -> SecurechatError:
        account = self._invite.account
        again = f"ask for a new one (on the server: securechat invite {account})"
        if failure.credentials:
            return InviteRefused(f"{self._address} knows no such invite for {account}; {again}")
        if failure.code == "INVITE_USED":
            return InviteRefused(
                f"this invite was used already; if it was you, type: {self._login}; if not, somebody else has your"
                " account: tell whoever invited you"
            )
        if failure.code == "INVITE_EXPIRED":
            return InviteRefused(f"this invite has expired; {again}")
        if failure.code == "INVITE_WITHDRAWN":
            return InviteRefused(f"this invite was withdrawn, or a newer one took its place; use that, or {again}")
        return failure

    @property
    def _login(self) -> str:
        return f"securechat login {self._invite.account}@{self._address}"
