"""Whether a recorded run was linear: pure, values in, sentences out; an empty list means that all is right.

The model: a channel is one order of messages, the store's. Stored is what was acknowledged, and perhaps what is in
doubt, each once. Between being sent and being acknowledged a message takes its place, at one moment. Everyone who
listens gets the channel's order, live or from history, without a gap and without a double.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SHOWN = 20  # sentences of one kind and place


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it is stored, and as anyone is shown it. Texts are unique in a run."""

    msgid: str
    time: str
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Echo:
    """An acknowledgement; `at` is when it was read, on the clock of Sending."""

    msgid: str
    at: float


@dataclass(frozen=True, slots=True)
class Sending:
    """One message as its sender knows it; in doubt while it has no echo."""

    sender: str
    channel: str
    text: str
    at: float  # just before it was sent for the first time
    links: tuple[int, ...]  # the sender's connections that it was sent on
    echoes: tuple[Echo, ...] = ()
    repeated: bool = False  # whether the sender repeats it until it is acknowledged


@dataclass(frozen=True, slots=True)
class Presence:
    """One connection of a listener, and what it got of one channel.

    `fetched` is from history: what came after the last message known before. `closed` says that it was fetched to its
    end; before that, what comes live is not yet the next thing to show.
    """

    fetched: tuple[Said, ...]
    live: tuple[Said, ...]
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    sent: Sequence[Sending]
    stored: Mapping[str, Sequence[Said]]  # of each channel, in the store's order
    presences: Mapping[tuple[str, str], Sequence[Presence]]  # of (listener, channel), each in its turn


def check(record: Record) -> list[str]:
    """A sentence for each thing that is wrong."""
    found: list[str] = []
    for channel, stored in record.stored.items():
        sent = {one.text: one for one in record.sent if one.channel == channel}
        found += _first(_unlike_sent(channel, stored, sent))
        found += _first(_out_of_order(channel, stored, sent))
    for (listener, channel), presences in record.presences.items():
        found += _listened(f"{listener} in {channel}", presences, record.stored[channel])
    return found


def _first(sentences: Iterator[str]) -> list[str]:
    return list(itertools.islice(sentences, SHOWN))


def _unlike_sent(channel: str, stored: Sequence[Said], sent: Mapping[str, Sending]) -> Iterator[str]:
    """Stored = acknowledged or in doubt, each once, and each as its echo said."""
    for text, count in Counter(one.text for one in stored).items():
        if count > 1:
            yield f"{channel} holds {text!r} {count} times"
    msgids = {one.text: one.msgid for one in stored}
    for one in stored:
        if one.text not in sent or sent[one.text].sender != one.sender:
            yield f"{channel} holds {one.text!r} of {one.sender}, who did not send it"
    for text, sending in sent.items():
        if sending.echoes and text not in msgids:
            yield f"{channel} lost {text!r}, which was acknowledged to {sending.sender}"
        if sending.repeated and not sending.echoes:
            yield f"{sending.sender} repeated {text!r} to {channel} and never got an answer"
        for echo in sending.echoes:
            if text in msgids and echo.msgid != msgids[text]:
                yield f"an echo of {text!r} names {echo.msgid}; {channel} holds it as {msgids[text]}"


def _out_of_order(channel: str, stored: Sequence[Said], sent: Mapping[str, Sending]) -> Iterator[str]:
    """What was acknowledged before another was sent stands before it; so does what one connection said before."""
    latest: Sending | None = None  # sent, of all that stand before
    said: dict[tuple[str, int], Sending] = {}  # last on each connection
    for one in stored:
        sending = sent.get(one.text)
        if sending is None:
            continue
        if latest is not None and sending.echoes and sending.echoes[0].at < latest.at:
            yield f"{channel} holds {one.text!r}, acknowledged before {latest.text!r} was sent, behind that"
        if latest is None or sending.at > latest.at:
            latest = sending
        for link in sending.links:
            before = said.setdefault((sending.sender, link), sending)
            if before.at > sending.at:
                yield f"{channel} holds {one.text!r} behind {before.text!r}, which {sending.sender} said after it"
            said[sending.sender, link] = max(before, sending, key=lambda each: each.at)


def _listened(who: str, presences: Sequence[Presence], stored: Sequence[Said]) -> list[str]:
    """What a listener made of live messages and history is the channel's order."""
    view: list[Said] = []
    found: list[str] = []
    for presence in presences:
        found += _first(_overlapping(who, presence))
        view += merged(presence)
        if not presence.closed:
            found += _first(_differences(who, presence.live, _run(presence.live, stored)))
    return found + _first(_differences(who, view, stored))


def merged(presence: Presence) -> list[Said]:
    """What a careful client shows of a presence: history up to where the live messages begin, then those."""
    if not presence.closed:
        return list(presence.fetched)
    apart = len(presence.fetched) - _overlap(presence)
    return [*presence.fetched[:apart], *presence.live, *presence.fetched[apart + len(presence.live) :]]


def _overlap(presence: Presence) -> int:
    """How many of what was fetched came live as well."""
    if not presence.live or presence.live[0] not in presence.fetched:
        return 0
    return len(presence.fetched) - presence.fetched.index(presence.live[0])


def _overlapping(who: str, presence: Presence) -> Iterator[str]:
    """Where history reaches into what came live, both say the same."""
    twice = presence.fetched[len(presence.fetched) - _overlap(presence) :]
    for fetched, live in zip(twice, presence.live, strict=False):
        if fetched != live:
            yield f"{who} read {fetched.text!r} in the history where {live.text!r} came live"


def _run(live: Sequence[Said], stored: Sequence[Said]) -> Sequence[Said]:
    """The part of the store from the first to the last of these."""
    came = set(live)
    places = [place for place, one in enumerate(stored) if one in came]
    return stored[places[0] : places[-1] + 1] if places else []


def _differences(who: str, view: Sequence[Said], stored: Sequence[Said]) -> Iterator[str]:
    """What makes a view another list than the store's."""
    counts, known = Counter(view), {one: place for place, one in enumerate(stored)}
    for one, count in counts.items():
        if one not in known:
            yield f"{who} was shown {one.text!r} of {one.sender} ({one.msgid}, {one.time}), which is not stored"
        elif count > 1:
            yield f"{who} was shown {one.text!r} {count} times"
    for one in stored:
        if one not in counts:
            yield f"{who} was never shown {one.text!r}"
    for before, after in itertools.pairwise(one for one in view if one in known):
        if known[before] > known[after]:
            yield f"{who} was shown {before.text!r} before {after.text!r}; stored is the other order"
