"""Events as lines of text for a person. Every remote text goes through `printable` here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from securechat.client.events import (
    Entered,
    Event,
    Found,
    Joined,
    Kicked,
    Kind,
    Left,
    LinkBack,
    LinkLost,
    Missed,
    Names,
    Parted,
    PasswordAnswered,
    Person,
    Queued,
    Refused,
    Remembered,
    Renamed,
    Said,
    Since,
    Told,
    Topic,
)
from securechat.protocol.names import fold
from securechat.protocol.text import printable, printable_lines

Lines = list[str]

MORE = "        | "  # before the further lines of a message: no other line begins so


def rendered(event: Event, current: str, now: datetime | None = None) -> Lines:
    """What to show for an event; `current` is the target whose lines need not name it."""
    now = now or datetime.now().astimezone()
    if isinstance(event, Said):
        return said(event, current, now)
    if isinstance(event, Missed):
        return missed(event, current, now)
    if isinstance(event, Found):
        return found(event)
    return [f"{_stamp(getattr(event, 'time', None), now)} -!- {line}" for line in told(event)]


def told(event: Event) -> Lines:
    """What happened, in words; nothing for messages."""
    words = _WORDS.get(type(event))
    return words(event) if words is not None else []


def said(event: Said, current: str, now: datetime) -> Lines:
    place = "" if event.direct or fold(event.target) == fold(current) else f"{printable(event.target)} "
    return _message(f"{_stamp(event.time, now)} {place}", event)


def dated(event: Said) -> Lines:
    """A message that may be of any day and place."""
    place = "" if event.direct else f"{printable(event.target)} "
    time = f"[{event.time.astimezone():%Y-%m-%d %H:%M}] " if event.time else ""
    return _message(f"{time}{place}", event)


def _message(head: str, event: Said) -> Lines:
    first, *more = printable_lines(event.text)
    return [f"{head}{_speaker(event)} {first}", *(MORE + line for line in more)]


def _speaker(event: Said) -> str:
    sender = printable(event.sender)
    if event.direct:
        peer = printable(event.target)
        way = f"[you → {peer}]" if event.own else f"[{peer} → you]"
        return f"{way} *" if event.kind is Kind.ACTION else way
    match event.kind:
        case Kind.ACTION:
            return f"* {sender}"
        case Kind.NOTICE:
            return f"-{sender}-"
        case _:
            return f"<{sender}>"


def missed(event: Missed, current: str, now: datetime) -> Lines:
    place = f"[{printable(event.target)}]" if event.direct else printable(event.target)
    if not event.lines:
        return [f"-!- {place}: what was said there cannot be read now"]
    shown = [line for message in event.lines for line in said(message, event.target, now)]
    lines = [f"-!- {place}: {_HEADINGS[event.since].format(_count(shown))}", *shown]
    if event.cut:
        lines.append(f"-!- {place}: more was said after that than is shown here")
    return lines


def found(event: Found) -> Lines:
    lines = [line for message in event.lines for line in dated(message)]
    if event.problem:
        return [*lines, f"-!- cannot search: {printable(event.problem)}"]
    return [*lines, f"-!- {_count(event.lines, 'message')} found" if lines else "-!- nothing found"]


def _count(things: Sequence[object], name: str = "line") -> str:
    return f"{len(things)} {name}{'s' if len(things) != 1 else ''}"


def with_text(words: str, text: str) -> Lines:
    """What is said about a text of which the person is shown every line."""
    first, *more = printable_lines(text)
    return [words + first, *(f"| {line}" for line in more)]


def _stamp(time: datetime | None, now: datetime) -> str:
    local = time.astimezone() if time else now
    return f"[{local:%H:%M}]" if local.date() == now.date() else f"[{local:%Y-%m-%d %H:%M}]"


def _because(reason: str) -> str:
    return f" ({printable(reason)})" if reason else ""


def duration(seconds: float) -> str:
    """In the largest unit of which there are two, rounded down; seconds up to two minutes."""
    for name, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {name}"
    return f"{int(seconds)} s"


def _entered(event: Entered) -> Lines:
    if event.again:
        return []
    channels = ", ".join(printable(name) for name in event.channels) or "no channel; /join #lobby"
    return [f"you are {printable(event.nick)} in {channels}; /help lists the commands"]


def _joined(event: Joined) -> Lines:
    return [f"{'you are' if event.own else printable(event.nick) + ' is'} in {printable(event.channel)}"]


def _parted(event: Parted) -> Lines:
    who = "you left" if event.own else f"{printable(event.nick)} left"
    return [f"{who} {printable(event.channel)}{_because(event.reason)}"]


def _kicked(event: Kicked) -> Lines:
    who = "you were" if event.own else f"{printable(event.nick)} was"
    by, channel = printable(event.by), printable(event.channel)
    return [f"{who} removed from {channel} by {by}{_because(event.reason)}"]


def _left(event: Left) -> Lines:
    return [f"{printable(event.nick)} is gone{_because(event.reason)}"]


def _renamed(event: Renamed) -> Lines:
    return [f"{printable(event.before)} is now {printable(event.after)}"]


def _topic(event: Topic) -> Lines:
    channel, topic = printable(event.channel), printable(event.text)
    if event.by:
        who = printable(event.by)
        return [f"{who} set the topic of {channel}: {topic}" if topic else f"{who} cleared the topic of {channel}"]
    return [f"topic of {channel}: {topic}" if topic else f"{channel} has no topic"]


def _names(event: Names) -> Lines:
    return [f"in {printable(event.channel)}: {' '.join(printable(nick) for nick in event.nicks) or 'nobody'}"]


def _person(event: Person) -> Lines:
    away = ", away" if event.away else ""
    place = f" {printable(event.channel)}" if event.channel != "*" else ""  # of no channel that both are in
    return [f"{printable(event.nick)} ({printable(event.name)}{away}){place}"]


def _told(event: Told) -> Lines:
    return [f"{printable(event.about)}: {printable(event.text)}" if event.about else printable(event.text)]


def _refused(event: Refused) -> Lines:
    return with_text(f"not sent to {printable(event.target)}: {printable(event.reason)}: ", event.text)


def _queued(event: Queued) -> Lines:
    return with_text(f"queued for {printable(event.target)}: {'* ' if event.action else ''}", event.text)


def _link_lost(event: LinkLost) -> Lines:
    return [f"connection lost ({printable(event.reason)}); trying to get it back, what you send waits"]


def _link_back(event: LinkBack) -> Lines:
    return [f"connected again: away {duration(event.away)}, {f'{event.new} new' if event.new else 'nothing new'}"]


def _password_answered(event: PasswordAnswered) -> Lines:
    return [f"{'password changed' if event.changed else 'password not changed'}: {printable(event.text)}"]


_HEADINGS = {
    Since.NOTHING: "the last {}",
    Since.VISIT: "{} since your last visit",
    Since.LOSS: "{} while you were away",
}
_WORDS: Mapping[type[Event], Callable[[Any], Lines]] = {
    Entered: _entered,
    Joined: _joined,
    Parted: _parted,
    Kicked: _kicked,
    Left: _left,
    Renamed: _renamed,
    Topic: _topic,
    Names: _names,
    Person: _person,
    Told: _told,
    Refused: _refused,
    Queued: _queued,
    LinkLost: _link_lost,
    LinkBack: _link_back,
    PasswordAnswered: _password_answered,
    Remembered: lambda event: [printable(event.text)],
}
