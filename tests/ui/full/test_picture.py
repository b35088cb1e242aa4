"""The picture of the README shows what the program draws."""

from __future__ import annotations

import pytest

from .picture import NARROW, PICTURE, draw, texts


@pytest.fixture(autouse=True)
def in_colour(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)  # whoever runs the tests may have it; the picture is in colour
    monkeypatch.setenv("TZ", "UTC")


def test_the_picture_of_the_readme_is_what_is_drawn(tmp_path):
    """When this fails for a reason: python -m tests.ui.full.picture, and look at docs/full-screen.svg."""
    assert texts(draw(tmp_path)) == texts(PICTURE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("light", [False, True])
def test_a_small_picture_has_all_that_counts(tmp_path, light):
    drawn = " ".join(texts(draw(tmp_path, size=NARROW, light=light)))
    for words in ("▸#lobby", "#ops", "@1 2", "bob", "and then from home", "eve is typing", "TLS 1.3", "✓"):
        assert words in drawn
