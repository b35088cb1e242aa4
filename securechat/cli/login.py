"""`securechat login`: trust first, then the password, then chat. The parts with weight are imported when it runs."""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from securechat.cli.asking import LoginUsage, on_a_terminal
from securechat.cli.entry import LOBBY, Given, enter, entry_options

if TYPE_CHECKING:
    from securechat.client.client import Client
    from securechat.client.credentials import Credentials
    from securechat.client.profile import Visit
    from securechat.client.way import Way

OUTAGE_IN_A_PIPE = 60.0
FULL_COLUMNS, FULL_LINES = 40, 10  # of a terminal; in a smaller one line mode is the better face


@click.command(
    epilog="""\b
Examples:
  securechat login ada@chat.example.org
  securechat login ada@localhost --ca certs/ca.crt
  securechat login ada@chat.example.org --remember
  securechat login chat.example.org:6698 --client-cert ada.crt --client-key ada.key
  make 2>&1 | securechat login bot@chat.example.org --password-file bot.pw --to '#builds'

With standard input piped each line is a message (a leading / is text), what arrives is printed, and the end comes with
the last acknowledgement: exit status 0; 1 when a line was refused, 3 when the connection was lost for too long.

On a terminal this is the full screen if the extra "tui" is installed (pip install 'securechat[tui]'), else line mode.

A lost connection is made anew, and what was typed meanwhile or is in doubt is sent then, once. On a terminal it is kept
over the end of the program, too, and sent at the next login.
"""
)
@click.argument("server", metavar="[USER@]HOST[:PORT]")
@entry_options
@click.option("--to", metavar="TARGET", help="Talk in this channel or to this person; default: #lobby.")
@click.option(
    "--remember", is_flag=True, help="Have this computer's next login take no password; /forget in the chat undoes it."
)
@click.option("--line", "face", flag_value="line", help="Line mode: what arrives appears above the line you type.")
@click.option("--plain", "face", flag_value="plain", help="Draw nothing: plain lines, as with TERM=dumb.")
@click.option(
    "--give-up",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Give a lost connection up after so long; default: 60 in a pipe, never on a terminal.",
)
def login(
    server: str,
    given: Given,
    to: str | None,
    remember: bool,
    face: str | None,
    give_up: float | None,
) -> None:
    """Log in to a server and chat.

    The password comes from --password-file, else from the environment variable SECURECHAT_PASSWORD. Without either a
    computer that is remembered needs none, and else it is asked for on the terminal. With --remember a remembered
    computer uses no password even where one is given.
    """
    from securechat.client.address import parse

    _check_target(to)
    account, address = parse(server)
    way = given.way(given.profile(), address)
    if give_up is None and not on_a_terminal():
        give_up = OUTAGE_IN_A_PIPE
    client = enter(way, account, given.password_file, partial(new_client, way, give_up, remember), remember=remember)
    chat(client, way, to, face)


def _check_target(to: str | None) -> None:
    from securechat.protocol.names import is_account_name, is_channel_name

    if to is not None and not is_account_name(to) and not is_channel_name(to):
        raise LoginUsage(f"--to {to!r} is neither a channel, as '#ops', nor the name of a person")


def new_client(way: Way, give_up: float | None, remember: bool, credentials: Credentials) -> Client:
    """What the person has to say survives the program; in a pipe whoever fills it is told instead."""
    from securechat.client import past
    from securechat.client.client import Client
    from securechat.client.conversation import Conversation
    from securechat.client.outbox import Outbox

    credentials.file, credentials.remember = way.profile.token(way.address, credentials.account), remember
    outbox = Outbox(keeping=way.profile.spool(way.address, credentials.account) if on_a_terminal() else None)
    seen = way.profile.visit(way.address, credentials.account).seen
    return Client(credentials, past.everything(LOBBY), Conversation(seen, outbox), way.connect, patience=give_up)


def chat(client: Client, way: Way, to: str | None, face: str | None) -> None:
    """Chat until the end, and note what was seen."""
    seen = way.profile.visit(way.address, client.account)
    try:
        _chat(client, seen, way, to, face)
    finally:
        client.close()
        seen.save(at_once=True)


def _chat(client: Client, visit: Visit, way: Way, to: str | None, face: str | None) -> None:
    """Run the face that fits where standard input and output lead."""
    target, join = to or LOBBY, to is not None
    if not on_a_terminal():
        from securechat.ui.pipe import Pipe

        descriptor = sys.stdin.fileno() if sys.stdin is not None else os.open(os.devnull, os.O_RDONLY)
        return Pipe(client, visit, target, join=join).run(descriptor)

    face = face or _fitting_face()
    if face == "full" and _draws():
        from securechat.ui.full.app import run

        return run(client, visit, way, target, join=join)

    from securechat.ui.line import LineMode

    mode = LineMode(client, visit, target, join=join)
    if face == "plain" or not _draws():
        from securechat.ui.plain import Plain

        Plain(client, mode).run(sys.stdin.fileno())
    else:
        from securechat.ui.terminal import Terminal

        Terminal(client, mode).run()
    return mode.finish()


def _fitting_face() -> str:
    """Full screen, where there is room for it and it is installed."""
    size = os.get_terminal_size(sys.stdout.fileno()) if sys.stdout.isatty() else os.terminal_size((0, 0))
    roomy = size.columns >= FULL_COLUMNS and size.lines >= FULL_LINES
    return "full" if roomy and find_spec("textual") is not None else "line"


def _draws() -> bool:
    """Whether a cursor can be moved where our output leads."""
    term = os.environ.get("TERM", "" if os.name == "nt" else "dumb")
    return term != "dumb" and sys.stdout.isatty()
