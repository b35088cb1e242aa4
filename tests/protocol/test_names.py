"""What an account or a channel may be called, and when two names are the same."""

from __future__ import annotations

import pytest

from securechat.protocol import names


@pytest.mark.parametrize("name", ["a", "Ada", "a-b_c9", "a" * 32])
def test_an_account_may_be_called(name: str) -> None:
    assert names.is_account_name(name)


@pytest.mark.parametrize(
    "name", ["", "9a", "-a", "_a", "a" * 33, "a b", "a\n", "é", "a.b", "*", "#a", "\u0430", "a\0", "ª"]
)
def test_an_account_may_not_be_called(name: str) -> None:
    assert not names.is_account_name(name)


@pytest.mark.parametrize("name", ["#a", "#A", "##", "#ünïcode", "#日本", "#[x]", "#" + "x" * 63, "#😀"])
def test_a_channel_may_be_called(name: str) -> None:
    assert names.is_channel_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "#", "a", "&a", "#" + "x" * 64, "#" + "é" * 32, "# a", "#a,b", "#a:b", "#a\x07", "#a\r", "#a\n", "#a*", "#a?",
     "#a!b", "#a@b", "#a\x7f", "#lobby\u200b", "#\u202eybbol", "#a\u2028", "#a\x85", "#\ud800", "#a\u00a0b"],
)  # fmt: skip
def test_a_channel_may_not_be_called(name: str) -> None:
    assert not names.is_channel_name(name)


def test_only_ascii_letters_have_no_case() -> None:
    assert names.fold("#LobbyÉ[]") == "#lobbyÉ[]"
