"""What was said behind one entry and up to another, in the order of all commits: what a device was not told."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, text, union_all

from securechat.store.history import COLUMNS, MESSAGES, pair_with
from securechat.store.rows import AccountId, Entry
from securechat.store.schema import channel, entry

# Up to this many entries it is quicker to read through them all than to look up every pair that there could be:
# that takes 1 ms with a thousand accounts (measured with SQLite 3.40 on 2 cores).
FEW = 1000
_THROUGH_ALL = text(  # by seq: an index would be gone through from end to end for the sake of DISTINCT
    "SELECT DISTINCT target FROM entry NOT INDEXED "
    "WHERE seq > :after AND seq <= :upto AND kind IN ('PRIVMSG', 'NOTICE')"
)


def targets(
    connection: Connection, account_id: AccountId, channel_keys: Collection[str], after: int, upto: int
) -> set[str]:
    """The account's direct-message pairs and the given channels with a message between the two; `upto` counts."""
    if upto - after > FEW:
        return _by_candidate(connection, account_id, channel_keys, after)
    found = connection.execute(_THROUGH_ALL, {"after": after, "upto": upto}).scalars()
    return {target for target in found if target in channel_keys or str(account_id) in target.split(":")}


def _by_candidate(connection: Connection, account_id: AccountId, channel_keys: Collection[str], after: int) -> set[str]:
    joined = select(channel.c.key).where(channel.c.key.in_(channel_keys))
    candidate = union_all(select(pair_with(account_id)), joined).subquery().c[0]
    newest = (
        select(entry.c.seq)
        .where(entry.c.target == candidate, entry.c.kind.in_(MESSAGES))
        .order_by(entry.c.time.desc())
        .limit(1)
        .scalar_subquery()
    )
    return set(connection.execute(select(candidate).where(newest > after)).scalars())


def messages(connection: Connection, target: str, after: int, upto: int, limit: int) -> list[Entry]:
    """The newest messages of a target between the two, oldest first."""
    upwards = select(*COLUMNS).where(entry.c.target == target, entry.c.seq <= upto, entry.c.kind.in_(MESSAGES))
    newest = connection.execute(upwards.order_by(entry.c.time.desc()).limit(limit))  # times rise as seq does
    return [found for row in newest if (found := Entry(*row)).seq > after][::-1]
