"""The form of a device token, and that no password has it."""

from __future__ import annotations

import pytest

from securechat.auth import tokens
from securechat.auth.passwords import WeakPassword, check_rule
from securechat.config import Auth


def test_a_token_is_256_bits_of_chance_in_a_form_of_its_own() -> None:
    made = {tokens.new() for _ in range(100)}
    assert len(made) == 100
    assert all(tokens.is_token(one) and len(one) == 47 for one in made)
    assert len({tokens.digest(one) for one in made}) == 100


@pytest.mark.parametrize(
    "text", ["", "sct_", "sct_" + "a" * 42, "sct_" + "a" * 44, "SCT_" + "a" * 43, "sct_" + "é" * 43, "sct_" + "+" * 43]
)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    assert not tokens.is_token(text)
    assert not tokens.is_token(f"{tokens.new()}\n")


def test_no_password_may_look_like_one() -> None:
    secret = tokens.new()
    with pytest.raises(WeakPassword, match="form of a device token") as caught:
        check_rule(secret, "ada", Auth())
    assert secret not in str(caught.value)
