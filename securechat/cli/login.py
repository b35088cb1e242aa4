"""`securechat login`: trust first, then the password, then chat. The parts with weight are imported when it runs."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Literal, get_args

import click

from securechat.errors import SecurechatError

if TYPE_CHECKING:
    from ssl import SSLSocket

    from securechat.client.address import Address
    from securechat.client.connection import Connection
    from securechat.client.profile import Profile, Visit
    from securechat.client.trust import Trust

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

LOBBY = "#lobby"
PASSWORD_VARIABLE = "SECURECHAT_PASSWORD"  # noqa: S105 - the name of a variable, not a password
LONGEST_PASSWORD_FILE = 4096
TRIES_ON_A_TERMINAL = 3


class LoginUsage(SecurechatError):
    """Something needed was not given, and there is no terminal to ask on."""

    exit_status = 2


class NotTrusted(SecurechatError):
    exit_status = 4


@click.command(
    epilog="""\b
Examples:
  securechat login ada@chat.example.org
  securechat login ada@localhost --ca certs/ca.crt
  make 2>&1 | securechat login bot@chat.example.org --password-file bot.pw --to '#builds'

With standard input piped each line is a message (a leading / is text), what arrives is printed, and the end comes with
the last acknowledgement: exit status 0; 1 when a line was refused, 3 when the connection was lost.
"""
)
@click.argument("server", metavar="[USER@]HOST[:PORT]")
@click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", help="Trust servers that this CA vouches for.")
@click.option("--pin", metavar="SHA256", help="Trust the server with this key only, and remember it.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="Its first line is the password."
)
@click.option(
    "--profile-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where known keys and places are kept."
)
@click.option("--to", metavar="TARGET", help="Talk in this channel or to this person; default: #lobby.")
@click.option("--plain", is_flag=True, help="Draw nothing: plain lines, as with TERM=dumb.")
@click.option(
    "--log-level",
    type=click.Choice(get_args(Level), case_sensitive=False),
    default="INFO",
    show_default=True,
    help="What client.log in the profile gets.",
)
def login(
    server: str,
    ca: Path | None,
    pin: str | None,
    password_file: Path | None,
    profile_dir: Path | None,
    to: str | None,
    plain: bool,
    log_level: Level,
) -> None:
    """Log in to a server and chat.

    The password comes from --password-file, else from the environment variable SECURECHAT_PASSWORD, else it is asked
    for on the terminal.
    """
    from securechat import config, log
    from securechat.client.address import parse
    from securechat.client.profile import Profile

    if ca is not None and pin is not None:
        raise LoginUsage("--ca and --pin are two ways to trust a server; give one of them")
    _check_target(to)
    account, address = parse(server)
    profile = Profile(profile_dir or config.default_profile())
    log.configure(config.Log(level=log_level), profile.folder, "client")  # until exit: a bug's traceback goes there
    trust, tls = _reach(profile, address, ca, pin)
    connection, visit = _enter(profile, address, trust, tls, account, password_file)
    try:
        _chat(connection, visit, to, plain)
    finally:
        connection.close()
        visit.save(at_once=True)


def _check_target(to: str | None) -> None:
    from securechat.protocol.names import is_account_name, is_channel_name

    if to is not None and not is_account_name(to) and not is_channel_name(to):
        raise LoginUsage(f"--to {to!r} is neither a channel, as '#ops', nor the name of a person")


def _reach(profile: Profile, address: Address, ca: Path | None, pin: str | None) -> tuple[Trust, SSLSocket]:
    """A connection to a server that is trusted; on a terminal the person may trust a key never seen before."""
    from securechat.client.trust import ByPin, UnknownKey, connect

    trust = _given_trust(profile, address, ca, pin)
    try:
        tls = connect(address, trust)
    except UnknownKey as unknown:
        if not _on_a_terminal():
            raise
        _ask_to_trust(address, unknown.pin)
        trust = ByPin(unknown.pin)
        tls = connect(address, trust)
    if isinstance(trust, ByPin) and trust.since is None:
        profile.remember(address, trust.pin, datetime.now().date())
    return trust, tls


def _given_trust(profile: Profile, address: Address, ca: Path | None, pin: str | None) -> Trust:
    from securechat.client.trust import ByCA, ByPin
    from securechat.tls import pins

    if ca is not None:
        return ByCA(ca)
    if pin is not None:
        return ByPin(pins.parse(pin))
    if known := profile.known(address):
        return ByPin(known.pin, known.since, known.entry)
    return ByCA()


def _ask_to_trust(address: Address, pin: str) -> None:
    from securechat.client.trust import SHOW_PIN

    click.echo(
        f"The server {address} is not known here yet, and no CA of this system vouches for it. Its key:\n\n"
        f"  {pin}\n\n"
        "Compare it with what its operator sees. gen_certs.py printed it as the pin; on the server this shows it:\n\n"
        f"  {SHOW_PIN}\n",
        err=True,
    )
    if not click.confirm("Is it the same, and is this key to be trusted from now on?", default=False, err=True):
        raise NotTrusted(f"{address} is not trusted; nothing was sent")


def _enter(
    profile: Profile, address: Address, trust: Trust, tls: SSLSocket, account: str | None, password_file: Path | None
) -> tuple[Connection, Visit]:
    """Log in, with what is given or, on a terminal, with what the person answers.

    While a person thinks no connection is kept: the server's deadline for logins is short.
    """
    from securechat.client.trust import connect

    password = _given_password(password_file)
    if account is not None and password is not None:
        return _log_in(profile, address, tls, account, password)
    tls.close()
    account = account or _which_account(profile, address)
    if password is not None:
        return _log_in(profile, address, connect(address, trust), account, password)
    return _ask_and_log_in(profile, address, trust, account)


def _ask_and_log_in(profile: Profile, address: Address, trust: Trust, account: str) -> tuple[Connection, Visit]:
    from securechat.client.admission import LoginFailed
    from securechat.client.trust import connect

    for _ in range(TRIES_ON_A_TERMINAL - 1):
        password = _ask_password(account, address)
        try:
            return _log_in(profile, address, connect(address, trust), account, password)
        except LoginFailed as failure:
            if not failure.credentials:
                raise
            click.echo(f"securechat: {failure}", err=True)
    password = _ask_password(account, address)
    return _log_in(profile, address, connect(address, trust), account, password)


def _log_in(
    profile: Profile, address: Address, tls: SSLSocket, account: str, password: str
) -> tuple[Connection, Visit]:
    from securechat.client.admission import log_in
    from securechat.client.session import Session
    from securechat.ui.pipe import PATIENCE

    visit = profile.visit(address, account)
    patience = 0.0 if _on_a_terminal() else PATIENCE
    session = Session(account, password, LOBBY, visit.seen, patience=patience)
    return log_in(tls, session, account), visit


def _which_account(profile: Profile, address: Address) -> str:
    from securechat.protocol.names import is_account_name

    last = profile.last_account(address)
    if not _on_a_terminal():
        if last is None:
            raise LoginUsage(f"no account is named and none was used with {address} before; give it as NAME@{address}")
        return last
    name: str = click.prompt(f"Account on {address}", default=last, err=True)
    if not is_account_name(name):
        raise LoginUsage(f"{name!r} is no account name: letters, digits, _ and -, beginning with a letter")
    return name


def _given_password(file: Path | None) -> str | None:
    """From the file, else from the environment. Raises LoginUsage when neither is there and nobody can be asked."""
    if file is not None:
        return _read_password(file)
    if password := os.environ.get(PASSWORD_VARIABLE):
        return password
    if not _on_a_terminal():
        raise LoginUsage(
            f"no password: give --password-file FILE, set {PASSWORD_VARIABLE}, or log in on a terminal, which is asked"
        )
    return None


def _read_password(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & 0o077:
                click.echo(f"securechat: others may read {file}; close it with: chmod 600 {quote(str(file))}", err=True)
            password = opened.read(LONGEST_PASSWORD_FILE).split(b"\n")[0].removesuffix(b"\r").decode()
    except OSError as error:
        raise LoginUsage(f"cannot read the password file {str(file)!r}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise LoginUsage(f"the password file {str(file)!r} is not UTF-8") from None  # the cause holds the password
    if not password:
        raise LoginUsage(f"the first line of the password file {str(file)!r} is empty; it must be the password")
    return password


def _ask_password(account: str, address: Address) -> str:
    password: str = click.prompt(f"Password of {account} on {address}", hide_input=True, err=True)
    return password


def _on_a_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _chat(connection: Connection, visit: Visit, to: str | None, plain: bool) -> None:
    """Run the face that fits where standard input and output lead."""
    target, join = to or LOBBY, to is not None
    if not _on_a_terminal():
        from securechat.ui.pipe import Pipe

        descriptor = sys.stdin.fileno() if sys.stdin is not None else os.open(os.devnull, os.O_RDONLY)
        return Pipe(connection, visit, target, join=join).run(descriptor)

    from securechat.ui.line import LineMode

    mode = LineMode(connection, visit, target, join=join)
    if plain or os.environ.get("TERM", "dumb") == "dumb" or not sys.stdout.isatty():
        from securechat.ui.plain import Plain

        Plain(connection, mode).run(sys.stdin.fileno())
    else:
        from securechat.ui.terminal import Terminal

        Terminal(connection, mode).run()
    return mode.finish()
