"""From which networks people logged in of late: those go last when the hall is full, and first when passwords wait."""

from __future__ import annotations

from securechat.chat.directory import Directory
from securechat.chat.person import Person
from securechat.server.turn import Turn
from securechat.store.known_addresses import DAY_MS, REMEMBERED_MS
from securechat.store.rows import AddressForgotten, AddressKnown

REFRESHED_MS = DAY_MS  # so a login from a known network stores something once a day only
NETWORKS = 50  # of an account; a new one takes the place of the one that was used longest ago


def is_known(directory: Directory, network: str, now_ms: int) -> bool:
    """Whether anybody logged in from there. A clock that was set back makes nobody unknown."""
    return now_ms - directory.known_networks.get(network, -REMEMBERED_MS) < REMEMBERED_MS


def is_own(person: Person | None, network: str, now_ms: int) -> bool:
    """Whether this person did."""
    return person is not None and now_ms - person.networks.get(network, -REMEMBERED_MS) < REMEMBERED_MS


def remember(turn: Turn, person: Person, network: str) -> None:
    """The person logged in from this network; while nothing can be stored it is for the next login to remember."""
    if turn.failing or abs(turn.milliseconds - person.networks.get(network, -REFRESHED_MS)) < REFRESHED_MS:
        return
    if network not in person.networks and len(person.networks) >= NETWORKS:
        oldest = min(person.networks, key=lambda known: person.networks[known])
        turn.note(AddressForgotten(person.id, oldest))
        _forget(turn, person, oldest)
    turn.note(AddressKnown(person.id, network, turn.milliseconds))
    turn.put(person, "networks", network, turn.milliseconds)
    turn.put(turn.directory, "known_networks", network, turn.milliseconds)


def forget_all(turn: Turn, person: Person) -> None:
    """The account was deleted, and its rows with it."""
    for network in list(person.networks):
        _forget(turn, person, network)


def _forget(turn: Turn, person: Person, network: str) -> None:
    turn.drop(person, "networks", network)
    others = (one.networks[network] for one in turn.directory.people.values() if network in one.networks)
    newest = max(others, default=None)
    if newest is None:
        turn.drop(turn.directory, "known_networks", network)
    else:
        turn.put(turn.directory, "known_networks", network, newest)
