"""Catching up: which history is asked for at the start of a visit, in which order, and page by page.

Source: IRCv3 draft/chathistory. Pages are taken by timestamp, which strictly rises within a target of our server.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from securechat.protocol.message import Message
from securechat.protocol.names import CHANNEL_PREFIX, fold

PAGE = 100
FIRST_VISIT_LINES = 50
MOST_LINES = 10_000  # of one target; whoever missed more is told so
MOST_TARGETS = 2000
CLOCK_MARGIN = timedelta(days=1)  # a server's clock may have been set back since the last visit
DAWN = datetime(1970, 1, 1, tzinfo=UTC)
DUSK = datetime(2999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """The newest entry of a target that was shown."""

    time: datetime
    msgid: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What an account has seen on this device: when it came last, and `places` by folded target.

    A target without a place has had nothing since `visited` that was shown; a person's, nothing ever.
    """

    visited: datetime | None = None
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Playback:
    """The history of one target, oldest first."""

    target: str
    messages: tuple[Message, ...]
    since_visit: bool
    cut: bool = False


Request = tuple[str, ...]  # the parameters of one CHATHISTORY command
Steps = Generator[Request, list[Message], None]  # a failed request is answered with an empty list


def catch_up(seen: Seen, lobby: str, channels: Iterable[str], show: Callable[[Playback], None]) -> Steps:
    """Ask for what was missed, one request at a time; `show` gets each target's lines, channels before people."""
    joined = {fold(channel): channel for channel in channels}
    since = DAWN if seen.visited is None else seen.visited - CLOCK_MARGIN
    changed = yield from _targets(since)
    if seen.visited is None:
        wanted = [lobby] if fold(lobby) in joined else []
    else:
        wanted = [joined[fold(name)] for name in changed if fold(name) in joined]
    for target in (*wanted, *(name for name in changed if not name.startswith(CHANNEL_PREFIX))):
        if seen.visited is None:
            playback = yield from _latest(target)
        else:
            unseen_since = seen.visited if target.startswith(CHANNEL_PREFIX) else since
            playback = yield from _after(target, seen.places.get(fold(target), Place(unseen_since)))
        if playback.messages:
            show(playback)


def _targets(since: datetime) -> Generator[Request, list[Message], list[str]]:
    """Channels and people with anything said after `since`."""
    found: dict[str, str] = {}
    while len(found) < MOST_TARGETS:
        page = yield ("TARGETS", written(since), written(DUSK), str(PAGE))
        known = len(found)
        newest = since
        for name, time in _read_targets(page):
            found.setdefault(fold(name), name)
            newest = max(newest, time)
        if len(page) < PAGE or len(found) == known or newest == since:
            break
        since = newest - timedelta(milliseconds=1)  # the bound is exclusive, and two targets may share a millisecond
    return list(found.values())


def _read_targets(page: list[Message]) -> Iterator[tuple[str, datetime]]:
    for message in page:
        if message.command == "CHATHISTORY" and len(message.params) == 3 and message.params[0].upper() == "TARGETS":
            time = read_time(message.params[2])
            if time is not None and message.params[1]:
                yield message.params[1], time


def _latest(target: str) -> Generator[Request, list[Message], Playback]:
    page = yield ("LATEST", target, "*", str(FIRST_VISIT_LINES))
    return Playback(target, tuple(page[-FIRST_VISIT_LINES:]), since_visit=False)


def _after(target: str, place: Place) -> Generator[Request, list[Message], Playback]:
    messages: list[Message] = []
    since = place.time
    while True:
        page = yield ("AFTER", target, written(since), str(PAGE))
        messages += (message for message in page if place.msgid is None or message.tags.get("msgid") != place.msgid)
        newest = max((time for message in page if (time := message_time(message))), default=since)
        more = len(page) >= PAGE and newest > since
        if not more or len(messages) >= MOST_LINES:
            return Playback(target, tuple(messages), since_visit=True, cut=more)
        since = newest


def message_time(message: Message) -> datetime | None:
    written_time = message.tags.get("time")
    return read_time(written_time) if written_time else None


def read_time(text: str) -> datetime | None:
    """A server's time as an aware UTC datetime; None for what is none or no moment a person could mean."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None or not DAWN.year <= time.year < DUSK.year:
        return None
    return time.astimezone(UTC)


def written(time: datetime) -> str:
    """A moment as CHATHISTORY takes it."""
    return f"timestamp={time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"
