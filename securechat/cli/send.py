"""`securechat send`: one message from a script, stored when it ends with 0. The parts with weight are imported when it
runs.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from securechat.cli.asking import LoginUsage, on_a_terminal
from securechat.cli.entry import Given, entry_options
from securechat.cli.visiting import come_by, server_option, where

if TYPE_CHECKING:
    from securechat.client.client import Client
    from securechat.client.events import Acknowledged

OUTAGE = 30.0  # seconds that a lost link is tried for again
TIMEOUT = 60.0
MOST_BYTES = 1024 * 1024


@click.command(
    epilog="""\b
Examples:
  securechat send '#ops' 'the backup is done'
  make 2>&1 | tail -20 | securechat send '#builds'
  securechat send @ada 'disk full' --id disk-2026-03-01 || echo 'try again later'

Exit status 0: the message is stored, and on the server's disk. 1: refused. With --id the same message may be sent again
after any failure, for a week, and is stored once; another text under the same KEY is refused.
"""
)
@click.argument("target", metavar="'#CHANNEL'|@NAME")
@click.argument("text", metavar="[TEXT|-]", required=False)
@server_option
@click.option("--id", "key", metavar="KEY", help="Names the message, so that sending it again does not double it.")
@click.option("--join", is_flag=True, help="Enter the channel first, for good, if the account is not in it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: target, id, msgid, time.")
@entry_options
def send(
    target: str,
    text: str | None,
    server: str | None,
    key: str | None,
    join: bool,
    as_json: bool,
    given: Given,
) -> None:
    """Send TEXT, or standard input, to a channel or a person, and wait until it is stored.

    Several lines are one message; what is too much for one (as a rule 100 lines or 8 KiB) is sent in as few as can be.
    The password comes from where `securechat login` has it.
    """
    from securechat.client import past

    name = target_name(target)
    words = _words(text)
    profile = given.profile()
    account, address = where(profile, server)
    way = given.way(profile, address)
    with come_by(way, account, given.password_file, past.nothing, OUTAGE) as client:
        stored = _send(client, name, words, key, join)
    if as_json:
        time = stored.time and stored.time.isoformat()
        click.echo(json.dumps({"target": name, "id": key, "msgid": stored.msgid, "time": time}))


def target_name(written: str) -> str:
    """The channel, or the person without the @. Raises LoginUsage."""
    from securechat.protocol.names import is_account_name, is_channel_name

    name = written.removeprefix("@")
    if is_account_name(name) or is_channel_name(written):
        return name
    raise LoginUsage(f"{written!r} is neither a channel, as '#ops' in quotes, nor a person, as @bob")


def _words(text: str | None) -> str:
    if text is None and on_a_terminal():
        raise LoginUsage("nothing to send: give the TEXT, or pipe it in")
    words = _standard_input() if text is None or text == "-" else text
    if not words.strip():
        raise LoginUsage("nothing to send: the text is empty")
    return words


def _standard_input() -> str:
    data = sys.stdin.buffer.read(MOST_BYTES + 1) if sys.stdin is not None else b""
    if len(data) > MOST_BYTES:
        raise LoginUsage(f"standard input is longer than {MOST_BYTES} bytes; nothing was sent")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise LoginUsage("standard input is not UTF-8; nothing was sent") from None  # the cause holds the text


def _send(client: Client, name: str, words: str, key: str | None, join: bool) -> Acknowledged:
    from securechat.client.errors import NotStored
    from securechat.protocol.names import CHANNEL_PREFIX, fold

    inside = {fold(channel) for channel in client.enter().channels}
    outside = name.startswith(CHANNEL_PREFIX) and fold(name) not in inside
    if outside and join:
        client.join(name)
    try:
        return client.send(name, words, key=key, timeout=TIMEOUT)
    except NotStored as error:
        if not outside or join:
            raise
        raise NotStored(f"{error}; {client.account} is not in {name}: --join enters it") from error
