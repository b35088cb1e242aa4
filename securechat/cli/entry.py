"""From the words of the command line to a server that is trusted and an account that is logged in, for every command
that talks to one. The parts with weight are imported when it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from securechat.cli.asking import (
    PASSWORD_VARIABLE,
    LoginUsage,
    ask_code,
    ask_password,
    ask_to_trust,
    given_password,
    on_a_terminal,
    which_account,
)

if TYPE_CHECKING:
    from ssl import SSLSocket

    from securechat.client.address import Address
    from securechat.client.client import Client
    from securechat.client.credentials import Credentials
    from securechat.client.profile import Profile
    from securechat.client.tokens import DeviceToken
    from securechat.client.way import Way
    from securechat.tls.contexts import Identity

Decorator = Callable[[Callable[..., object]], Callable[..., object]]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

LOBBY = "#lobby"
TRIES_ON_A_TERMINAL = 3
LONGEST_WAIT = 60  # seconds that a server with too much to do is waited for, in all

WAY_OPTIONS = (
    click.option(
        "--ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust servers that this CA vouches for."
    ),
    click.option("--pin", metavar="SHA256", help="Trust the server with this key only, and remember it."),
    click.option(
        "--client-cert",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Log in with this client certificate, in the password's place.",
    ),
    click.option(
        "--client-key",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Its key; default: in the certificate's file.",
    ),
)
PASSWORD_OPTION = click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="Its first line is the password."
)
profile_option = click.option(
    "--profile-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where known keys and places are kept."
)
log_option = click.option(
    "--log-level",
    type=click.Choice(get_args(Level), case_sensitive=False),
    default="INFO",
    show_default=True,
    help="What client.log in the profile gets.",
)
PROFILE_OPTIONS = (profile_option, log_option)


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say of the way to a server and of what opens it; commands get it as `given`."""

    profile_dir: Path | None
    log_level: Level
    ca: Path | None
    pin: str | None
    client_cert: Path | None
    client_key: Path | None
    password_file: Path | None = None

    def profile(self) -> Profile:
        return open_profile(self.profile_dir, self.log_level)

    def way(self, profile: Profile, address: Address) -> Way:
        """Raises LoginUsage, TwoTrusts."""
        from securechat.client.way import Way

        return Way(profile, address, self.ca, self.pin, self._identity())

    def _identity(self) -> Identity | None:
        from securechat.tls.contexts import Identity

        if self.client_cert is not None:
            return Identity(self.client_cert, self.client_key or self.client_cert)
        if self.client_key is not None:
            raise LoginUsage("--client-key comes with --client-cert FILE, the certificate it belongs to")
        return None


def entry_options(command: Callable[..., object]) -> Callable[..., object]:
    """The options of everything that logs in, as `given`."""
    return _with_given(command, (*WAY_OPTIONS, PASSWORD_OPTION, *PROFILE_OPTIONS))


def way_options(command: Callable[..., object]) -> Callable[..., object]:
    """The same without a password."""
    return _with_given(command, (*WAY_OPTIONS, *PROFILE_OPTIONS))


def _with_given(command: Callable[..., object], options: Sequence[Decorator]) -> Callable[..., object]:
    @wraps(command)
    def collected(**words: Any) -> object:
        names = [field.name for field in fields(Given) if field.name in words]
        return command(given=Given(**{name: words.pop(name) for name in names}), **words)

    decorated: Callable[..., object] = collected
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def open_profile(folder: Path | None, log_level: Level) -> Profile:
    """The profile, with this command's log in it until exit: a bug's traceback goes there."""
    from securechat import config, log
    from securechat.client.profile import Profile

    profile = Profile(folder or config.default_profile())
    if profile.was_open:
        names = ", ".join(str(path.relative_to(profile.folder.parent)) for path in profile.was_open[:3])
        more = f" and {len(profile.was_open) - 3} more" if len(profile.was_open) > 3 else ""
        click.echo(f"securechat: others of this machine could use {names}{more}; only you can now", err=True)
    log.configure(config.Log(level=log_level), profile.folder, "client")
    return profile


def first_connect(way: Way) -> SSLSocket:
    """A connection to the server; on a terminal the person may trust a key never seen before."""
    from securechat.client.trust import UnknownKey

    try:
        return way.connect()
    except UnknownKey as unknown:
        if not on_a_terminal():
            raise
        ask_to_trust(way.address, unknown.pin)
        way.remember(unknown.pin)
    return way.connect()


def enter(
    way: Way,
    account: str | None,
    password_file: Path | None,
    make: Callable[[Credentials], Client],
    *,
    remember: bool = False,
    by_password: bool = False,
) -> Client:
    """A client that is logged in, with what is given or remembered or, on a terminal, with what the person answers.

    `make` makes it for credentials. A password that is given goes before what is remembered, unless `remember` says so;
    with `by_password` only a password will do.
    While a person thinks no connection is kept: the server's deadline for logins is short.
    """
    from securechat.client.credentials import Credentials

    if way.identity is not None:
        certified = _certified_account(way.identity, account, password_file)
        return log_in(way, make, Credentials(certified, certified=True), first_connect(way))
    tls = first_connect(way)
    password = given_password(password_file)
    if account is None:
        tls.close()
        account = which_account(way.profile, way.address)
        tls = way.connect()
    token = _kept_token(way, account) if (password is None or remember) and not by_password else None
    if token is not None:
        client = _log_in_by_token(way, account, token, make, tls, last=password is None)
        if client is not None:
            return client
        tls = way.connect()
    if password is not None:
        return log_in(way, make, Credentials(account, password), tls)
    tls.close()
    client = _ask_and_log_in(way, account, make)
    if client.rememberable and not remember and not by_password:
        _offer_to_remember(way, client)
    return client


