"""This computer's device token, which stands in the password's place, as the profile keeps it.

The secret is in the system's keyring where there is a real one, else in the file.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securechat.client import keyring
from securechat.client.errors import ProfileError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceToken:
    id: str  # names it to the server
    secret: str = field(repr=False)


class TokenFile:
    """Whether an account's token for one server is kept, and where: a file of its owner's alone. The one place for it.

    It holds `id` and `secret`, or `id` and that the keyring has the secret, or that the person does not want one.
    """

    def __init__(self, path: Path, replace: Callable[[Path, str], None]) -> None:
        """`replace` writes a whole file with mode 0600, and raises ProfileError."""
        self._path = path
        self._replace = replace
        self.trouble: str | None = None  # why the last `read` found nothing, if that is strange

    def read(self) -> DeviceToken | None:
        """What is unreadable counts as none: the password is asked for."""
        self.trouble = None
        try:
            return self._read()
        except FileNotFoundError:
            return None
        except keyring.KeyringError as error:
            self.trouble = str(error)
        except (OSError, ValueError, KeyError, TypeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is damaged"
            self.trouble = f"cannot read {str(self._path)!r}: {cause}"
        log.warning("%s", self.trouble)
        return None

    def _read(self) -> DeviceToken | None:
        stored = self._stored()
        if stored.get("declined"):
            return None
        ident = str(stored["id"])
        return DeviceToken(ident, keyring.read(self._name(ident)) if stored.get("keyring") else str(stored["secret"]))

    @property
    def declined(self) -> bool:
        """Whether the person said that this computer shall not be remembered."""
        try:
            return bool(self._stored().get("declined"))
        except (OSError, ValueError, TypeError):
            return False

    def keep(self, token: DeviceToken) -> str:
        """Says where its secret is now. Raises ProfileError."""
        try:
            keyring.keep(self._name(token.id), token.secret)
        except keyring.KeyringError as error:
            log.info("the device token is kept in a file: %s", error)
            self._replace(self._path, json.dumps({"id": token.id, "secret": token.secret}))
            return "in a file that only you may read"
        self._replace(self._path, json.dumps({"id": token.id, "keyring": True}))
        return "in the system's keyring"

    def decline(self) -> None:
        """Never ask again whether this computer shall be remembered. Raises ProfileError."""
        self._replace(self._path, json.dumps({"declined": True}))

    def forget(self, token: DeviceToken) -> None:
        """Unless another one is kept by now. Raises ProfileError."""
        if self.read() != token:
            return
        try:
            if self._stored().get("keyring"):
                keyring.delete(self._name(token.id))
        except keyring.KeyringError as error:
            log.warning("a token that is worth nothing stays in the keyring: %s", error)
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise ProfileError(f"cannot delete {str(self._path)!r}: {error.strerror}; delete it by hand") from error

    def _stored(self) -> dict[str, Any]:
        stored = json.loads(self._path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise TypeError
        return stored

    def _name(self, ident: str) -> str:
        """Of the secret in the keyring, which all profiles of this person share."""
        return f"{self._path.name} {ident}"
