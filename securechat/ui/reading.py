"""What was shown is noted as seen, so that the next visit begins behind it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from securechat.client.events import Entered, Event, Missed, Said
from securechat.client.profile import Visit


def note(visit: Visit, events: Iterable[Event]) -> None:
    """These events are on the screen."""
    for event in events:
        if isinstance(event, Said):
            visit.saw(event.target, event.time, event.msgid)
        elif isinstance(event, Missed):
            for said in event.lines:
                visit.saw(said.target, said.time, said.msgid)
        elif isinstance(event, Entered):
            visit.was_here(event.time or datetime.now(UTC))
    visit.save()
