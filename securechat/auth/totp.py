"""A second factor: six digits that an app makes of a secret and the time, and recovery codes for when it is lost.

Source: RFC 6238, with what every app takes: SHA-1, 30 seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

import pyotp

STEP_SECONDS = 30
DRIFT = 1  # steps that a device's clock may be off, either way
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # 16 characters: nobody guesses one, so that its plain digest may be stored
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY_CODE = re.compile(r"[A-Za-z2-7]{4}(-?[A-Za-z2-7]{4}){3}")


def new_secret() -> str:
    """160 random bits in base32, as apps take it."""
    return pyotp.random_base32()


def uri(secret: str, account: str, network: str) -> str:
    """What a QR code for an app says; it holds the secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=network)


def split(password: str) -> tuple[str, str]:
    """What was given as password: the password, and the code behind its last colon, empty where none is."""
    head, _, tail = password.rpartition(":")
    return (head, tail) if head and (is_code(tail) or _RECOVERY_CODE.fullmatch(tail)) else (password, "")


def is_code(text: str) -> bool:
    """Whether it has the form of an app's code, rather than of a recovery code."""
    return _CODE.fullmatch(text) is not None


def step(secret: str, code: str, now: float) -> int | None:
    """The time step whose code this is, by a clock that is about right; `now` is seconds since the epoch."""
    made = pyotp.TOTP(secret)
    current = int(now // STEP_SECONDS)
    near = range(max(0, current - DRIFT), current + DRIFT + 1)
    return max((one for one in near if hmac.compare_digest(made.generate_otp(one), code)), default=None)


def new_recovery_codes() -> list[str]:
    return [_grouped(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]


def digest(recovery_code: str) -> str:
    """What to store of it; the same however it is written."""
    return hashlib.sha256(recovery_code.replace("-", "").lower().encode()).hexdigest()


def _grouped(code: bytes) -> str:
    text = base64.b32encode(code).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))
