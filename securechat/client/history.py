"""Catching up: which history is asked for when a link is there, in which order, and page by page.

Source: IRCv3 draft/chathistory. A page begins behind the last msgid that was seen; where there is none, or the server
no longer knows it, behind its time, which strictly rises within a target of our server.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from securechat.protocol.message import Message
from securechat.protocol.names import CHANNEL_PREFIX, fold

PAGE = 100
FIRST_VISIT_LINES = 50
MOST_LINES = 10_000  # of one target; whoever missed more is told so
MOST_LINES_IN_ALL = 50_000
MOST_TARGETS = 2000
MOST_PLACES = 2000  # per server and account
CLOCK_MARGIN = timedelta(days=1)  # a server's clock may have been set back since the last visit
DAWN = datetime(1970, 1, 1, tzinfo=UTC)
DUSK = datetime(2999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """The newest entry of a target that was shown."""

    time: datetime
    msgid: str | None = None


class Places:
    """The place of each target, by its folded name; bounded: those longest untouched go first."""

    def __init__(self, places: Mapping[str, Place] = MappingProxyType({})) -> None:
        self._places = dict(places)

    def get(self, target: str) -> Place | None:
        return self._places.get(fold(target))

    def saw(self, target: str, time: datetime | None, msgid: str | None) -> bool:
        """An entry of this target was shown; whether that moves the place: only a newer one does."""
        target = fold(target)
        place = self._places.get(target)
        if time is None or (place is not None and time < place.time):
            return False
        self._places.pop(target, None)
        self._places[target] = Place(time, msgid)
        if len(self._places) > MOST_PLACES:
            del self._places[next(iter(self._places))]
        return True

    def copy(self) -> dict[str, Place]:
        return dict(self._places)


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
    cut: bool = False


Request = tuple[str, ...]  # the parameters of one CHATHISTORY command
Page = list[Message] | None  # None: the server refuses
Steps = Generator[Request, Page, None]


def catch_up(seen: Seen, lobby: str, channels: Iterable[str], show: Callable[[Playback], None]) -> Steps:
    """Ask for what was missed, one request at a time; `show` gets each target's lines, channels before people."""
    joined = {fold(channel): channel for channel in channels}
    since = DAWN if seen.visited is None else seen.visited - CLOCK_MARGIN
    changed = yield from _targets(since)
    if seen.visited is None:
        wanted = [lobby] if fold(lobby) in joined else []
    else:
        wanted = [joined[fold(name)] for name in changed if fold(name) in joined]
    left = MOST_LINES_IN_ALL
    for target in (*wanted, *(name for name in changed if not name.startswith(CHANNEL_PREFIX))):
        if seen.visited is None:
            playback = yield from _latest(target)
        else:
            unseen_since = seen.visited if target.startswith(CHANNEL_PREFIX) else since
            place = seen.places.get(fold(target), Place(unseen_since))
            playback = yield from after(target, place, min(left, MOST_LINES))
        left -= len(playback.messages)
        show(playback)


def _targets(since: datetime) -> Generator[Request, Page, list[str]]:
    """Channels and people with anything said after `since`."""
    found: dict[str, str] = {}
    while len(found) < MOST_TARGETS:
        page = (yield ("TARGETS", written(since), written(DUSK), str(PAGE))) or []
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


def _latest(target: str) -> Generator[Request, Page, Playback]:
    page = (yield ("LATEST", target, "*", str(FIRST_VISIT_LINES))) or []
    return Playback(target, tuple(page[-FIRST_VISIT_LINES:]))


def after(target: str, place: Place, most: int = MOST_LINES) -> Generator[Request, Page, Playback]:
    """Everything behind a place, up to the first page that reaches `most` lines."""
    messages: list[Message] = []
    more = True
    while more and len(messages) < most:
        page = yield from _page_after(target, place)
        if page is None:
            break
        messages += page
        newest = _newest(page, place)
        more = len(page) >= PAGE and newest != place
        place = newest
    return Playback(target, tuple(messages), cut=more)


def before(target: str, place: Place | None) -> Request:
    """What asks for the page that ends before a place; without one for the newest."""
    if place is None:
        return ("LATEST", target, "*", str(PAGE))
    return ("BEFORE", target, f"msgid={place.msgid}" if _is_named(place) else written(place.time), str(PAGE))


def _page_after(target: str, place: Place) -> Generator[Request, Page, Page]:
    if _is_named(place):
        page = yield ("AFTER", target, f"msgid={place.msgid}", str(PAGE))
        if page is not None:
            return page
    return (yield ("AFTER", target, written(place.time), str(PAGE)))


def _newest(page: list[Message], place: Place) -> Place:
    """Where the next page begins."""
    if not page:
        return place
    time = max((time for message in page if (time := message_time(message))), default=place.time)
    return Place(time, page[-1].tags.get("msgid"))


def _is_named(place: Place) -> bool:
    """Whether its msgid can stand in the middle of a command; it came from outside."""
    return place.msgid is not None and place.msgid.isprintable() and " " not in place.msgid and place.msgid != ""


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


def moment(time: datetime) -> str:
    """As server-time writes it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def written(time: datetime) -> str:
    """A moment as CHATHISTORY takes it."""
    return f"timestamp={moment(time)}"
