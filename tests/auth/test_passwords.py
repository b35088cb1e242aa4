"""Hashes and the rule; at the lowest cost, which is 4 rounds."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from securechat.auth import passwords
from securechat.auth.passwords import WeakPassword
from securechat.config import Auth

ROUNDS = 4


def test_a_hash_is_of_one_password_only() -> None:
    stored = passwords.hash("correct horse", ROUNDS)
    assert passwords.check("correct horse", stored)
    for wrong in ("correct hors", "Correct horse", "correct horse ", ""):
        assert not passwords.check(wrong, stored)
    assert stored != passwords.hash("correct horse", ROUNDS)
    assert stored.startswith(b"v1$$2b$04$")


def test_every_byte_of_a_long_password_counts() -> None:
    stored = passwords.hash("x" * 1000 + "a", ROUNDS)
    assert passwords.check("x" * 1000 + "a", stored)
    assert not passwords.check("x" * 1000 + "b", stored)


def test_a_password_is_the_same_however_it_is_composed() -> None:
    composed, combining = "caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"
    assert passwords.check(combining, passwords.hash(composed, ROUNDS))
    assert not passwords.check("cafe creme", passwords.hash(composed, ROUNDS))


def test_what_is_no_text_matches_nothing() -> None:
    assert not passwords.check("\ud800", passwords.hash("correct horse", ROUNDS))


def test_nothing_matches_the_dummy_and_it_has_the_same_cost() -> None:
    assert not passwords.check("correct horse", passwords.dummy(ROUNDS))
    assert passwords.dummy(12).startswith(b"v1$$2b$12$")
    assert len(passwords.dummy(ROUNDS)) == len(passwords.hash("x", ROUNDS))


def test_a_wrong_password_takes_as_long_for_an_account_of_a_lower_cost() -> None:
    old = passwords.hash("correct horse", 4)
    expected = cpu_seconds(lambda: passwords.check("wrong", passwords.dummy(9), 9))
    assert 0.6 < cpu_seconds(lambda: passwords.check("wrong", old, 9)) / expected < 1.7
    assert cpu_seconds(lambda: passwords.check("correct horse", old, 9)) < expected / 8


def cpu_seconds(call: Callable[[], object]) -> float:
    """The least of five."""
    seconds = []
    for _ in range(5):
        began = time.thread_time()
        call()
        seconds.append(time.thread_time() - began)
    return min(seconds)


def test_another_cost_asks_for_a_new_hash() -> None:
    stored = passwords.hash("correct horse", ROUNDS)
    assert not passwords.needs_rehash(stored, ROUNDS)
    assert passwords.needs_rehash(stored, ROUNDS + 1)


def test_a_hash_of_another_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown form"):
        passwords.check("x", b"$2b$04$abc")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("", "at least 8"),
        ("seven77", "at least 8"),
        ("e\u0301" * 7, "at least 8"),
        ("x" * 1025, "at most 1024 bytes"),
        ("ä" * 513, "at most 1024 bytes"),
        ("password", "most common"),
        ("PassWord1", "most common"),
        ("12345678", "most common"),
        ("qwertyuiop", "most common"),
        ("abcdefgh", "most common"),
        (" " * 9, "most common"),
        ("z" * 40, "most common"),
        ("AdaLovelace", "the account's name"),
        ("with\x00nul byte", "cannot be typed"),
        ("two\nlines long", "cannot be typed"),
        ("lone \ud800 surrogate", "cannot be typed"),
    ],
)
def test_a_weak_password_is_refused_with_what_is_expected(password: str, expected: str) -> None:
    with pytest.raises(WeakPassword, match=expected) as caught:
        passwords.check_rule(password, "adalovelace", Auth())
    assert password in ("", "password") or password not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "x7!kQ2_p", "пароль-длинный", "ä" * 100 + "b", "aaaaaaab"]
)
def test_a_decent_password_is_taken_whatever_it_is_made_of(password: str) -> None:
    passwords.check_rule(password, "ada", Auth())


def test_the_rule_can_be_set() -> None:
    passwords.check_rule("password", "ada", Auth(refuse_common_passwords=False))
    with pytest.raises(WeakPassword, match="at least 15"):
        passwords.check_rule("x7!kQ2_p", "ada", Auth(min_password_length=15))
