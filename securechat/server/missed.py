"""What was missed: a client that knows no CHATHISTORY is sent it behind its channels, each thing once.

For this the place of each device is kept: the entry up to which it was handed all that its account is told. It is moved
only when that is so, and never back.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence, Set
from dataclasses import replace
from functools import partial

from securechat.chat import access
from securechat.chat.person import Person
from securechat.protocol.capabilities import CHATHISTORY, SERVER_TIME
from securechat.protocol.lines import BODY_BYTES
from securechat.protocol.names import CHANNEL_PREFIX, fold
from securechat.protocol.text import split
from securechat.server import playback, presence
from securechat.server.actor import actor
from securechat.server.event import timestamp
from securechat.server.isupport import cut
from securechat.server.playback import Target
from securechat.server.relay import AROUND_TEXT
from securechat.server.reply import Reply
from securechat.server.services import READS
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.rows import Entry, PlaceRemoved, PlaceStored

DEVICE_BYTES = 32  # of a device's name
DEVICES = 32  # of an account; a new one takes the place of the one that was here longest ago
PERIOD = 5.0  # seconds from one round of keeping the places to the next
PEOPLE_AT_ONCE = 100  # of a round: 2000 people would hold up all others for 60 ms (measured, their places in no cache)
CTCP = "\x01"
ACTION = "\x01ACTION "
_FIRST_LINE = re.compile(r"[^\r\n]*")

log = logging.getLogger(__name__)


def split_device(word: str) -> tuple[str, str]:
    """`name@device`, the device in the form in which it is compared; empty when there is none."""
    name, _, device = word.partition("@")
    plain = "".join(character for character in fold(device) if character.isalnum() or character in "-_.")
    return name, cut(plain, DEVICE_BYTES)


def whose_place(turn: Turn, session: Session, device: str) -> str | None:
    """The device whose place the session moves; None for one that fetches its history itself."""
    wanted = turn.settings.history.playback_lines and not session.caps & CHATHISTORY
    return device if wanted else None


# What a session is sent: the last steps of its opening


def find(turn: Turn, session: Session) -> None:
    """Look in which targets something was said behind the place."""
    person, opening = actor(session), session.opening
    assert opening is not None
    place = _place(turn, person, session)
    if place < opening.upto:
        channels = frozenset(channel.key for channel in person.channels if access.may_read(channel, person))
        look = partial(turn.services.history.missed_targets, person.id, channels, place, opening.upto)
        turn.wait(READS, session, look, partial(_found, place=place))


def _place(turn: Turn, person: Person, session: Session) -> int:
    """Behind what the session's device was handed; for a new one behind what any device of the account was."""
    places = dict(person.places)
    for one in presence.sessions(person):
        if one.device is not None:
            places[one.device] = max(_handed(turn, one), places.get(one.device, 0))
    assert session.device is not None
    return places[session.device] or max(places.values())


def _found(turn: Turn, session: Session, result: Set[str] | Exception, *, place: int) -> None:
    opening = session.opening
    assert opening is not None
    if isinstance(result, Exception):
        return _give_up(turn, session, result)
    pairs = sorted(key for key in result if not key.startswith(CHANNEL_PREFIX))
    channels = [channel.key for channel in actor(session).channels if channel.key in result]
    reads = [partial(_read, key=key, place=place) for key in (*pairs, *channels)]
    return turn.set(opening, "steps", (*opening.steps, *reads))


def _read(turn: Turn, session: Session, *, key: str, place: int) -> None:
    opening = session.opening
    assert opening is not None
    if playback.target_stored(turn, actor(session), key) is not None:
        lines = turn.settings.history.playback_lines
        read = partial(turn.services.history.missed, key, place, opening.upto, lines)
        turn.wait(READS, session, read, partial(_show, key=key, place=place))


def _show(turn: Turn, session: Session, result: Sequence[Entry] | Exception, *, key: str, place: int) -> None:
    """What may have changed meanwhile is asked once more: whether he may read, and what was redacted."""
    if isinstance(result, Exception):
        return _give_up(turn, session, result)
    if any(entry.msgid in turn.directory.redacted for entry in result):
        return _read(turn, session, key=key, place=place)
    where = playback.target_stored(turn, actor(session), key)
    if where is not None:
        for entry in result:
            for line in _lines(turn, session, where, entry):
                turn.send(session, line)


def _give_up(turn: Turn, session: Session, error: Exception) -> None:
    """The place stays where it is, so that nothing is lost."""
    opening = session.opening
    assert opening is not None
    log.warning("cannot read what %s missed: %r", actor(session).name, error)
    turn.set(session, "device", None)
    turn.set(opening, "steps", opening.steps[: opening.taken])
    turn.line(session, "NOTICE", session.nick, "what you missed cannot be read now; it is shown at your next login")


def _lines(turn: Turn, session: Session, where: Target, entry: Entry) -> Sequence[Reply]:
    """One entry as said; who does not know server-time reads the time in the text.

    A CTCP other than ACTION asks a client for something: nobody waits for the answer any more.
    """
    if entry.text.startswith(CTCP) and not entry.text.startswith(ACTION):
        return ()
    if not session.caps & SERVER_TIME:
        head = playback.head(turn, session, where, entry)
        room = BODY_BYTES - AROUND_TEXT - len(head.encode())
        entry = replace(entry, text=_dated(entry.text, entry.time, room))
    return playback.lines(turn, session, where, entry)


def _dated(text: str, time: int, room: int) -> str:
    """The text with its time before it, in as many lines of `room` bytes as that takes."""
    moment = timestamp(time)
    stamp = f"[{moment[:10]} {moment[11:16]}] "
    first = _FIRST_LINE.match(text)
    assert first is not None
    line, further = first[0], text[first.end() :]
    if not line.startswith(ACTION):
        return "\n".join(split(stamp + line, room)) + further
    said = stamp + line.removeprefix(ACTION).removesuffix(CTCP)
    pieces = split(said, room - len(ACTION) - len(CTCP))
    return "\n".join(ACTION + piece + CTCP for piece in pieces) + further


# How the places move


def keep(turn: Turn, session: Session) -> None:
    """Remember how far the session's device was handed all."""
    person, device = session.person, session.device
    if person is None or device is None or session.caps & CHATHISTORY or person.account.deleted:
        return
    seq = _handed(turn, session)
    if seq > person.places.get(device, 0):
        if device not in person.places and len(person.places) >= DEVICES:
            _forget_one(turn, person)
        turn.record(PlaceStored(person.id, device, seq))
        turn.put(person, "places", device, seq)


def keep_some(turn: Turn) -> None:
    """From time to time everyone's, some people in each turn, so that little is shown again after a crash."""
    directory = turn.directory
    if not directory.places_due and abs(turn.now - directory.places_kept) >= PERIOD:  # the clock may have been set back
        turn.set(directory, "places_kept", turn.now)
        turn.set(directory, "places_due", tuple(directory.present))
    people = directory.places_due[:PEOPLE_AT_ONCE]
    if people:
        turn.set(directory, "places_due", directory.places_due[PEOPLE_AT_ONCE:])
    for person in people:
        for session in presence.sessions(person):
            keep(turn, session)


def _handed(turn: Turn, session: Session) -> int:
    """Every turn before this one has been delivered."""
    return turn.directory.newest if session.handed is None else session.handed


def _forget_one(turn: Turn, person: Person) -> None:
    oldest = min(person.places, key=lambda device: person.places[device])
    turn.record(PlaceRemoved(person.id, oldest))
    turn.drop(person, "places", oldest)
