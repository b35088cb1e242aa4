"""Whether this computer's clock can be right: certificates are judged by it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from securechat import RELEASED

ZONES = timedelta(days=1)  # the same moment has two dates


def shown() -> str:
    """As the person sees it in a corner of the screen."""
    return f"{datetime.now():%Y-%m-%d %H:%M}"


def doubt(used: date | None = None) -> str | None:
    """Why the clock cannot be right, None if it can. `used`: a day on which this person's profile was used."""
    latest = datetime.now().date() + ZONES
    if latest < RELEASED:
        return f"this securechat was made in {RELEASED:%B %Y}"
    if used is not None and latest < used:
        return f"securechat was used here on {used}"
    return None
