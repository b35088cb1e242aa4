"""Codes of a second factor: their form, the time they count for, and how they stand behind a password."""

from __future__ import annotations

import base64
import re

import pyotp
import pytest

from securechat.auth import totp

# The vectors of RFC 6238, appendix B, for SHA-1, with the last six of their eight digits.
SECRET = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
RECOVERY_CODE = "abcd-efgh-ijkl-mn27"


@pytest.mark.parametrize(("now", "code"), VECTORS)
def test_the_codes_are_the_standards(now: int, code: str) -> None:
    assert totp.step(SECRET, code, now) == now // 30


@pytest.mark.parametrize(("off", "counts"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off_either_way(off: int, counts: bool) -> None:
    now = 1_700_000_000
    found = totp.step(SECRET, pyotp.TOTP(SECRET).at(now + off), now)
    assert found == ((now + off) // 30 if counts else None)


def test_the_beginning_of_time_has_codes_too() -> None:
    assert totp.step(SECRET, pyotp.TOTP(SECRET).at(0), 0.5) == 0


@pytest.mark.parametrize(
    ("given", "password", "code"),
    [
        ("horse:123456", "horse", "123456"),
        ("horse", "horse", ""),
        ("horse:12345", "horse:12345", ""),
        ("horse:1234567", "horse:1234567", ""),
        ("horse:١٢٣٤٥٦", "horse:١٢٣٤٥٦", ""),  # digits, but not those
        ("horse:123456\n", "horse:123456\n", ""),
        ("horse:123456:654321", "horse:123456", "654321"),
        ("a:b:123456", "a:b", "123456"),
        (":123456", ":123456", ""),
        ("123456", "123456", ""),
        (f"horse:{RECOVERY_CODE}", "horse", RECOVERY_CODE),
        (f"horse:{RECOVERY_CODE.upper()}", "horse", RECOVERY_CODE.upper()),
        ("horse:abcdefghijklmn27", "horse", "abcdefghijklmn27"),
        ("horse:abcd-efgh-ijkl-mn28", "horse:abcd-efgh-ijkl-mn28", ""),
        ("horse:abcd-efgh-ijkl", "horse:abcd-efgh-ijkl", ""),
        ("", "", ""),
    ],
)
def test_a_code_stands_behind_the_last_colon(given: str, password: str, code: str) -> None:
    assert totp.split(given) == (password, code)


def test_recovery_codes_are_ten_of_80_bits_and_known_however_they_are_written() -> None:
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code)
        assert totp.split(f"x:{code}") == ("x", code)
        assert len({totp.digest(code), totp.digest(code.upper()), totp.digest(code.replace("-", ""))}) == 1
    assert len({totp.digest(code) for code in codes}) == 10


def test_an_app_reads_the_account_and_the_network() -> None:
    read = pyotp.parse_uri(totp.uri(SECRET, "ada", "Our team"))
    assert (read.secret, read.name, read.issuer) == (SECRET, "ada", "Our team")


def test_no_two_secrets_are_the_same() -> None:
    made = {totp.new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(base64.b32decode(one)) == 20 for one in made)
