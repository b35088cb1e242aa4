"""Logging in over a trusted connection: from the first line to 001, or the reason why not."""

from __future__ import annotations

import logging
import ssl

from securechat.client.connection import Connection
from securechat.client.events import Admitted, Disconnected, LoginRefused
from securechat.client.session import Session
from securechat.errors import SecurechatError

log = logging.getLogger(__name__)


class LinkLost(SecurechatError):
    """The connection ended although nobody asked for it."""

    exit_status = 3


class LoginFailed(SecurechatError):
    """The server refused the login; with `credentials` another password may do."""

    exit_status = 5

    def __init__(self, account: str, refusal: LoginRefused) -> None:
        self.credentials = refusal.credentials
        advice = "check both, or ask the server's operator" if refusal.credentials else "try again later"
        super().__init__(f"login as {account!r} refused: {refusal.reason}; {advice}")


def log_in(tls: ssl.SSLSocket, session: Session, account: str) -> Connection:
    """The running connection of a session that was just admitted. Raises LoginFailed and LinkLost."""
    connection = Connection(tls, session)
    connection.start()
    try:
        _wait_for_admission(connection, account)
    except BaseException:
        connection.close()
        raise
    return connection


def _wait_for_admission(connection: Connection, account: str) -> None:
    while True:
        for event in connection.take(most=1):
            if isinstance(event, Admitted):
                return log.info("logged in as %s", event.nick)
            if isinstance(event, LoginRefused):
                log.info("login as %s refused", account)
                raise LoginFailed(account, event)
            if isinstance(event, Disconnected):
                raise LinkLost(f"the connection was lost during the login as {account!r}: {event.reason}; try again")
