"""This computer's device token in the profile: only its owner reads it, and what is broken counts as none."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from securechat.client.address import Address
from securechat.client.errors import ProfileError
from securechat.client.profile import Profile
from securechat.client.tokens import DeviceToken

HERE = Address("127.0.0.1", 6697)
TOKEN = DeviceToken("1f3a5c7e", "sct_secret")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return Profile(tmp_path / "profile")


def test_a_token_is_kept_for_one_account_on_one_server(profile: Profile) -> None:
    assert profile.token(HERE, "Ada").read() is None
    profile.token(HERE, "Ada").keep(TOKEN)
    assert Profile(profile.folder).token(HERE, "ada").read() == TOKEN
    assert profile.token(HERE, "bob").read() is None
    assert profile.token(Address("127.0.0.1", 6698), "ada").read() is None


def test_nobody_else_may_read_it(profile: Profile) -> None:
    profile.token(HERE, "ada").keep(TOKEN)
    [path] = (profile.folder / "tokens").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "secret" not in repr(TOKEN)


def test_it_is_forgotten_unless_another_is_kept_by_now(profile: Profile) -> None:
    file, newer = profile.token(HERE, "ada"), DeviceToken("00000000", "sct_newer")
    file.keep(newer)
    file.forget(TOKEN)
    assert file.read() == newer
    file.forget(newer)
    assert file.read() is None
    assert list((profile.folder / "tokens").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"id": "x"}', b"\xff"])
def test_what_cannot_be_read_counts_as_none(profile: Profile, content: bytes) -> None:
    file = profile.token(HERE, "ada")
    file.keep(TOKEN)
    [path] = (profile.folder / "tokens").iterdir()
    path.write_bytes(content)
    assert file.read() is None
    file.keep(TOKEN)
    assert file.read() == TOKEN


def test_a_folder_that_is_gone_is_named(profile: Profile) -> None:
    (profile.folder / "tokens").rmdir()
    with pytest.raises(ProfileError, match="profile"):
        profile.token(HERE, "ada").keep(TOKEN)
