"""Reading what was said. Lists are oldest first and ordered by seq; `limit` takes those nearest to the point asked for.

A point is a time in milliseconds or a msgid. Times strictly rise per target, so a time names one place in its order.
Points themselves are left out (`around` has it in the middle).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, func, literal, select, union_all

from securechat.errors import SecurechatError
from securechat.store.rows import AccountId, Entry
from securechat.store.schema import account, channel, entry

Point = int | str

MESSAGES = ("PRIVMSG", "NOTICE")  # the kinds that reads give unless told otherwise; None is every kind


class UnknownMessage(SecurechatError):
    """No message of this target has the msgid that was given as a point."""


_COLUMNS = (
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
    kinds: Sequence[str] | None = MESSAGES,
) -> list[Entry]:
    """The newest entries; with `after` those of them that are behind it."""
    low = _last_upto(connection, target, after) if after is not None else 0
    return _newest(connection, target, limit, kinds, entry.c.seq > low)


def after(
    connection: Connection, target: str, point: Point, limit: int, *, kinds: Sequence[str] | None = MESSAGES
) -> list[Entry]:
    return _oldest(connection, target, limit, kinds, entry.c.seq > _last_upto(connection, target, point))


def before(
    connection: Connection, target: str, point: Point, limit: int, *, kinds: Sequence[str] | None = MESSAGES
) -> list[Entry]:
    return _newest(connection, target, limit, kinds, entry.c.seq < _first_from(connection, target, point))


def between(
    connection: Connection,
    target: str,
    start: Point,
    end: Point,
    limit: int,
    *,
    kinds: Sequence[str] | None = MESSAGES,
) -> list[Entry]:
    """What lies between two points, in whichever order they come; `limit` counts from `start`."""
    first, last = _last_upto(connection, target, start), _last_upto(connection, target, end)
    if first <= last:
        inside = and_(entry.c.seq > first, entry.c.seq < _first_from(connection, target, end))
        return _oldest(connection, target, limit, kinds, inside)
    inside = and_(entry.c.seq > last, entry.c.seq < _first_from(connection, target, start))
    return _newest(connection, target, limit, kinds, inside)


def around(
    connection: Connection, target: str, point: Point, limit: int, *, kinds: Sequence[str] | None = MESSAGES
) -> list[Entry]:
    """Half of `limit` before the point, the rest from it on."""
    first = _first_from(connection, target, point)
    older = _newest(connection, target, limit // 2, kinds, entry.c.seq < first)
    return older + _oldest(connection, target, limit - len(older), kinds, entry.c.seq >= first)


def targets(
    connection: Connection,
    account_id: AccountId,
    channel_keys: Collection[str],
    after_ms: int,
    before_ms: int,
    limit: int,
) -> list[tuple[str, int]]:
    """The account's direct-message pairs and the given channels whose newest message lies between the two times.

    (target, time of its newest message), by that time; with `after_ms` above `before_ms` the newest count first.
    """
    joined = select(channel.c.key).where(channel.c.key.in_(channel_keys))
    candidates = union_all(select(_pair_with(account_id)), joined)
    candidate = candidates.subquery().c[0]
    newest = (
        select(entry.c.time)
        .where(entry.c.target == candidate, entry.c.kind.in_(MESSAGES))
        .order_by(entry.c.seq.desc())
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


def _pair_with(one: AccountId) -> ColumnElement[str]:
    """`rows.pair` for each row of account. Looking every pair up is quicker than reading through all entries."""
    mine, other = literal(str(one)), cast(account.c.id, Text)
    return case((account.c.id < one, other + ":" + mine), else_=mine + ":" + other)


def _last_upto(connection: Connection, target: str, point: Point) -> int:
    """The seq of the last entry at or before the point; 0 when there is none."""
    if isinstance(point, str):
        return _seq(connection, target, point)
    earlier = select(entry.c.seq).where(entry.c.target == target, entry.c.time <= point)
    found: int | None = connection.execute(earlier.order_by(entry.c.time.desc()).limit(1)).scalar()
    return found or 0


def _first_from(connection: Connection, target: str, point: Point) -> int:
    """The seq of the first entry at or behind the point; one more than the last when there is none."""
    if isinstance(point, str):
        return _seq(connection, target, point)
    later = select(entry.c.seq).where(entry.c.target == target, entry.c.time >= point)
    found: int | None = connection.execute(later.order_by(entry.c.time).limit(1)).scalar()
    if found is None:
        newest = select(func.coalesce(func.max(entry.c.seq), 0) + 1).where(entry.c.target == target)
        found = connection.execute(newest).scalar_one()
    return found


def _seq(connection: Connection, target: str, msgid: str) -> int:
    mine = select(entry.c.seq).where(entry.c.msgid == msgid, entry.c.target == target)
    found: int | None = connection.execute(mine).scalar()
    if found is None:
        raise UnknownMessage(f"no message of this target has the msgid {msgid!r}")
    return found


def _oldest(
    connection: Connection, target: str, limit: int, kinds: Sequence[str] | None, where: ColumnElement[bool]
) -> list[Entry]:
    return _read(connection, target, limit, kinds, where, entry.c.seq.asc())


def _newest(
    connection: Connection, target: str, limit: int, kinds: Sequence[str] | None, where: ColumnElement[bool]
) -> list[Entry]:
    return _read(connection, target, limit, kinds, where, entry.c.seq.desc())[::-1]


def _read(
    connection: Connection,
    target: str,
    limit: int,
    kinds: Sequence[str] | None,
    where: ColumnElement[bool],
    order: ColumnElement[int],
) -> list[Entry]:
    rows = select(*_COLUMNS).where(entry.c.target == target, where)
    if kinds is not None:
        rows = rows.where(entry.c.kind.in_(kinds))
    return [Entry(*row) for row in connection.execute(rows.order_by(order).limit(limit))]
