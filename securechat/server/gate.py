"""The hall: connections before their admission. When it is full a newcomer is let in and another has to go.

So strangers who fill it push out one another, and whoever has just come has the longest time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from securechat.config import Limits
from securechat.server.connection import Connection

FULL = "too many connections that have not logged in"
FULL_OF_ONE = "too many connections from one address that have not logged in"


class Full(NamedTuple):
    """There is no room for a newcomer: why, and who has to go for it; None when all others wait for us."""

    reason: str
    leaving: Connection | None


class Gate:
    """Owned by the loop. Whose login is being checked is counted, but waits for us and does not have to go.

    Known networks, from which somebody logged in lately, may fill the hall by themselves: everyone behind one address
    comes back at once after a restart. They have to go last while theirs is the smaller half; else one member could
    keep all strangers out, and some of those are people on a journey.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._inside: dict[Connection, Crowd] = {}
        self._counts: Counter[str] = Counter()  # by network
        self._known = Crowd()
        self._unknown = Crowd()

    def full(self, network: str, known: bool) -> Full | None:
        """Whether one of this network finds no room."""
        if not known and self._counts[network] >= self._limits.unauthenticated_per_address:
            return Full(FULL_OF_ONE, self._unknown.oldest_of(network))
        if len(self._inside) >= self._limits.unauthenticated:
            return Full(FULL, self._first_to_go())
        return None

    def _first_to_go(self) -> Connection | None:
        if 2 * len(self._known) > self._limits.unauthenticated:
            return self._known.first_to_go()
        return self._unknown.first_to_go() or self._known.first_to_go()

    def enter(self, connection: Connection, known: bool) -> None:
        """Count a newcomer, for which there is room."""
        self._inside[connection] = crowd = self._known if known else self._unknown
        self._counts[connection.session.network] += 1
        crowd.add(connection)

    def leave(self, connection: Connection) -> None:
        """It was admitted, or is gone; nothing happens to one that is not counted."""
        crowd = self._inside.pop(connection, None)
        if crowd is None:
            return
        crowd.discard(connection)
        network = connection.session.network
        self._counts[network] -= 1
        if not self._counts[network]:
            del self._counts[network]

    def waits(self, connection: Connection) -> None:
        """It waits for us from now on."""
        if connection in self._inside:
            self._inside[connection].discard(connection)

    def goes_on(self, connection: Connection) -> None:
        """It has waited for us, and has as long as a newcomer."""
        if connection in self._inside:
            self._inside[connection].add(connection)


class Crowd:
    """Who may have to go, by network; finds the oldest of the network with the most without looking at all."""

    def __init__(self) -> None:
        self._of: dict[str, dict[Connection, None]] = {}  # by network, oldest first
        self._networks: defaultdict[int, dict[str, None]] = defaultdict(dict)  # by how many they have
        self._most = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, connection: Connection) -> None:
        network = connection.session.network
        connections = self._of.setdefault(network, {})
        if connection not in connections:
            connections[connection] = None
            self._resized(network, len(connections), 1)

    def discard(self, connection: Connection) -> None:
        network = connection.session.network
        connections = self._of.get(network, {})
        if connection in connections:
            del connections[connection]
            self._resized(network, len(connections), -1)

    def _resized(self, network: str, size: int, by: int) -> None:
        self._size += by
        self._networks[size - by].pop(network, None)
        if size:
            self._networks[size][network] = None
        else:
            del self._of[network]
        self._most = max(self._most, size)
        if not self._networks[self._most]:
            self._most -= 1  # the network that had the most has one less

    def oldest_of(self, network: str) -> Connection | None:
        return next(iter(self._of.get(network, ())), None)

    def first_to_go(self) -> Connection | None:
        """The oldest of the network with the most; of several the one that has had so many for the longest time."""
        network = next(iter(self._networks[self._most]), "")
        return self.oldest_of(network)
