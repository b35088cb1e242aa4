"""File names that every file system takes; different texts give different names."""

from __future__ import annotations

import re


def of(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", lambda match: f"_{ord(match.group()):x}_", text)


def text(name: str) -> str:
    """What `of` made it from."""
    return re.sub(r"_([0-9a-f]+)_", lambda match: chr(int(match[1], 16)), name)
