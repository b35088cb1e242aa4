"""How CAP lists capabilities, and what a request makes of them."""

from __future__ import annotations

import pytest

from securechat.protocol import capabilities
from securechat.protocol.capabilities import BATCH, MESSAGE_TAGS, SASL


def test_old_clients_are_shown_neither_values_nor_drafts() -> None:
    words = capabilities.listed(0, "PLAIN")
    assert "sasl" in words
    assert not [word for word in words if "=" in word or word.startswith("draft/")]


def test_302_shows_everything_with_its_values() -> None:
    words = capabilities.listed(302, "PLAIN")
    assert "sasl=PLAIN" in words
    assert len(words) == len(capabilities.CAPABILITIES)


def test_a_plain_list_is_one_line_below_512_bytes() -> None:
    (line,) = capabilities.in_lines(capabilities.listed(0, "PLAIN"))
    assert len(f":{'s' * 63} CAP {'n' * 32} LS :{line}\r\n") <= 512


@pytest.mark.parametrize(
    ("words", "lines"),
    [((), [""]), (("a",), ["a"]), (("a", "b"), ["a b"]), (("x" * 399, "y"), ["x" * 399, "y"]), (("x" * 398, "y"), 1)],
)
def test_words_go_into_as_few_lines_as_fit(words: list[str], lines: list[str] | int) -> None:
    found = list(capabilities.in_lines(words))
    assert found == lines or len(found) == lines
    assert all(len(line) <= capabilities.LIST_BYTES for line in found)


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        ("", BATCH, BATCH),
        ("sasl", 0, SASL),
        ("sasl batch", MESSAGE_TAGS, SASL | BATCH | MESSAGE_TAGS),
        ("-batch", BATCH | SASL, SASL),
        ("-batch", 0, 0),
        ("batch -batch", 0, 0),
        ("sasl unknown", 0, None),
        ("SASL", 0, None),
        ("sasl=PLAIN", 0, None),
        ("--sasl", 0, None),
        ("-", 0, None),
    ],
)
def test_a_request_is_taken_as_a_whole_or_not_at_all(words: str, before: int, after: int | None) -> None:
    assert capabilities.requested(words, before) == after


def test_names_are_those_of_the_bits() -> None:
    assert capabilities.names(BATCH | SASL) == ("batch", "sasl")
