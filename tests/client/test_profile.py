"""The client's folder: pins and places survive, crashes and broken files do no harm."""

import os
import stat
from datetime import UTC, date, datetime, timedelta

import pytest

from securechat.client.address import Address
from securechat.client.errors import ProfileError
from securechat.client.profile import Profile

HERE = Address("127.0.0.1", 6697)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PIN = "sha256:" + "a" * 64


@pytest.fixture
def profile(tmp_path):
    return Profile(tmp_path / "profile")


def test_the_newest_day_in_it_is_known(profile):
    assert profile.last_day() is None
    profile.remember(HERE, PIN, date(2026, 1, 3))
    assert profile.last_day() == date(2026, 1, 3)
    visit = profile.visit(HERE, "ada")
    visit.was_here(NOON)
    visit.save(at_once=True)
    assert profile.last_day() == NOON.date()


def test_places_survive_and_only_move_forward(profile):
    visit = profile.visit(HERE, "Ada")
    visit.was_here(NOON)
    visit.saw("#Lobby", NOON, "m2")
    visit.saw("#lobby", NOON - timedelta(seconds=1), "m1")
    visit.save(at_once=True)
    seen = profile.visit(HERE, "ada").seen
    assert seen.visited == NOON
    assert seen.places["#lobby"].msgid == "m2"
    assert profile.visit(HERE, "bob").seen.visited is None
    assert profile.visit(Address("::1"), "ada").seen.visited is None


def test_two_clients_of_one_account_keep_the_newer_of_each_place(profile):
    first, second = profile.visit(HERE, "ada"), profile.visit(HERE, "ada")
    first.saw("#lobby", NOON + timedelta(hours=1), "late")
    first.save(at_once=True)
    second.saw("#lobby", NOON, "early")
    second.saw("#ops", NOON, "ops")
    second.save(at_once=True)
    places = profile.visit(HERE, "ada").seen.places
    assert (places["#lobby"].msgid, places["#ops"].msgid) == ("late", "ops")


def test_it_is_saved_at_most_once_a_second(profile):
    visit = profile.visit(HERE, "ada")
    visit.was_here(NOON)
    visit.save()
    visit.was_here(NOON + timedelta(seconds=1))
    visit.save()
    assert profile.visit(HERE, "ada").visited == NOON
    visit.save(at_once=True)
    assert profile.visit(HERE, "ada").visited == NOON + timedelta(seconds=1)


def test_the_account_of_the_last_visit_is_known(profile):
    for name, day in (("ada", 1), ("bob", 3), ("eve", 2)):
        visit = profile.visit(HERE, name)
        visit.was_here(NOON.replace(day=day))
        visit.save(at_once=True)
    assert profile.last_account(HERE) == "bob"
    assert profile.last_account(Address("::1")) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"account": 1, "visited": "x", "targets": []}', "\0"])
def test_a_broken_file_counts_as_never_seen(profile, text):
    visit = profile.visit(HERE, "ada")
    visit.was_here(NOON)
    visit.save(at_once=True)
    (file,) = (profile.folder / "seen").iterdir()
    file.write_text(text)
    assert profile.visit(HERE, "ada").seen.visited is None
    assert profile.last_account(HERE) is None


def test_nobody_else_may_read_it(profile):
    profile.remember(HERE, PIN, date(2026, 1, 3))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (profile.folder, *profile.folder.iterdir())}
    folders = ("profile", "seen", "outbox", "tokens", "cas")
    assert modes == {**dict.fromkeys(folders, 0o700), "known_servers": 0o600}
    assert profile.was_open == []
    token = profile.folder / "tokens" / "localhost@ada"
    other = profile.folder / "not ours"
    for path, mode in ((token, 0o640), (other, 0o644)):
        path.touch()
        path.chmod(mode)
    profile.folder.chmod(0o755)
    assert Profile(profile.folder).was_open == [profile.folder, token]
    assert Profile(profile.folder).was_open == []
    assert [stat.S_IMODE(path.stat().st_mode) for path in (profile.folder, token, other)] == [0o700, 0o600, 0o644]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfileError, match="--profile-dir") as error:
        Profile(tmp_path / "file" / "profile")
    assert error.value.exit_status == 2
    assert os.fspath(tmp_path) in str(error.value)
