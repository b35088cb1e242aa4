"""From where people logged in is known for a month, and known again after a restart."""

from __future__ import annotations

from securechat.server.known_addresses import NETWORKS
from securechat.store import known_addresses
from securechat.store.known_addresses import DAY_MS
from tests.core import CoreRun, Peer

DAY = DAY_MS / 1000


def come_from(run: CoreRun, address: str, name: str = "ada") -> Peer:
    peer = run.login(name, source=address)
    run.drop(peer)
    return peer


def networks(run: CoreRun, name: str = "ada") -> list[str]:
    person = run.core.directory.person(name)
    assert person is not None
    return list(person.networks)


def test_a_login_makes_its_network_known_for_30_days(run: CoreRun) -> None:
    assert not run.core.knows("192.0.2.1")
    come_from(run, "192.0.2.1")
    come_from(run, "2001:db8::7")
    assert run.core.knows("192.0.2.1")
    assert run.core.knows("2001:db8::/64")
    assert not run.core.knows("192.0.2.2")
    run.now += 29.9 * DAY
    assert run.core.knows("192.0.2.1")
    run.now += 0.2 * DAY
    assert not run.core.knows("192.0.2.1")


def test_a_failed_login_makes_nothing_known(run: CoreRun) -> None:
    peer = run.connect("192.0.2.1")
    run.say(peer, "CAP LS 302", "AUTHENTICATE PLAIN", "AUTHENTICATE AGFkYQB3cm9uZw==")
    assert " 904 " in peer.take()[-1]
    assert not run.core.knows("192.0.2.1")


def test_it_is_stored_once_a_day(run: CoreRun) -> None:
    come_from(run, "192.0.2.1")
    [first] = run.stored().known_addresses
    come_from(run, "192.0.2.1")
    assert run.stored().known_addresses == (first,)
    run.now += DAY
    come_from(run, "192.0.2.1")
    [second] = run.stored().known_addresses
    assert second.time - first.time >= DAY_MS
    assert run.held() == run.stored()


def test_a_login_does_not_fail_because_it_cannot_be_stored(run: CoreRun) -> None:
    run.writer.outcomes += ["failed"] * 3
    peer = run.connect_as("ada")
    assert not any(" FAIL " in line for line in peer.take())
    assert run.writer.commits["failed"] > 0
    assert not run.core.knows("127.0.0.1")
    run.writer.outcomes.clear()
    run.connect_as("ada")
    assert run.core.knows("127.0.0.1")
    assert run.held() == run.stored()


def test_the_network_used_longest_ago_gives_way(run: CoreRun) -> None:
    for number in range(NETWORKS + 1):
        come_from(run, f"192.0.2.{number}")
    assert len(networks(run)) == NETWORKS
    assert not run.core.knows("192.0.2.0")
    assert run.core.knows("192.0.2.1")
    assert run.held() == run.stored()


def test_a_network_stays_known_for_another_s_sake(run: CoreRun) -> None:
    for name in ("ada", "bob"):
        come_from(run, "192.0.2.1", name)
    for name, known in (("ada", True), ("bob", False)):
        run.accounts.delete(name)
        run.look()
        assert run.core.knows("192.0.2.1") is known
    assert run.stored().known_addresses == ()
    assert run.held() == run.stored()


def test_it_is_known_again_after_a_restart(run: CoreRun) -> None:
    come_from(run, "192.0.2.1")
    come_from(run, "192.0.2.1", "bob")
    assert run.fresh().known_networks == run.core.directory.known_networks


def test_what_counts_no_longer_is_forgotten_at_the_start(run: CoreRun) -> None:
    """The clock of the test runs years ago."""
    come_from(run, "192.0.2.1")
    with run.database.write() as connection:
        known_addresses.prune(connection)
    assert run.stored().known_addresses == ()
