"""How things shall look survives; a broken file, or one that cannot be written, does no harm."""

import stat

import pytest

from securechat.client.profile import Profile


@pytest.fixture
def profile(tmp_path):
    return Profile(tmp_path / "profile")


def test_what_was_chosen_is_known_next_time(profile):
    assert profile.choices.light is None
    for light in (True, False):
        profile.choices.choose(light=light)
        assert Profile(profile.folder).choices.light is light
    assert stat.S_IMODE((profile.folder / "choices.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"light": "yes"}', "\0", "[" * 100_000, b"\xff"])
def test_a_broken_file_counts_as_never_chosen_and_is_mended_by_the_next_choice(profile, text):
    (profile.folder / "choices.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert profile.choices.light is None
    profile.choices.choose(light=True)
    assert profile.choices.light is True


def test_what_a_newer_client_chose_besides_stays(profile):
    (profile.folder / "choices.json").write_text('{"light": true, "font": "large"}')
    profile.choices.choose(light=False)
    assert '"font": "large"' in (profile.folder / "choices.json").read_text()


def test_a_file_that_cannot_be_used_ends_nothing(profile, caplog):
    (profile.folder / "choices.json").mkdir()
    profile.choices.choose(light=True)
    assert profile.choices.light is None
    assert "cannot read" in caplog.text
    assert "cannot use the profile" in caplog.text
