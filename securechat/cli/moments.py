"""Moments as commands print them, for people and programs alike."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(milliseconds: int) -> str:
    """`milliseconds` since the epoch in ISO 8601, to the second; its first ten characters are the date."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
