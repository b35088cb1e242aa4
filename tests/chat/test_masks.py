"""Masks mean what a shell's patterns mean, without brackets, and no mask is slow."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from securechat.chat.masks import matches, normalised


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_a_mask_matches_what_a_shell_s_pattern_matches(mask: str, source: str) -> None:
    assert matches(mask, source) == fnmatch.fnmatchcase(source, mask)


@pytest.mark.parametrize(
    ("mask", "source", "matched"),
    [
        ("BOB!*@*", "bob!bob@u2.x", True),
        ("*!*@u2.x", "bob!bob@u2.x", True),
        ("*!*@u2", "bob!bob@u2.x", False),
        ("b?b!*", "bob!bob@u2.x", True),
        ("[ab]*", "a!a@x", False),
        ("[ab]*", "[ab]c", True),
        ("a.c", "abc", False),
        ("*", "", True),
        ("", "a", False),
        ("É*", "éa", False),
    ],
)
def test_a_mask_matches(mask: str, source: str, matched: bool) -> None:
    assert matches(mask, source) == matched


@pytest.mark.parametrize("mask", ["*a" * 100 + "b", "*?" * 100 + "b", "*" * 200 + "b", "?*" * 50 + "x"])
def test_no_mask_is_slow(mask: str) -> None:
    began = time.perf_counter()
    for _ in range(100):
        matches(mask, "a" * 110)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    ("mask", "whole"),
    [("bob", "bob!*@*"), ("*@host", "*!*@host"), ("bob!x", "bob!x@*"), ("a!b@c", "a!b@c"), ("", "!*@*")],
)
def test_a_mask_has_three_parts(mask: str, whole: str) -> None:
    assert normalised(mask) == whole
