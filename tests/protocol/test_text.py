"""What of a remote text reaches a terminal, and how a long text becomes messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.protocol.text import printable, split

SHOWN = [
    ("plain", "plain"),
    ("\x02bold\x0f \x1funder\x1d", "bold under"),
    ("\x0304,12red\x03 \x04ff0000,00ff00x", "red x"),
    ("\x1b[2J", "\\x1b[2J"),
    ("a\x07b\x7f\x9b", "a\\x07b\\x7f\\x9b"),
    ("é 日本 😀", "é 日本 😀"),
    ("\u202egnp.exe", "\\u202egnp.exe"),
    ("a\u2028b", "a\\u2028b"),
    ("\ud800", "\\ud800"),
    ("a" + "\u0301" * 10, "a" + "\u0301" * 4),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
def test_a_remote_text_is_shown_as(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_a_terminal_obeys_gets_through(text: str) -> None:
    assert not [one for one in printable(text) if ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0]


FLAG = "\U0001f1e9\U0001f1ea"
FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("text", "budget", "pieces"),
    [
        ("", 10, [""]),
        ("short", 10, ["short"]),
        ("one two three", 8, ["one two ", "three"]),
        ("onetwothree", 4, ["onet", "woth", "ree"]),
        ("ééé", 4, ["éé", "é"]),
        ("aaa" + "e\u0301" * 2, 5, ["aaa", "e\u0301", "e\u0301"]),
        (FLAG * 2, 12, [FLAG, FLAG]),
        ("xx" + FAMILY, 19, ["xx", FAMILY]),
        ("x👍🏽", 8, ["x", "👍🏽"]),
        ("👍🏽", 7, ["👍", "🏽"]),
    ],
)
def test_a_text_is_cut_at_words_and_never_inside_a_character(text: str, budget: int, pieces: list[str]) -> None:
    assert list(split(text, budget)) == pieces


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("a é👍🏽\u200d\u0301🇩🇪"), st.integers(4, 40))
def test_the_pieces_joined_are_the_text_and_each_fits(text: str, budget: int) -> None:
    pieces = list(split(text, budget))
    assert "".join(pieces) == text
    assert all(len(piece.encode()) <= budget for piece in pieces)
