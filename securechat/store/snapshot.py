"""Everything that the core holds of the store, read at start in one transaction."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from securechat.protocol.names import CHANNEL_PREFIX
from securechat.store.changes import ACCOUNT, as_account
from securechat.store.rows import (
    AddressKnown,
    ChannelStored,
    ListModeStored,
    MemberStored,
    PlaceStored,
    ReadMarkerStored,
    Snapshot,
)
from securechat.store.schema import account, channel, entry, known_address, list_mode, member, place, read_marker

# Jumps from target to target in the index instead of reading every entry: a million of them do not delay a start.
_LAST_TIMES = """
WITH RECURSIVE found(target) AS (
    SELECT min(target) FROM entry
    UNION ALL
    SELECT (SELECT min(target) FROM entry WHERE target > found.target) FROM found WHERE found.target IS NOT NULL
)
SELECT target, (SELECT max(time) FROM entry WHERE entry.target = found.target) AS newest
FROM found WHERE target IS NOT NULL
"""
_ACCOUNTS = select(*ACCOUNT).order_by(account.c.id)
_CHANNELS = select(channel).order_by(channel.c.key)
_MEMBERS = select(member).order_by(member.c.channel, member.c.account_id)
_MODES = select(list_mode).order_by(list_mode.c.channel, list_mode.c.mode, list_mode.c.set_at, list_mode.c.mask)
_MARKERS = select(read_marker).order_by(read_marker.c.account_id, read_marker.c.target)
_PLACES = select(place).order_by(place.c.account_id, place.c.device)
_ADDRESSES = select(known_address).order_by(known_address.c.account_id, known_address.c.network)
_NEWEST = select(func.coalesce(func.max(entry.c.seq), 0))


def load(connection: Connection) -> Snapshot:
    accounts = connection.execute(_ACCOUNTS)
    channels = tuple(ChannelStored(*row) for row in connection.execute(_CHANNELS))
    members = connection.execute(_MEMBERS)
    modes = connection.execute(_MODES)
    markers = connection.execute(_MARKERS)
    # What is left of a channel that is gone counts for nothing.
    last_times = connection.exec_driver_sql(_LAST_TIMES)
    known = {one.key for one in channels}
    places = connection.execute(_PLACES)
    addresses = connection.execute(_ADDRESSES)
    newest: int = connection.execute(_NEWEST).scalar_one()
    return Snapshot(
        accounts=tuple(as_account(*row) for row in accounts),
        channels=channels,
        members=tuple(MemberStored(*row) for row in members),
        list_modes=tuple(ListModeStored(*row) for row in modes),
        read_markers=tuple(ReadMarkerStored(*row) for row in markers),
        last_times={
            row.target: row.newest
            for row in last_times
            if row.target in known or not row.target.startswith(CHANNEL_PREFIX)
        },
        places=tuple(PlaceStored(*row) for row in places),
        known_addresses=tuple(AddressKnown(*row) for row in addresses),
        newest=newest,
    )
