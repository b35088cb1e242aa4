"""What is kept of one channel or person: entries, oldest first and bounded, and how many of them are unread.

All text in here but a buffer's name is safe to show: it went through `printable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from securechat.client.channels import ROLE_MARKS
from securechat.client.events import Kind, Said
from securechat.client.history import Place
from securechat.protocol.names import CHANNEL_PREFIX, fold
from securechat.protocol.text import printable, printable_lines
from securechat.ui.chat import Unstored

MOST_ENTRIES = 10_000
DROPPED_AT_ONCE = 500
LONGEST_TEXT = 8192  # characters; our server takes no more bytes

STORED, ON_ITS_WAY, QUEUED = "✓", "·", "…"


class Look(Enum):
    """What an entry is, for whoever draws it."""

    MESSAGE = "message"
    OWN = "own"
    MENTION = "mention"
    NOTE = "note"


@dataclass(slots=True, eq=False)
class Entry:
    """One thing to read. `who` is empty where nobody said it."""

    time: datetime  # local
    who: str
    text: str = field(repr=False)  # LF stands between lines
    look: Look = Look.MESSAGE
    place: Place | None = None
    tick: str = ""  # of what we said


def said(event: Said, now: datetime, *, mention: bool = False) -> Entry:
    """A message as an entry."""
    who, text = printable(event.sender), _text(event.text)
    if event.kind is Kind.ACTION:
        who, text = "*", f"{who} {text}"
    elif event.kind is Kind.NOTICE:
        who = f"-{who}-"
    look = Look.OWN if event.own else Look.MENTION if mention else Look.MESSAGE
    place = Place(event.time, event.msgid) if event.time else None
    time = event.time.astimezone() if event.time else now
    return Entry(time, who, text, look, place, STORED if event.own else "")


def unstored(line: Unstored, nick: str, now: datetime) -> Entry:
    """The same for what the server did not yet acknowledge."""
    who, text = printable(nick), _text(line.text)
    if line.action:
        who, text = "*", f"{who} {text}"
    return Entry(now, who, text, Look.OWN, tick=QUEUED if line.queued else ON_ITS_WAY)


def _text(text: str) -> str:
    return "\n".join(printable_lines(text[:LONGEST_TEXT]))


class Buffer:
    """`generation` rises when entries changed other than by one added at the end or some dropped at the start.

    `unread_from` is the entry that the unread line stands before.
    """

    def __init__(self, name: str) -> None:
        self.name = name  # as the server spells it: not safe to show
        self.entries: list[Entry] = []
        self.dropped = 0  # at the start, in all
        self.generation = 0
        self.unread = 0
        self.mentions = 0
        self.unread_from: Entry | None = None
        self.latest: Place | None = None  # the newest message; seen once somebody looks
        self.topic = ""
        self.members: dict[str, str] = {}  # folded to shown, with the mark of the role
        self.members_known = False
        self.asking = False  # for earlier entries
        self.asked_in_vain = False
        self.beginning = False  # nothing was said before the first entry
        self.typing: dict[str, tuple[str, float]] = {}  # folded to shown, and until when by a monotonic clock

    @property
    def is_channel(self) -> bool:
        return self.name.startswith(CHANNEL_PREFIX)

    @property
    def full(self) -> bool:
        return len(self.entries) >= MOST_ENTRIES

    @property
    def oldest(self) -> Place | None:
        """Where the entries begin in the server's history."""
        return next((entry.place for entry in self.entries if entry.place is not None), None)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry.place is not None and (self.latest is None or entry.place.time >= self.latest.time):
            self.latest = entry.place
        if len(self.entries) >= MOST_ENTRIES + DROPPED_AT_ONCE:
            self.drop(DROPPED_AT_ONCE)

    def drop(self, count: int) -> None:
        """Forget the oldest."""
        del self.entries[:count]
        self.dropped += count
        self.beginning = False

    def add_unread(self, entry: Entry, *, mention: bool) -> None:
        """The same, for one that nobody looks at as it comes."""
        self.add(entry)
        self.unread += 1
        self.mentions += mention
        if self.unread_from is None:
            self.unread_from = entry
            self.generation += 1

    def prepend(self, entries: Sequence[Entry]) -> None:
        """Put earlier ones in front, but for those that are there already."""
        there = {entry.place.msgid for entry in self.entries if entry.place is not None and entry.place.msgid}
        new = [entry for entry in entries if entry.place is None or entry.place.msgid not in there]
        self.entries[:0] = new
        if self.latest is None and new:
            self.latest = new[-1].place
        self.generation += 1

    def read(self) -> None:
        """Somebody looks at it; the unread line stays for him to see."""
        self.unread = self.mentions = 0

    def forget_unread_line(self) -> None:
        if self.unread_from is not None:
            self.unread_from = None
            self.generation += 1

    def rename_member(self, before: str, after: str) -> bool:
        shown = self.members.pop(fold(before), None)
        if shown is not None:
            mark = shown[: len(shown) - len(shown.lstrip(ROLE_MARKS))]
            self.members[fold(after)] = mark + printable(after)
        return shown is not None

    def list_members(self, listed: Sequence[str]) -> None:
        self.members = _members(listed)
        self.members_known = True

    def mark_members(self, changed: Sequence[str]) -> None:
        """Some have other roles now; who is not here is nobody's business."""
        self.members |= {folded: shown for folded, shown in _members(changed).items() if folded in self.members}


def _members(listed: Sequence[str]) -> dict[str, str]:
    return {fold(word.lstrip(ROLE_MARKS)): printable(word) for word in listed}
