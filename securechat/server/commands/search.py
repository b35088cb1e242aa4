"""SEARCH: messages by their words, place, sender and time, for those who may read them now.

Source: soju.im/search.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from securechat.chat import access
from securechat.protocol import numerics
from securechat.protocol.capabilities import SEARCH
from securechat.protocol.message import Message, parse_tags, quoted
from securechat.protocol.names import fold
from securechat.server import playback
from securechat.server.actor import actor
from securechat.server.command import Command, tells
from securechat.server.relay import key_of
from securechat.server.services import READS, PoolFull
from securechat.server.session import Session
from securechat.server.turn import Turn
from securechat.store.errors import StoreError
from securechat.store.rows import AccountId, Entry
from securechat.store.search import Query, Unsearchable, expression

ENTRIES, MOST_ENTRIES = 50, 100  # of an answer: where no limit is asked for, and at most
ATTRIBUTES = ("in", "from", "after", "before", "text", "limit")


class Refused(Exception):
    """The attribute that is wrong, and why."""


def search(turn: Turn, session: Session, message: Message) -> None:
    if not session.caps & SEARCH:
        return turn.standard(session, numerics.ERR_UNKNOWNCOMMAND, message.command)
    try:
        if len(message.params) > 1:
            raise Refused("*", r"expected one parameter, its spaces written as \s")
        attributes = parse_tags(message.params[0])
        query = _query(turn, session, attributes)
    except Refused as refused:
        return _invalid(turn, session, refused)
    read = partial(turn.services.history.search, query)
    return turn.wait(READS, session, read, partial(_show, within=attributes.get("in")))


def _query(turn: Turn, session: Session, attributes: dict[str, str]) -> Query:
    """Of unknown attributes none is passed over: each would have left something out."""
    for name in attributes:
        if name not in ATTRIBUTES:
            raise Refused(quoted(name), "unknown attribute")
    person = actor(session)
    return Query(
        reader=person.id,
        channels=tuple(channel.key for channel in person.channels if access.may_read(channel, person)),
        target=_target(turn, session, attributes.get("in")),
        senders=_senders(turn, attributes["from"]) if "from" in attributes else None,
        words=_words(attributes.get("text")),
        after=_time(attributes, "after"),
        before=_time(attributes, "before"),
        limit=_limit(attributes.get("limit")),
    )


def _target(turn: Turn, session: Session, name: str | None) -> str | None:
    """Whether a channel exists is nobody's business who may not read it."""
    if name is None:
        return None
    target = playback.target_named(turn, actor(session), name)
    if target is None:
        raise Refused("in", "no history here for you")
    return key_of(actor(session), target)


def _senders(turn: Turn, name: str) -> tuple[AccountId, ...]:
    """Everyone who ever had the name: deleted ones as well, for what they said is still shown with it."""
    key = fold(name)
    return tuple(person.id for person in turn.directory.people.values() if fold(person.name) == key)


def _words(text: str | None) -> str:
    if not text:
        return ""
    try:
        return expression(text)
    except Unsearchable as error:
        raise Refused("text", str(error)) from error


def _time(attributes: dict[str, str], name: str) -> int | None:
    if name not in attributes:
        return None
    try:
        return playback.milliseconds(attributes[name])
    except ValueError:
        raise Refused(name, "not a timestamp") from None


def _limit(word: str | None) -> int:
    if word is None:
        return ENTRIES
    if not (word.isascii() and word.isdigit() and len(word) < 10 and int(word)):
        raise Refused("limit", "not a number above 0")
    return min(int(word), MOST_ENTRIES)


def _show(turn: Turn, session: Session, result: Sequence[Entry] | Exception, *, within: str | None) -> None:
    """Whether the reader may read each of them is asked once more: he may have been thrown out meanwhile."""
    try:
        _target(turn, session, within)
    except Refused as refused:
        return _invalid(turn, session, refused)
    if isinstance(result, PoolFull | StoreError):
        return turn.fail(session, "SEARCH", "INTERNAL_ERROR", "cannot search now; try again in a few seconds")
    if isinstance(result, Exception):
        raise result
    places = ((playback.target_stored(turn, actor(session), entry.target), entry) for entry in result)
    found = [playback.lines(turn, session, target, entry) for target, entry in places if target is not None]
    return playback.send(turn, session, "soju.im/search", [line for lines in found for line in lines])


def _invalid(turn: Turn, session: Session, refused: Refused) -> None:
    attribute, why = refused.args
    turn.fail(session, "SEARCH", "INVALID_PARAMS", attribute, why)


COMMANDS = {"SEARCH": Command(search, fewest_params=1, cost=tells)}
