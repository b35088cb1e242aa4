"""Reading what was said. Lists are oldest first; `limit` takes those nearest to the point asked for.

A point is a time in milliseconds or a msgid. Times strictly rise per target, so they are its order, and any time names
one place in it.
Points themselves are left out (`around` has it in the middle).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, literal, select, union_all

from securechat.errors import SecurechatError
from securechat.store.rows import AccountId, Entry
from securechat.store.schema import account, channel, entry

Point = int | str

DAWN = -1  # a time before every entry
MESSAGES = ("PRIVMSG", "NOTICE")  # the kinds that reads give unless told otherwise


class UnknownMessage(SecurechatError):
    """No message of this target has the msgid that was given as a point."""


COLUMNS = (
    entry.c.target,
    entry.c.seq,
    entry.c.msgid,
    entry.c.time,
    entry.c.kind,
    entry.c.sender_id,
    entry.c.text,
    entry.c.tags,
)


def latest(
    connection: Connection,
    target: str,
    limit: int,
    after: Point | None = None,
    *,
    kinds: Sequence[str] = MESSAGES,
) -> list[Entry]:
    """The newest entries; with `after` those of them that are behind it."""
    low = _time(connection, target, after) if after is not None else DAWN
    return _newest(connection, target, limit, kinds, entry.c.time > low)


def after(
    connection: Connection, target: str, point: Point, limit: int, *, kinds: Sequence[str] = MESSAGES
) -> list[Entry]:
    return _oldest(connection, target, limit, kinds, entry.c.time > _time(connection, target, point))


def before(
    connection: Connection, target: str, point: Point, limit: int, *, kinds: Sequence[str] = MESSAGES
) -> list[Entry]:
    return _newest(connection, target, limit, kinds, entry.c.time < _time(connection, target, point))


def between(
    connection: Connection,
    target: str,
    start: Point,
    end: Point,
    limit: int,
    *,
    kinds: Sequence[str] = MESSAGES,
) -> list[Entry]:
    """What lies between two points, in whichever order they come; `limit` counts from `start`."""
    first, last = _time(connection, target, start), _time(connection, target, end)
    inside = and_(entry.c.time > min(first, last), entry.c.time < max(first, last))
    return (_oldest if first <= last else _newest)(connection, target, limit, kinds, inside)


def around(
    connection: Connection, target: str, point: Point, limit: int, *, kinds: Sequence[str] = MESSAGES
) -> list[Entry]:
    """Half of `limit` before the point, the rest from it on."""
    middle = _time(connection, target, point)
    older = _newest(connection, target, limit // 2, kinds, entry.c.time < middle)
    return older + _oldest(connection, target, limit - len(older), kinds, entry.c.time >= middle)


def find(connection: Connection, target: str, msgid: str) -> Entry | None:
    """The entry of this msgid, whatever its kind."""
    row = connection.execute(select(*COLUMNS).where(entry.c.msgid == msgid, entry.c.target == target)).first()
    return Entry(*row) if row else None


def targets(
    connection: Connection,
    account_id: AccountId,
    channel_keys: Collection[str],
    after_ms: int,
    before_ms: int,
    limit: int,
    *,
    kinds: Sequence[str] = MESSAGES,
) -> list[tuple[str, int]]:
    """The account's direct-message pairs and the given channels whose newest entry lies between the two times.

    (target, time of its newest entry), by that time; with `after_ms` above `before_ms` the newest count first.
    """
    joined = select(channel.c.key).where(channel.c.key.in_(channel_keys))
    candidates = union_all(select(pair_with(account_id)), joined)
    candidate = candidates.subquery().c[0]
    newest = (
        select(entry.c.time)
        .where(entry.c.target == candidate, entry.c.kind.in_(kinds))
        .order_by(entry.c.time.desc())
        .limit(1)
        .scalar_subquery()
        .label("newest")
    )
    found = select(candidate.label("target"), newest).subquery()
    low, high = sorted((after_ms, before_ms))
    rows = select(found.c.target, found.c.newest).where(found.c.newest > low, found.c.newest < high).limit(limit)
    if after_ms <= before_ms:
        return [(target, time) for target, time in connection.execute(rows.order_by(found.c.newest))]
    return [(target, time) for target, time in connection.execute(rows.order_by(found.c.newest.desc()))][::-1]


def pair_with(one: AccountId) -> ColumnElement[str]:
    """`rows.pair` for each row of account. Looking every pair up is quicker than reading through all entries."""
    mine, other = literal(str(one)), cast(account.c.id, Text)
    return case((account.c.id < one, other + ":" + mine), else_=mine + ":" + other)


def _time(connection: Connection, target: str, point: Point) -> int:
    """Where a point lies in the target's order. Raises UnknownMessage."""
    if isinstance(point, int):
        return point
    mine = select(entry.c.time).where(entry.c.msgid == point, entry.c.target == target)
    found: int | None = connection.execute(mine).scalar()
    if found is None:
        raise UnknownMessage(f"no message of this target has the msgid {point!r}")
    return found


def _oldest(
    connection: Connection, target: str, limit: int, kinds: Sequence[str], where: ColumnElement[bool]
) -> list[Entry]:
    return _read(connection, target, limit, kinds, where, entry.c.time.asc())


def _newest(
    connection: Connection, target: str, limit: int, kinds: Sequence[str], where: ColumnElement[bool]
) -> list[Entry]:
    return _read(connection, target, limit, kinds, where, entry.c.time.desc())[::-1]


def _read(
    connection: Connection,
    target: str,
    limit: int,
    kinds: Sequence[str],
    where: ColumnElement[bool],
    order: ColumnElement[int],
) -> list[Entry]:
    rows = select(*COLUMNS).where(entry.c.target == target, where, entry.c.kind.in_(kinds))
    return [Entry(*row) for row in connection.execute(rows.order_by(order).limit(limit))]
