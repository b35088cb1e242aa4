"""Known servers survive, and what is damaged is neither a changed key nor an unknown server."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from securechat.client.address import Address
from securechat.client.errors import ProfileError
from securechat.client.known_servers import KnownServer, KnownServers
from securechat.client.profile import Profile

HERE = Address("127.0.0.1", 6697)
THERE = Address("::1")
PIN = "sha256:" + "a" * 64
OTHER_PIN = "sha256:" + "b" * 64


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "known_servers"


@pytest.fixture
def known_servers(file: Path) -> KnownServers:
    return Profile(file.parent).known_servers


def test_a_remembered_key_is_found_again_with_its_date_and_line(known_servers: KnownServers, file: Path) -> None:
    known_servers.remember(THERE, PIN, date(2026, 1, 2))
    known_servers.remember(HERE, PIN, date(2026, 1, 3))
    assert known_servers.find(HERE) == KnownServer(HERE, PIN, None, date(2026, 1, 3), f"line 2 of {file}")
    assert known_servers.find(Address("127.0.0.1", 6698)) is None
    assert [one.address for one in known_servers.all()] == [THERE, HERE]


def test_a_new_key_replaces_the_old_one(known_servers: KnownServers) -> None:
    known_servers.remember(HERE, PIN, date(2026, 1, 3))
    known_servers.remember(HERE, OTHER_PIN, date(2026, 1, 4))
    assert [(one.pin, one.since) for one in known_servers.all()] == [(OTHER_PIN, date(2026, 1, 4))]


def test_a_ca_and_a_pin_replace_one_another(known_servers: KnownServers) -> None:
    known_servers.remember_ca(HERE, "PEM", date(2026, 1, 3))
    known = known_servers.find(HERE)
    assert known is not None
    assert known.ca is not None
    assert (known.pin, known.ca.read_text()) == (None, "PEM")
    known_servers.remember(HERE, PIN, date(2026, 1, 4))
    assert [(one.pin, one.ca) for one in known_servers.all()] == [(PIN, None)]


def test_a_forgotten_key_is_unknown_and_the_others_stay(known_servers: KnownServers) -> None:
    known_servers.remember(HERE, PIN, date(2026, 1, 3))
    known_servers.remember(THERE, PIN, date(2026, 1, 3))
    assert known_servers.forget(HERE)
    assert not known_servers.forget(HERE)
    assert [one.address for one in known_servers.all()] == [THERE]


@pytest.mark.parametrize("rest", ["", PIN, f"{PIN} yesterday", f"{PIN[:-1]} 2026-01-02", f"{PIN} 2026-01-02 x"])
def test_a_damaged_line_is_named_until_it_is_forgotten(known_servers: KnownServers, file: Path, rest: str) -> None:
    known_servers.remember(THERE, PIN, date(2026, 1, 2))
    with file.open("a") as opened:
        opened.write(f"{HERE} {rest}\n")
    with pytest.raises(ProfileError, match=f"line 2 of .* is damaged.*securechat trust forget {HERE}"):
        known_servers.find(HERE)
    assert known_servers.find(THERE) is not None
    assert known_servers.last_day() == date(2026, 1, 2)
    assert known_servers.forget(HERE)
    assert [one.address for one in known_servers.all()] == [THERE]


def test_a_file_that_is_no_text_is_named(known_servers: KnownServers, file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileError, match="is damaged: it is not UTF-8"):
        known_servers.find(HERE)
