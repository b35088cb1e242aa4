"""`serve` with a store that breaks at the first message: run by a test as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from securechat import config, log
from securechat.errors import SecurechatError
from securechat.server import run
from securechat.store.rows import AccountChanged, EntryStored, Row


class BreakingWriter:
    """Fails in a way that no one foresaw; what is noted of a login it forgets."""

    def commit(self, rows: Sequence[Row]) -> int:
        if any(isinstance(row, EntryStored) for row in rows):
            raise RuntimeError("made to break")
        return 0

    def holds(self, rows: Sequence[Row]) -> bool:
        return False

    def changed(self) -> list[AccountChanged]:
        return []

    def keep_up(self) -> bool:
        return False

    def close(self) -> None:
        pass


def main(data: Path, certificates: Path) -> int:
    settings, folder = config.find(data, None)
    running = log.configure(settings.log, folder, "server")
    try:
        run.serve(
            settings,
            folder,
            certificates / "server.crt",
            certificates / "server.key",
            lambda database, seen, kept_up: BreakingWriter(),
        )
    except SecurechatError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    finally:
        running.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
