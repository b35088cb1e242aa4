"""What a client is told of the past: at the start, and after a link was lost."""

from __future__ import annotations

from collections.abc import Callable

from securechat.client.history import Playback, Seen, Steps, catch_up

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
