"""The database is its server's alone to read: what others could read is mended, what others own is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from securechat.store.permissions import NotPrivate, make_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_that_belongs_to_the_database_is_taken_from_others(tmp_path: Path) -> None:
    modes = {"chat.db": 0o644, "chat.db-wal": 0o640, "chat.db.before-0001": 0o604, "chat.db-shm": 0o600, "motd": 0o644}
    for name, wanted in modes.items():
        (tmp_path / name).touch()
        (tmp_path / name).chmod(wanted)
    mended = make_private(tmp_path / "chat.db")
    assert {path.name for path in mended} == {"chat.db", "chat.db-wal", "chat.db.before-0001"}
    assert {mode(path) for path in tmp_path.glob("chat.db*")} == {0o600}
    assert mode(tmp_path / "motd") == 0o644
    assert make_private(tmp_path / "chat.db") == []


def test_before_there_is_a_database_there_is_nothing_to_mend(tmp_path: Path) -> None:
    assert make_private(tmp_path / "chat.db") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_owns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chat.db").touch(mode=0o600)
    os.chown(tmp_path / "chat.db", 65534, 65534)
    with pytest.raises(NotPrivate, match=r"belongs to nobody, but the server runs as root; .*chown root "):
        make_private(tmp_path / "chat.db")
