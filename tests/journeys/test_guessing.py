"""Guessing passwords gets nobody far, keeps no owner out, and tells nothing. `scripts/hostile.py` measures the rest."""

from __future__ import annotations

import pytest

from tests.hostile.guesses import compare, guess
from tests.running import Server


@pytest.mark.parametrize("addresses", [1, 60])
def test_so_many_guesses_are_checked_and_no_more_though_the_server_is_killed(server: Server, addresses: int) -> None:
    figures = guess(server, [f"127.4.0.{number + 1}" for number in range(addresses)], 240)
    assert figures.held, figures
    assert figures.checked == (16 if addresses == 1 else 80), figures  # the last fifth is kept for who is known
    assert figures.refused == 240 - figures.checked


def test_a_refusal_tells_neither_by_its_bytes_nor_by_its_time_whether_there_is_such_an_account(server: Server) -> None:
    times = compare(server, 200)
    assert times.held, times
