"""Masks of bans, exceptions and invitations: `nick!user@host` with `*` and `?`."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache

from securechat.protocol.names import fold


def normalised(mask: str) -> str:
    """A mask with all three parts: `bob` is `bob!*@*`, `*@host` is `*!*@host`."""
    if "@" not in mask:
        return mask + "@*" if "!" in mask else mask + "!*@*"
    return mask if "!" in mask else "*!" + mask


def matches(mask: str, source: str) -> bool:
    return _pattern(fold(mask)).match(fold(source)) is not None


@lru_cache(maxsize=4096)
def _pattern(mask: str) -> re.Pattern[str]:
    """Runs of `*` are one, so that a mask of many stars cannot make the match slow."""
    single = re.sub(r"\*+", "*", mask)
    return re.compile(fnmatch.translate(single.replace("[", "[[]")))
