"""What a client is told of the past: at the start, and after a link was lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from securechat.client.history import MOST_LINES_IN_ALL, Place, Playback, Seen, Steps, after, catch_up
from securechat.protocol.names import fold

Past = Callable[[Seen, tuple[str, ...], Callable[[Playback], None]], Steps]
"""Asks for it when a link is there: behind what was seen, of these channels and people; the last shows each target."""


def nothing(seen: Seen, channels: tuple[str, ...], show: Callable[[Playback], None]) -> Steps:
    yield from ()


def outages(seen: Seen, channels: tuple[str, ...], show: Callable[[Playback], None]) -> Steps:
    """What was said while a link was lost, and nothing from before the first one."""
    if seen.visited is not None:
        yield from catch_up(seen, "", channels, show)


def everything(lobby: str) -> Past:
    """All since the last visit; a first visit sees the newest lines of the lobby."""

    def since_the_visit(seen: Seen, channels: tuple[str, ...], show: Callable[[Playback], None]) -> Steps:
        return catch_up(seen, lobby, channels, show)

    return since_the_visit


def only(target: str, since: datetime | None, newest: int) -> Past:
    """One target from a moment on, or its newest lines; later what was missed. What cannot be read is shown as cut."""

    def of_the_target(seen: Seen, channels: tuple[str, ...], show: Callable[[Playback], None]) -> Steps:
        place = seen.places.get(fold(target))
        if place is None and (moment := since or seen.visited):
            place = Place(moment)
        if place is not None:
            return show((yield from after(target, place, MOST_LINES_IN_ALL)))
        page = yield ("LATEST", target, "*", str(newest))
        return show(Playback(target, tuple(page or ()), cut=page is None))

    return of_the_target
