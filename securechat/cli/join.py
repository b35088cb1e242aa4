"""`securechat join`: from the code of an invite to the chat. The server is proved before the secret leaves."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securechat.cli.asking import LoginUsage, NotTrusted, given_password, on_a_terminal
from securechat.cli.entry import Level, log_in, log_option, open_profile, profile_option

if TYPE_CHECKING:
    from ssl import SSLSocket

    from securechat.client.address import Address
    from securechat.client.client import Client
    from securechat.client.credentials import Credentials
    from securechat.client.joining import Joining
    from securechat.client.way import Way
    from securechat.protocol.invites import Invite

LONGEST_CODE = 8192  # characters that are read from standard input
PATIENCE = 60.0  # seconds until this computer must be remembered
_COMMAND = re.compile(r"\s*securechat\s+join\s+")


@click.command(
    epilog="""\b
Examples:
  securechat join 04D2J4-00108X-…            the whole line, as it was sent to you
  securechat join                            asks for the code
  securechat join - --password-file pw --no-chat < code

Letter case, white space and dashes do not matter. The code is a secret until it is used: on a machine that you share,
type the command alone, which asks for it.
"""
)
@click.argument("code", nargs=-1)
@click.option(
    "--password-file", type=click.Path(path_type=Path), metavar="FILE", help="Its first line becomes the password."
)
@click.option("--no-chat", is_flag=True, help="Set the password, have this computer remembered, and end.")
@profile_option
@click.option("--line", "face", flag_value="line", help="Line mode: what arrives appears above the line you type.")
@click.option("--plain", "face", flag_value="plain", help="Draw nothing: plain lines, as with TERM=dumb.")
@log_option
def join(
    code: tuple[str, ...],
    password_file: Path | None,
    no_chat: bool,
    profile_dir: Path | None,
    face: str | None,
    log_level: Level,
) -> None:
    """Come in with the CODE of an invite, choose a password, and chat.

    CODE says where the server is and what its key is, so nothing is sent to any other. It counts once; this computer is
    remembered, and its next `securechat login` takes no password.
    """
    from securechat.client.address import Address
    from securechat.client.credentials import Credentials
    from securechat.client.joining import Joining
    from securechat.client.way import Way
    from securechat.tls import pins

    invite = _given_invite(code)
    password = given_password(password_file)
    if password is None and not on_a_terminal():
        raise LoginUsage("no password: give --password-file FILE, or join on a terminal, which is asked")
    address = Address(invite.host.lower(), invite.port)
    way = Way(open_profile(profile_dir, log_level), address, pin=pins.parse(invite.key.hex()))
    _check_known(way)
    joining = Joining(invite, address, way.connect)
    try:
        joining.enter(_proved(way))
        password = _choose(joining, invite, address, password)
        _forget_token(way, invite.account)
        make = partial(_new_client, way)
        client = log_in(way, make, Credentials(invite.account, password), way.connect())
    finally:
        joining.close()
    click.echo(
        f"securechat: welcome, {invite.account}; next time type: securechat login {invite.account}@{address}", err=True
    )
    _go_on(client, way, joining.channel, no_chat=no_chat, face=face)


def _given_invite(words: tuple[str, ...]) -> Invite:
    """From the command line, else typed on the terminal, where it may be corrected, else from standard input."""
    from securechat.protocol.invites import BadInvite, parse

    if words not in ((), ("-",)):
        return parse(_COMMAND.sub("", " ".join(words)))
    if not on_a_terminal():
        return parse(_COMMAND.sub("", sys.stdin.read(LONGEST_CODE) if sys.stdin is not None else ""))
    typed = ""
    while True:
        typed = _typed_code(typed)
        try:
            return parse(_COMMAND.sub("", typed))
        except BadInvite as error:
            click.echo(f"securechat: {error}", err=True)


def _typed_code(before: str) -> str:
    from prompt_toolkit import prompt

    try:
        return prompt("Invite code: ", default=before)
    except (EOFError, KeyboardInterrupt) as error:
        raise click.Abort from error


def _check_known(way: Way) -> None:
    """A code does not make another key trusted than the one that this computer knows. Raises NotTrusted."""
    from securechat.client.refusals import SHOW_PIN

    known = way.profile.known(way.address)
    if known is not None and known.pin != way.pin:
        raise NotTrusted(
            f"this invite says another key for {way.address} than is known here since {known.since}; nothing was sent."
            f" Ask the server's operator, on another way, what `{SHOW_PIN}` prints there. Only if that is {way.pin},"
            f" type: securechat trust forget {way.address}, and join again"
        )


def _proved(way: Way) -> SSLSocket:
    """A connection to the server whose key is in the code; nothing was said over it yet."""
    from securechat.tls.errors import TrustError

    try:
        return way.connect()
    except TrustError as error:
        raise NotTrusted(
            f"what answers at {way.address} is not the server that made this invite: its key is another, and somebody"
            " may be in between; nothing was sent; tell whoever invited you, on another way"
        ) from error


def _choose(joining: Joining, invite: Invite, address: Address, given: str | None) -> str:
    """The account's password from now on; on a terminal one that the server does not like is asked for again."""
    from securechat.client.joining import PasswordRefused

    if given is not None:
        if reason := joining.choose(given):
            raise PasswordRefused(f"the password is not set: {reason}; the invite is good yet")
        return given
    click.echo(
        f"You are {invite.account} on {address}. Choose a password, for other computers and other clients.", err=True
    )
    while True:
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
        reason = joining.choose(password)
        if reason is None:
            return password
        click.echo(f"securechat: {reason}", err=True)


def _forget_token(way: Way, account: str) -> None:
    """Of an earlier account of this name: it would keep that of the new one from being kept."""
    file = way.profile.token(way.address, account)
    if (token := file.read()) is not None:
        file.forget(token)


def _new_client(way: Way, credentials: Credentials) -> Client:
    from securechat.cli.login import OUTAGE_IN_A_PIPE, new_client

    return new_client(way, None if on_a_terminal() else OUTAGE_IN_A_PIPE, True, credentials)


def _go_on(client: Client, way: Way, channel: str | None, *, no_chat: bool, face: str | None) -> None:
    """Into the chat as `login` does, or no further than until this computer is remembered."""
    from securechat.cli.login import chat

    if no_chat:
        _be_remembered(client)
        return _note_visit(way, client.account)
    return chat(client, way, channel, face)


def _note_visit(way: Way, account: str) -> None:
    """So that what comes next, as `securechat send`, finds where this person was last."""
    visit = way.profile.visit(way.address, account)
    visit.was_here(datetime.now(UTC))
    visit.save(at_once=True)


def _be_remembered(client: Client) -> None:
    """Raises ConnectionLost."""
    from securechat.client.errors import ConnectionLost
    from securechat.client.events import Disconnected, Remembered
    from securechat.protocol.text import printable

    try:
        while events := client.take(PATIENCE, most=1):
            if isinstance(events[0], Remembered):
                return click.echo(f"securechat: {printable(events[0].text)}", err=True)
            if isinstance(events[0], Disconnected):
                break
        raise ConnectionLost("the connection was lost; the password is set, so log in with it")
    finally:
        client.close()
