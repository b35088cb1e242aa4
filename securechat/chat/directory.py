"""Everyone and every channel that the core knows, loaded from the store at start."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from securechat.chat.channel import Channel, ListEntry
from securechat.chat.person import Person, Recipient
from securechat.protocol.names import fold
from securechat.store.rows import (
    Account,
    AccountId,
    AddressKnown,
    ListModeStored,
    MemberStored,
    PlaceStored,
    ReadMarkerStored,
    Snapshot,
)


class Lingering(NamedTuple):
    """The last connection was lost: since when, and what became of it. For a moment the person counts as present."""

    since: float
    reason: str


class Failure(NamedTuple):
    """A proof of who somebody is that failed; they are summed by this."""

    act: str
    account: str  # empty for a name that nobody has: it may be a password in the wrong place
    network: str
    reason: str


class Directory:
    """State of the core; changed through the turn only."""

    __slots__ = (
        "autojoin",
        "channels",
        "failures",
        "failures_since",
        "known_networks",
        "last_times",
        "lingering",
        "most_present",
        "names",
        "network",
        "newest",
        "opers",
        "people",
        "places_due",
        "places_kept",
        "present",
        "redacted",
        "stored_at",
        "watchers",
    )

    def __init__(self, network: str, autojoin: Iterable[str]) -> None:
        self.network = network
        self.autojoin = frozenset(map(fold, autojoin))
        self.people: dict[AccountId, Person] = {}
        self.names: dict[str, Person] = {}  # by casefolded name, without the deleted
        self.channels: dict[str, Channel] = {}  # by key
        self.present: dict[Person, None] = {}
        self.most_present = 0  # people at any moment since the start
        self.lingering: dict[Person, Lingering] = {}  # of those present, who have no session at the moment
        self.opers: dict[Recipient, None] = {}  # who said OPER: few, and counted at every login
        self.failures: dict[Failure, int] = {}  # that are not in the audit log yet
        self.failures_since = 0.0
        self.redacted: dict[str, None] = {}  # msgids, of late: what was read before must not be shown any more
        self.watchers: dict[str, tuple[Recipient, ...]] = {}  # by casefolded name: whose MONITOR lists have it
        self.last_times: dict[str, int] = {}  # target → time of its newest entry
        self.known_networks: dict[
            str, int
        ] = {}  # the inverse of Person.networks: when anybody logged in from there last
        self.newest = 0  # seq of the newest entry that was delivered; set when a turn stands
        self.stored_at = 0.0  # when the newest turn that stored something began, if none has failed since; set with it
        self.places_kept = 0.0  # when the last round of storing the places of all who are here began
        self.places_due: tuple[Person, ...] = ()  # who is left of that round

    @classmethod
    def load(cls, snapshot: Snapshot, network: str, autojoin: Iterable[str]) -> Directory:
        directory = cls(network, autojoin)
        for account in snapshot.accounts:
            directory.people[account.id] = person = Person(account, network)
            if not account.deleted:
                directory.names[fold(account.name)] = person
        for channel in snapshot.channels:
            directory.channels[channel.key] = Channel(channel, channel.key in directory.autojoin)
        for member in snapshot.members:
            channel_of, person = directory.channels[member.channel], directory.people[member.account]
            channel_of.members[person] = member.role
            person.channels[channel_of] = None
        for row in snapshot.list_modes:
            directory.channels[row.channel].lists[row.mode, row.mask] = ListEntry(row.set_by, row.set_at)
        for marker in snapshot.read_markers:
            directory.people[marker.account].read_markers[marker.target] = marker.time
        directory.last_times = dict(snapshot.last_times)
        directory.newest = snapshot.newest
        for place in snapshot.places:
            directory.people[place.account].places[place.device] = place.seq
        for known in snapshot.known_addresses:
            directory.people[known.account].networks[known.network] = known.time
            directory.known_networks[known.network] = max(known.time, directory.known_networks.get(known.network, 0))
        return directory

    def changed(self, name: str) -> None:
        """Nothing is derived from these tables."""

    def channel(self, name: str) -> Channel | None:
        return self.channels.get(fold(name))

    def person(self, name: str) -> Person | None:
        return self.names.get(fold(name))

    def snapshot(self) -> Snapshot:
        """What the store must hold if nothing was lost: equal to a snapshot read from it. Sorted by key."""
        people = sorted(self.people.values(), key=lambda person: person.id)
        channels = sorted(self.channels.values(), key=lambda channel: channel.key)
        accounts: tuple[Account, ...] = tuple(person.account for person in people)
        members = (MemberStored(c.key, p.id, role) for c in channels for p, role in c.members.items())
        markers = (ReadMarkerStored(p.id, *marker) for p in people for marker in sorted(p.read_markers.items()))
        masks = (ListModeStored(c.key, m, mask, *entry) for c in channels for (m, mask), entry in c.lists.items())
        places = (PlaceStored(p.id, device, seq) for p in people for device, seq in sorted(p.places.items()))
        known = (AddressKnown(p.id, *address) for p in people for address in sorted(p.networks.items()))
        return Snapshot(
            accounts,
            tuple(channel.stored() for channel in channels),
            tuple(sorted(members, key=lambda row: (row.channel, row.account))),
            tuple(sorted(masks, key=lambda row: (row.channel, row.mode, row.mask))),
            tuple(markers),
            dict(self.last_times),
            tuple(places),
            tuple(known),
            self.newest,
        )
