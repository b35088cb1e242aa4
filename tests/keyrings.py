"""Keyrings as a system may have them: one that works, one that is locked, one that never answers."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

PLACE = "SECURECHAT_TEST_KEYRING"  # the variable that names its file


class Working(KeyringBackend):
    """As real ones do it: for each service and name one secret."""

    priority = 5  # type: ignore[assignment]  # there it is a property of the class

    def get_password(self, service: str, username: str) -> str | None:
        return self._all().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write(self._all() | {f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        secrets = self._all()
        del secrets[f"{service}/{username}"]
        self._write(secrets)

    def _all(self) -> dict[str, str]:
        path = Path(os.environ[PLACE])
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _write(self, secrets: dict[str, str]) -> None:
        Path(os.environ[PLACE]).write_text(json.dumps(secrets))


class Locked(Working):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("the person said no")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"no {password}")


class Stuck(Working):
    def set_password(self, service: str, username: str, password: str) -> None:
        threading.Event().wait()


class Plain(Working):
    """A file in plain text, as keyrings.alt has them."""


Plain.__module__ = "keyrings.alt.file"
