"""The numerics: each number has one name, and each fixed text belongs to one of them."""

from __future__ import annotations

import re

from securechat.protocol import numerics

NAMED = {name: value for name, value in vars(numerics).items() if name.startswith(("RPL_", "ERR_"))}


def test_each_numeric_has_three_digits_and_one_name() -> None:
    assert all(re.fullmatch(r"\d{3}", value) for value in NAMED.values())
    assert len(set(NAMED.values())) == len(NAMED)


def test_each_text_belongs_to_a_numeric_and_fits_its_line() -> None:
    assert set(numerics.TEXTS) <= set(NAMED.values())
    assert all(text.isprintable() and 0 < len(text) < 100 for text in numerics.TEXTS.values())


def test_each_error_has_its_text_unless_the_text_depends_on_the_case() -> None:
    without = {name for name, value in NAMED.items() if name.startswith("ERR_") and value not in numerics.TEXTS}
    assert without == {"ERR_INVALIDMODEPARAM"}
