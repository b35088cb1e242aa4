"""By what this person trusts which server: a line for each in `known_servers`: address, pin or `ca`, and since when.

A CA that was given, and vouched for the server, is kept beside it, so that it need not be given again. A damaged line
is never taken for a key that changed, nor for a server that is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from securechat.client import file_names
from securechat.client.address import Address, parse
from securechat.client.errors import ProfileError
from securechat.errors import SecurechatError
from securechat.tls import pins

CA = "ca"  # in the pin's place


@dataclass(frozen=True, slots=True)
class KnownServer:
    address: Address
    pin: str | None
    ca: Path | None  # which vouches for it; instead of a pin
    since: date
    entry: str  # where a person finds it


class KnownServers:
    """Raises ProfileError when the file cannot be read or written, or what is asked for is damaged in it."""

    def __init__(self, path: Path, cas: Path, replace: Callable[[Path, str], None]) -> None:
        """`replace` writes a whole file, and raises ProfileError."""
        self._path = path
        self._cas = cas
        self._replace = replace

    def all(self) -> list[KnownServer]:
        return [self._read(number, line) for number, line in enumerate(self._lines(), 1) if line.strip()]

    def find(self, address: Address) -> KnownServer | None:
        for number, line in enumerate(self._lines(), 1):
            if _names(line, address):
                return self._read(number, line)
        return None

    def remember(self, address: Address, pin: str, today: date) -> None:
        """From now on this key and no other is taken for the server."""
        self._write([*self._others(address), f"{address} {pin} {today}"])

    def remember_ca(self, address: Address, ca: str, today: date) -> None:
        """From now on what comes from this CA, a text in PEM, is taken for the server."""
        self._replace(self._ca_file(address), ca)
        self._write([*self._others(address), f"{address} {CA} {today}"])

    def forget(self, address: Address) -> bool:
        """The next contact is the first one again; False if there is nothing to forget. A damaged line goes, too."""
        others = self._others(address)
        known = len(others) < len(self._lines())
        if known:
            self._write(others)
        return known

    def last_day(self) -> date | None:
        """The newest day on which a key was remembered; what is damaged has none."""
        days = []
        for line in self._lines():
            with suppress(ValueError):
                days.append(date.fromisoformat(line.rpartition(" ")[2]))
        return max(days, default=None)

    def _ca_file(self, address: Address) -> Path:
        return self._cas / f"{file_names.of(str(address))}.crt"

    def _others(self, address: Address) -> list[str]:
        return [line for line in self._lines() if not _names(line, address)]

    def _read(self, number: int, line: str) -> KnownServer:
        entry = f"line {number} of {self._path}"
        try:
            written, key, since = line.split()
            address = parse(written)[1]
            pin, ca = (None, self._ca_file(address)) if key == CA else (pins.parse(key), None)
            return KnownServer(address, pin, ca, date.fromisoformat(since), entry)
        except (ValueError, SecurechatError) as error:
            known = line.split()[0]
            raise ProfileError(
                f"{entry} is damaged, so nobody knows by what {known} is trusted; ask its operator for the pin, and"
                f" type: securechat trust forget {known}"
            ) from error

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except UnicodeDecodeError as error:
            raise ProfileError(
                f"{str(self._path)!r} is damaged: it is not UTF-8; move it away, and compare the servers' keys anew"
            ) from error
        except OSError as error:
            raise ProfileError(
                f"cannot read {str(self._path)!r}: {error.strerror}; mend that, or name another --profile-dir"
            ) from error

    def _write(self, lines: list[str]) -> None:
        self._replace(self._path, "".join(f"{line}\n" for line in lines))


def _names(line: str, address: Address) -> bool:
    return line.split()[:1] == [str(address)]