def log_in_without_asking(way: Way, account: str | None, make: Callable[[Credentials], Client]) -> Client | None:
    """A client that is logged in by certificate or by what this computer is remembered by; None without either.

    Nothing is forgotten if that fails. Raises LoginFailed.
    """
    from securechat.client.credentials import Credentials

    if way.identity is not None:
        certified = _certified_account(way.identity, account, None)
        return _try(make, Credentials(certified, certified=True), way.connect())
    token = _kept_token(way, account) if account is not None else None
    if account is None or token is None:
        return None
    return _try(make, Credentials(account, token=token), way.connect())


def _certified_account(identity: Identity, account: str | None, password_file: Path | None) -> str:
    """Whose the certificate is. Raises LoginUsage when something else was given, too, and CertificateError."""
    from securechat.protocol.names import fold
    from securechat.tls import clients

    if password_file is not None:
        raise LoginUsage("--client-cert and --password-file are two ways to log in; give one of them")
    named = clients.read_file(identity.certificate).account
    if account is not None and fold(account) != fold(named):
        words = f"{identity.certificate} is the certificate of {named}, not of {account}; log in as {named}"
        raise LoginUsage(words)
    return named


def _log_in_by_token(
    way: Way, account: str, token: DeviceToken, make: Callable[[Credentials], Client], tls: SSLSocket, *, last: bool
) -> Client | None:
    """None when the server does not take the token, which is forgotten then: the password comes next.

    Nothing does if it is the `last` that was given, and nobody can be asked. Raises LoginFailed.
    """
    from securechat.client.credentials import Credentials
    from securechat.client.errors import LoginFailed

    try:
        return log_in(way, make, Credentials(account, token=token), tls)
    except LoginFailed as failure:
        if not failure.credentials:
            raise
        way.profile.token(way.address, account).forget(token)
        click.echo("securechat: this computer is remembered no longer: its device token was refused", err=True)
        if last and not on_a_terminal():
            raise
    return None


def _kept_token(way: Way, account: str) -> DeviceToken | None:
    """Says so when there should be one and it cannot be had."""
    file = way.profile.token(way.address, account)
    token = file.read()
    if file.trouble:
        click.echo(f"securechat: the device token of this computer cannot be used: {file.trouble}", err=True)
    return token


def _offer_to_remember(way: Way, client: Client) -> None:
    """Asked once: a no is kept, too."""
    if click.confirm("Remember this computer, so that the next login takes no password?", default=False, err=True):
        client.remember()
    else:
        way.profile.token(way.address, client.account).decline()


def _ask_and_log_in(way: Way, account: str, make: Callable[[Credentials], Client]) -> Client:
    from securechat.client.credentials import Credentials
    from securechat.client.errors import LoginFailed

    if not on_a_terminal():
        raise LoginUsage(
            f"no password: give --password-file FILE, set {PASSWORD_VARIABLE}, or log in on a terminal, which is asked"
        )
    for _ in range(TRIES_ON_A_TERMINAL - 1):
        password = ask_password(account, way.address)
        try:
            return log_in(way, make, Credentials(account, password), way.connect())
        except LoginFailed as failure:
            if not failure.credentials:
                raise
            click.echo(f"securechat: {failure}", err=True)
    password = ask_password(account, way.address)
    return log_in(way, make, Credentials(account, password), way.connect())


def log_in(way: Way, make: Callable[[Credentials], Client], credentials: Credentials, tls: SSLSocket) -> Client:
    """With these, and on a terminal with the code of a second factor, where the server wants one."""
    from securechat.client.errors import LoginFailed

    try:
        return _keep_trying(way, make, credentials, tls)
    except LoginFailed as failure:
        if credentials.password is None or not failure.second_factor or not on_a_terminal():
            raise
    for _ in range(TRIES_ON_A_TERMINAL - 1):
        with_code = replace(credentials, code=ask_code())
        try:
            return _keep_trying(way, make, with_code, way.connect())
        except LoginFailed as failure:
            if not failure.second_factor:
                raise
            click.echo(f"securechat: {failure}", err=True)
    return _keep_trying(way, make, replace(credentials, code=ask_code()), way.connect())


def _keep_trying(way: Way, make: Callable[[Credentials], Client], credentials: Credentials, tls: SSLSocket) -> Client:
    """Log in, and once more when the server asks us to come again soon."""
    from securechat.client.errors import LoginFailed

    left = LONGEST_WAIT
    while True:
        try:
            return _try(make, replace(credentials), tls)  # each forgets its code
        except LoginFailed as failure:
            if not 0 < failure.seconds <= left:
                raise
            left -= failure.seconds
            click.echo(f"securechat: the server asks to wait; trying again in {failure.seconds} s", err=True)
            time.sleep(failure.seconds)
            tls = way.connect()


def _try(make: Callable[[Credentials], Client], credentials: Credentials, tls: SSLSocket) -> Client:
    client = make(credentials)
    try:
        client.log_in(tls)
    except BaseException:
        client.close()
        raise
    return client
