"""This computer's device token, which stands in the password's place, as the profile keeps it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from securechat.client.errors import ProfileError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceToken:
    id: str  # names it to the server
    secret: str = field(repr=False)


class TokenFile:
    """Where an account's token for one server is kept: a file of its owner's alone. The one place for it."""

    def __init__(self, path: Path, replace: Callable[[Path, str], None]) -> None:
        """`replace` writes a whole file with mode 0600, and raises ProfileError."""
        self._path = path
        self._replace = replace

    def read(self) -> DeviceToken | None:
        """What is unreadable counts as none: the password is asked for."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            return DeviceToken(str(stored["id"]), str(stored["secret"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("cannot read %s: %s", self._path, type(error).__name__)
            return None

    def keep(self, token: DeviceToken) -> None:
        """Raises ProfileError."""
        self._replace(self._path, json.dumps({"id": token.id, "secret": token.secret}))

    def forget(self, token: DeviceToken) -> None:
        """Unless another one is kept by now. Raises ProfileError."""
        if self.read() != token:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise ProfileError(f"cannot delete {str(self._path)!r}: {error.strerror}; delete it by hand") from error
