"""What is said in one place, line by line, until there is no more to come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from securechat.client.client import Client
from securechat.client.errors import lost
from securechat.client.events import Disconnected, Entered, Event, LinkBack, LinkLost, Missed, Said
from securechat.errors import SecurechatError
from securechat.protocol.names import fold
from securechat.protocol.text import printable
from securechat.ui.render import Lines, rendered
from securechat.ui.stdout import Output

LOOK_UP = 1.0  # seconds: on some systems no signal ends a wait


class CannotRead(SecurechatError):
    """Not, or not to its end."""

    exit_status = 1


def print_all(client: Client, target: str, written: Callable[[Said], Lines], *, follow: bool) -> None:
    """Print what a client that was told to read `target` alone tells of it; without `follow` up to now.

    Raises CannotRead, ConnectionLost, what else ended the client, and BrokenPipeError when nobody reads.
    """
    output = Output(needed=True)
    while True:
        events = client.take(LOOK_UP)
        output.write([line for said in _lines(events, target) for line in written(said)])
        for event in events:
            if isinstance(event, LinkLost | LinkBack):
                sys.stderr.write("".join(f"{line}\n" for line in rendered(event, target)))
            elif isinstance(event, Missed) and event.cut:
                raise _cut(event)
            elif isinstance(event, Disconnected):
                raise lost(event)
        if not follow and any(isinstance(event, Entered) for event in events):
            client.leave()
            return


def _lines(events: Sequence[Event], target: str) -> list[Said]:
    lines: list[Said] = []
    for event in events:
        if isinstance(event, Missed):
            lines += event.lines
        elif isinstance(event, Said) and fold(event.target) == fold(target):
            lines.append(event)
    return lines


def _cut(missed: Missed) -> CannotRead:
    last = missed.lines[-1].time if missed.lines else None
    if last is None:
        return CannotRead(f"cannot read what was said in {printable(missed.target)}: not for you, or it is not there")
    return CannotRead(f"there is more than can be told at once; go on with --since {last.isoformat()}")
