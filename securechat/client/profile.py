"""The client's folder: which servers' keys are known, and what each account has seen. Files are 0600, folders 0700.

`known_servers` has a line for each server, `cas/` a file for each that a CA vouches for. `seen/` has a file for each
server and account, `tokens/` one where the person said whether this computer is remembered, `outbox/` one for each
client that runs. `choices.json` is how the person wants things to look.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from securechat.client import file_names
from securechat.client.address import Address, parse
from securechat.client.choices import Choices
from securechat.client.errors import ProfileError
from securechat.client.history import Places, Seen, read_time
from securechat.client.known_servers import KnownServer, KnownServers
from securechat.client.permissions import tighten
from securechat.client.tokens import TokenFile
from securechat.protocol.names import fold

if TYPE_CHECKING:
    from securechat.client.spool import Spool

log = logging.getLogger(__name__)

SAVE_EVERY = 1.0
FOLDERS = ("seen", "outbox", "tokens", "cas")
OWN = ("known_servers", "choices.json", "client.log*", *FOLDERS, *(f"{folder}/*" for folder in FOLDERS))


class Profile:
    """Raises ProfileError when the folder cannot be made or used.

    `was_open`: the files and folders in it that others of this machine could use until now.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen, self._outbox, self._tokens, cas = (folder / name for name in FOLDERS)
        self.known_servers = KnownServers(folder / "known_servers", cas, self._replace)
        self.choices = Choices(folder / "choices.json", self._replace)
        try:
            for path in (folder, self._seen, self._outbox, self._tokens, cas):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.was_open = tighten([folder, *(path for one in OWN for path in folder.glob(one))])
        except OSError as error:
            raise self._unusable(error) from error

    def known(self, address: Address) -> KnownServer | None:
        return self.known_servers.find(address)

    def remember(self, address: Address, pin: str, today: date) -> None:
        self.known_servers.remember(address, pin, today)

    def visit(self, address: Address, account: str) -> Visit:
        return Visit(self._visit_file(address, account), account, self._replace)

    def spool(self, address: Address, account: str) -> Spool:
        """Where this client keeps what it has to say, with what earlier ones left."""
        from securechat.client.spool import open_spool  # a command that only looks in has no need of SQLite

        try:
            return open_spool(self._outbox, f"{file_names.of(str(address))}@{fold(account)}")
        except OSError as error:
            raise self._unusable(error) from error

    def token(self, address: Address, account: str) -> TokenFile:
        """Where the device token is, if this computer is remembered there."""
        return TokenFile(self._tokens / f"{file_names.of(str(address))}@{fold(account)}", self._replace)

    def last_account(self, address: Address) -> str | None:
        """The account that visited this server last."""
        files = self._seen.glob(f"{file_names.of(str(address))}@*.json")
        visits = [Visit(path, "", self._replace) for path in files]
        named = [visit for visit in visits if visit.account and visit.visited]
        return max(named, key=lambda visit: str(visit.visited)).account if named else None

    def last_day(self) -> date | None:
        """The newest day that anything here is of."""
        days = [self.known_servers.last_day(), *(visited.date() for _, _, visited in self.visits())]
        return max(filter(None, days), default=None)

    def last_visit(self) -> tuple[Address, str] | None:
        """The server and the account of the last visit of all."""
        visits = self.visits()
        return visits[0][:2] if visits else None

    def visits(self) -> list[tuple[Address, str, datetime]]:
        """Every server and account that was visited, and when last; the newest first."""
        found = [(Visit(path, "", self._replace), path.name.rpartition("@")[0]) for path in self._seen.glob("*@*.json")]
        visits = [
            (parse(file_names.text(place))[1], visit.account, visit.visited)
            for visit, place in found
            if visit.account and visit.visited
        ]
        return sorted(visits, key=lambda visit: visit[2], reverse=True)

    def _visit_file(self, address: Address, account: str) -> Path:
        return self._seen / f"{file_names.of(str(address))}@{fold(account)}.json"

    def _replace(self, path: Path, text: str) -> None:
        """Write a whole file so that a crash leaves the old or the new one. Raises ProfileError."""
        try:
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> ProfileError:
        return ProfileError(
            f"cannot use the profile {str(self.folder)!r}: {error.strerror}; name another one with --profile-dir"
        )


class Visit:
    """What one account has seen on one server, kept while it chats and saved at most once a second."""

    def __init__(self, path: Path, account: str, replace: Any) -> None:
        self.account = account
        self.visited: datetime | None = None
        self._places = Places()
        self._path = path
        self._replace = replace
        self._dirty = False
        self._saved_at = 0.0
        self._read()

    @property
    def seen(self) -> Seen:
        return Seen(self.visited, self._places.copy())

    def saw(self, target: str, time: datetime | None, msgid: str | None) -> None:
        """An entry of this target was shown; only newer ones move the place."""
        if self._places.saw(target, time, msgid):
            self._dirty = True

    def was_here(self, time: datetime) -> None:
        if self.visited is None or time > self.visited:
            self.visited = time
            self._dirty = True

    def save(self, *, at_once: bool = False) -> None:
        """Write what changed, unless that was done within the last second; trouble with the disk ends no chat."""
        now = time.monotonic()
        if not self._dirty or (not at_once and now - self._saved_at < SAVE_EVERY):
            return
        self._saved_at, self._dirty = now, False
        self._merge_newer()
        try:
            self._replace(self._path, json.dumps(self._written(), indent=1))
        except ProfileError as error:
            log.warning("%s", error)

    def _merge_newer(self) -> None:
        """Another client of the same account may have shown more in the meantime."""
        other = Visit(self._path, self.account, self._replace)
        for target, place in other.seen.places.items():
            self.saw(target, place.time, place.msgid)
        if other.visited is not None:
            self.was_here(other.visited)
        self._dirty = False

    def _written(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "visited": self.visited and self.visited.isoformat(),
            "targets": {
                target: {"time": place.time.isoformat(), "msgid": place.msgid}
                for target, place in self._places.copy().items()
            },
        }

    def _read(self) -> None:
        """What is unreadable counts as never seen: at worst lines are shown again."""
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self.account = self.account or str(stored["account"])
            self.visited = read_time(stored["visited"]) if stored["visited"] else None
            for target, place in stored["targets"].items():
                self._places.saw(target, read_time(place["time"]), place["msgid"] and str(place["msgid"]))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("cannot read %s: %s", self._path, type(error).__name__)
