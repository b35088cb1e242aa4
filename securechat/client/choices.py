"""How the person wants things to look, for the next time: a file of JSON in the profile, which only this reads."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from securechat.client.errors import ProfileError

log = logging.getLogger(__name__)


class Choices:
    """Trouble with the file ends no chat: at worst the person chooses again."""

    def __init__(self, path: Path, replace: Callable[[Path, str], None]) -> None:
        """`replace` writes a whole file, and raises ProfileError."""
        self._path = path
        self._replace = replace

    @property
    def light(self) -> bool | None:
        """Whether the full screen is light; None while nobody chose."""
        light = self._stored().get("light")
        return light if isinstance(light, bool) else None

    def choose(self, *, light: bool) -> None:
        try:
            self._replace(self._path, json.dumps(self._stored() | {"light": light}))
        except ProfileError as error:
            log.warning("%s", error)

    def _stored(self) -> dict[str, object]:
        """What is unreadable counts as never chosen."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            log.warning("cannot read %s: %s", self._path, type(error).__name__)
            return {}
        return stored if isinstance(stored, dict) else {}
