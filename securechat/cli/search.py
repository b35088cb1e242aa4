"""`securechat search`: what was said, found again. The parts with weight are imported when it runs."""

from __future__ import annotations

from datetime import datetime

import click

from securechat.cli.asking import LoginUsage
from securechat.cli.entry import Given, entry_options
from securechat.cli.visiting import come_by, server_option, where
from securechat.errors import SecurechatError

NOTHING_FOUND = 1


class CannotSearch(SecurechatError):
    exit_status = 2


@click.command(
    epilog="""\b
Examples:
  securechat search deploy
  securechat search --in '#ops' --since 30d disk full
  securechat search --from bob --json invoice | jq -r .text

All words must occur. What is found is printed oldest first. Exit status, as grep has it: 0 with matches, 1 with none,
2 when the search could not be done.
"""
)
@click.argument("words", nargs=-1)
@server_option
@click.option("--in", "target", metavar="TARGET", help="Only in this channel, or with this person.")
@click.option("--from", "sender", metavar="USER", help="Only what this person said.")
@click.option("--since", metavar="TIME", help="Not older than this: 30d, 12h, 2026-03-01, 2026-03-01T14:00.")
@click.option("--until", metavar="TIME", help="Not newer than this.")
@click.option("--limit", default="50", show_default=True, metavar="N", help="The newest N that match.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@entry_options
def search(
    words: tuple[str, ...],
    server: str | None,
    target: str | None,
    sender: str | None,
    since: str | None,
    until: str | None,
    limit: str,
    as_json: bool,
    given: Given,
) -> int:
    """Find what was said: in channels you are in, and in your direct messages.

    Options stand before or behind the WORDS. The password comes from where `securechat login` has it.
    """
    from securechat.client import past
    from securechat.client.search import Query, read_limit, read_moment
    from securechat.protocol.text import printable
    from securechat.ui.json_lines import written
    from securechat.ui.render import dated
    from securechat.ui.search import find
    from securechat.ui.stdout import Output

    now = datetime.now().astimezone()
    text = " ".join(words).replace("\0", "")
    earliest, latest = (read_moment(one, now) if one else None for one in (since, until))
    query = Query(text, target, sender, earliest, latest, read_limit(limit))
    if not (text or target or sender or since or until):
        raise LoginUsage("nothing to search for: give WORDS, or at least one of --in, --from, --since, --until")
    profile = given.profile()
    account, address = where(profile, server)
    way = given.way(profile, address)
    client = come_by(way, account, given.password_file, past.nothing, 0)
    try:
        found = find(client, query)
    finally:
        client.close()
    Output().write([line for said in found.lines for line in (written if as_json else dated)(said)])
    if found.problem:
        raise CannotSearch(f"cannot search: {printable(found.problem)}")
    return 0 if found.lines else NOTHING_FOUND
