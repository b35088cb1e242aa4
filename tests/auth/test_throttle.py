"""How many guesses are checked, and when the next one may be."""

from __future__ import annotations

import pytest

from securechat.auth.throttle import Throttle, Times, Window, key_of
from securechat.config import Limits
from securechat.store.rows import LoginFailed

NOW = 1_700_000_000_000
MINUTE = 60_000
WINDOW = Window(10, 10 * MINUTE)  # 8 of them for everyone


def ago(*minutes: float) -> Times:
    return tuple(NOW - int(minute * MINUTE) for minute in minutes)


@pytest.mark.parametrize(
    ("times", "known", "minutes"),
    [
        ((), False, 0),
        (ago(*range(8, 1, -1)), False, 0),
        (ago(*range(9, 1, -1)), False, 1),
        (ago(*range(9, 1, -1)), True, 0),
        (ago(*[9.5, 9.25], *[1] * 7), False, 0.75),
        (ago(*[9.5], *[1] * 9), True, 0.5),
        (ago(*[0] * 10), True, 10),
        (ago(*[10] * 20), False, 0),
        (ago(*[-1] * 20), False, 0),
    ],
    ids=[
        "none",
        "fewer",
        "full",
        "kept-for-the-known",
        "second-oldest",
        "oldest",
        "all-now",
        "all-over",
        "clock-set-back",
    ],
)
def test_the_next_one_may_be_checked_when_the_oldest_that_fills_the_window_has_left_it(
    times: Times, known: bool, minutes: float
) -> None:
    assert WINDOW.delay(times, NOW, known=known) == minutes * MINUTE


def test_an_allowance_of_one_is_for_everyone() -> None:
    assert Window(1, MINUTE).delay((), NOW, known=False) == 0
    assert Window(1, MINUTE).delay((NOW,), NOW, known=False) == MINUTE


def failures(number: int, account: str = "ada", network: str = "192.0.2.1") -> list[LoginFailed]:
    return [LoginFailed(NOW, account, network)] * number


def test_both_the_account_and_the_network_must_have_room() -> None:
    throttle = Throttle(Limits(), failures(16))
    guess = LoginFailed(NOW, "ada", "192.0.2.1")
    assert throttle.delay(guess, own=False, known=False) == 10 * MINUTE
    assert throttle.delay(guess, own=False, known=True) == 0
    assert throttle.delay(guess._replace(network="192.0.2.2"), own=False, known=False) == 0
    throttle = Throttle(Limits(), [one for number in range(8) for one in failures(10, network=f"192.0.2.{number}")])
    guess = LoginFailed(NOW, "ada", "192.0.2.99")
    assert throttle.delay(guess, own=False, known=False) == 60 * MINUTE
    assert throttle.delay(guess, own=True, known=True) == 0
    assert throttle.delay(guess._replace(account="bob"), own=False, known=False) == 0


def test_names_are_counted_in_one_spelling_and_what_cannot_be_one_together() -> None:
    assert key_of("ada") == key_of("ADA") != key_of("nobody")
    assert {key_of(name) for name in ("#lobby", "", "x" * 4000, "é")} == {""}


def test_what_is_stored_of_a_name_is_too_short_to_be_read() -> None:
    """It may be somebody's password."""
    assert len(key_of("correct-horse-battery")) == 8
    assert "correct" not in key_of("correct-horse-battery")
