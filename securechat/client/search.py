"""Searching what was said: what is looked for, how it is asked, and page by page the newest that match.

Source: soju.im/search. Its `after` would bring the oldest matches behind a moment; people want the newest, so pages go
backwards by `before`, and end where `since` is reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from securechat.client import messages, replies
from securechat.client.events import Event, Found, Said
from securechat.client.history import moment
from securechat.client.messages import Known
from securechat.errors import SecurechatError
from securechat.protocol.message import Message, escape

CAPABILITY = "soju.im/search"
NEEDED = frozenset({CAPABILITY, "labeled-response", "batch"})
PAGE = 100
LIMIT = 50
MOST = 10_000

_NAMES = "in|from|since|until|limit"
_SELECTOR = re.compile(rf"\s(?:--(?P<flag>{_NAMES})(?:=|\s+)|(?P<key>{_NAMES}):)(?P<value>\S+)")
_AGO = re.compile(r"(\d{1,6})(min|m|h|d|w)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONG_AGO = timedelta(days=365 * 50)

Ask = Callable[[Callable[[list[Message]], None], str], None]


class SearchUsage(SecurechatError):
    exit_status = 2


@dataclass(frozen=True, slots=True)
class Query:
    """The newest `limit` messages that match all that is given."""

    text: str = field(default="", repr=False)
    target: str | None = None
    sender: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = LIMIT

    def written(self, until: datetime | None, limit: int) -> str:
        """As the parameter of SEARCH."""
        attributes: Mapping[str, str | None] = {
            "text": self.text or None,
            "in": self.target,
            "from": self.sender,
            "before": moment(until) if until else None,
            "limit": str(limit),
        }
        return ";".join(f"{name}={escape(value)}" for name, value in attributes.items() if value is not None)


def read_query(written: str, now: datetime) -> Query | None:
    """As people type it: words, and anywhere between them `in:#x`, `from:bob`, `since:30d`, `until:` and `limit:`.

    `--in #x` and `--in=#x` are the same. None when nothing is looked for. Raises SearchUsage.
    """
    found = {match["flag"] or match["key"]: match["value"] for match in _SELECTOR.finditer(f" {written}")}
    words = " ".join(_SELECTOR.sub("", f" {written}").split())
    query = Query(
        words,
        found.get("in"),
        found.get("from"),
        read_moment(found["since"], now) if "since" in found else None,
        read_moment(found["until"], now) if "until" in found else None,
        read_limit(found["limit"]) if "limit" in found else LIMIT,
    )
    return query if words or found else None


def read_moment(written: str, now: datetime) -> datetime:
    """`30d`, `12h`, `45m`, `2w` ago, or a local date, with a time or without one. Raises SearchUsage."""
    if ago := _AGO.fullmatch(written):
        return now - min(timedelta(**{_UNITS[ago[2]]: int(ago[1])}), _LONG_AGO)
    try:
        return datetime.fromisoformat(written).astimezone()
    except (ValueError, OverflowError):
        raise SearchUsage(
            f"{written!r} is no time; give one as 30d, 12h, 45m, 2026-03-01 or 2026-03-01T14:00"
        ) from None


def read_limit(written: str) -> int:
    """Raises SearchUsage."""
    if written.isascii() and written.isdigit() and 0 < int(written[:6]) <= MOST and len(written) <= 5:
        return int(written)
    raise SearchUsage(f"{written!r} is no number of lines; give one from 1 to {MOST}")


class Searching:
    """One search under way; `tell` gets one Found when it is over."""

    def __init__(self, query: Query, own_nick: str, ask: Ask, tell: Callable[[Event], None]) -> None:
        self._query = query
        self._own_nick = own_nick
        self._ask = ask
        self._tell = tell
        self._page = min(PAGE, query.limit)
        self._lines: list[Said] = []  # newest first
        self._known = Known()

    def ask_next(self) -> None:
        until = self._lines[-1].time if self._lines else self._query.until  # that moment itself is asked for again
        self._ask(self._answered, self._query.written(until, self._page))

    def _answered(self, answers: list[Message]) -> None:
        error = next((message for message in answers if replies.is_error(message)), None)
        page = [said for message in answers if (said := messages.read(message, self._own_nick)) is not None]
        new = [said for said in page if self._known.is_new(said) and self._is_recent(said)]
        self._lines += reversed(new)
        if new and len(page) >= self._page and self._is_recent(page[0]) and len(self._lines) < self._query.limit:
            self.ask_next()
        else:
            lines = tuple(reversed(self._lines[: self._query.limit]))
            self._tell(Found(lines, replies.reason(error) if error is not None else ""))

    def _is_recent(self, said: Said) -> bool:
        return self._query.since is None or (said.time is not None and said.time >= self._query.since)
