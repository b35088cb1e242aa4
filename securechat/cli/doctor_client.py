"""What `securechat doctor` looks at on the way from this computer to a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from securechat.cli.doctor import Skipped
from securechat.cli.entry import log_in_without_asking
from securechat.cli.visiting import visitor
from securechat.client import clock as clocks
from securechat.client import past, reach, trust
from securechat.client.client import Client
from securechat.client.errors import ConnectionLost
from securechat.client.events import Disconnected, Entered
from securechat.client.profile import Profile
from securechat.client.way import Way
from securechat.errors import SecurechatError
from securechat.protocol.text import printable
from securechat.tls import clients
from securechat.tls.errors import CertificateError

TIMEOUT = 30.0  # seconds until a login has told what it is asked for
APART = 60.0  # seconds: clocks that differ by more confuse people, who read the times of messages


class WrongClock(SecurechatError):
    """Certificates and times are judged by it."""


def clock(profile: Profile) -> str:
    """Raises WrongClock when it cannot be right."""
    if doubt := clocks.doubt(profile.last_day()):
        raise WrongClock(f"the clock of this computer is wrong: it says {clocks.shown()}, but {doubt}; set it right")
    return clocks.shown()


def checks(way: Way, account: str | None) -> dict[str, Callable[[], str]]:
    """In this order. What is given stands as for `login`."""
    visit = _Visit(way, account)
    found = {"name": visit.name, "port": visit.port, "TLS": visit.tls, "certificate": visit.certificate}
    own = {} if way.identity is None else {"your own": visit.own_certificate}
    return {**found, **own, "trust": visit.trust, "account": visit.login, "version": visit.version}


class _Visit:
    """One look at a server; each step remembers what later ones speak of."""

    def __init__(self, way: Way, account: str | None) -> None:
        self._way = way
        self._account = account
        self._shown: trust.Shown | None = None
        self._entered: Entered | None = None

    def name(self) -> str:
        return f"{self._way.address.host} is {', '.join(reach.addresses(self._way.address))}"

    def port(self) -> str:
        reach.connect(self._way.address).close()
        return f"{self._way.address.port} answers"

    def tls(self) -> str:
        self._shown = trust.look(self._way.address)
        return f"{self._shown.version.replace('v', ' ')}"

    def certificate(self) -> str:
        """What it says; whether that is good enough is a question of trust: with a pin it always is."""
        assert self._shown is not None
        shown = self._shown.certificate
        names = " ".join(printable(name) for name in shown.names) or "no name"
        return f"for {names}, until {shown.until:%Y-%m-%d}, pin {shown.pin}"

    def trust(self) -> str:
        self._way.connect().close()
        if self._way.known_pin is not None:
            return "by the pin of its key"
        return f"by the CA in {self._way.known_ca}" if self._way.known_ca is not None else "by a CA of this system"

    def own_certificate(self) -> str:
        """Of the client."""
        assert self._way.identity is not None
        file = self._way.identity.certificate
        if clients.is_self_signed(file):
            raise CertificateError(
                f"{file} is self-signed: you made it yourself, and no server takes that; ask the operator for one that"
                " his CA issues (python scripts/gen_certs.py client NAME), or leave --client-cert out"
            )
        found = clients.read_file(file)
        return f"{file} is for {found.account}, until {datetime.fromtimestamp(found.expires / 1000):%Y-%m-%d}"

    def login(self) -> str:
        client = log_in_without_asking(self._way, self._account, partial(visitor, self._way, past.nothing, 0))
        if client is None:
            place = f"{self._account or 'NAME'}@{self._way.address}"
            raise Skipped(f"this computer is not remembered; `securechat login {place}` asks for the password")
        try:
            self._entered = _entered(client)
        finally:
            client.close()
        return f"logged in as {self._entered.nick}"

    def version(self) -> str:
        """And by how much the clocks differ, which only the login tells."""
        if self._entered is None:
            raise Skipped("only who is logged in is told")
        software = printable(self._entered.software) or "it does not say"
        if self._entered.time is None:
            return software
        apart = abs((datetime.now(UTC) - self._entered.time).total_seconds())
        if apart > APART:
            raise WrongClock(
                f"the clocks of this computer and the server differ by {apart:.0f} s; set the wrong one right"
            )
        return f"{software}; its clock agrees with this one"


def _entered(client: Client) -> Entered:
    """Raises ConnectionLost."""
    deadline = time.monotonic() + TIMEOUT
    while (left := deadline - time.monotonic()) > 0:
        for event in client.take(left, most=1):
            if isinstance(event, Entered):
                return event
            if isinstance(event, Disconnected):
                raise ConnectionLost(f"the connection was lost behind the login: {printable(event.reason)}; try again")
    raise ConnectionLost(f"the server told nothing within {TIMEOUT:g} s of the login; try again")
