"""A message of several lines as one text, and its lines again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.protocol.multiline import Piece, extent_of, longest_line, pieces_of, size_of, text_of


@pytest.mark.parametrize(
    "pieces",
    [
        [Piece("one")],
        [Piece("one"), Piece("two")],
        [Piece(""), Piece("two", concat=True), Piece("")],
        [Piece("a"), Piece("b", concat=True), Piece("c", concat=True), Piece(""), Piece("d")],
    ],
)
def test_a_stored_text_gives_back_its_lines(pieces: list[Piece]) -> None:
    assert list(pieces_of(text_of(pieces))) == pieces


def test_a_line_feed_counts_and_a_cut_does_not() -> None:
    assert size_of([Piece("ab")]) == 2
    assert size_of([Piece("ab"), Piece("é")]) == 5
    assert size_of([Piece("ab"), Piece("é", concat=True)]) == 4


def test_the_longest_line_counts_in_bytes() -> None:
    assert longest_line("éé") == 4
    assert longest_line("a\nbcdef\réé") == 5


@given(st.text("a\u00e9\r\n", max_size=12))
def test_the_extent_of_a_text_is_that_of_its_lines(text: str) -> None:
    pieces = list(pieces_of(text))
    assert extent_of(text) == (len(pieces), size_of(pieces))
