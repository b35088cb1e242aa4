"""What is whole is told apart from what is not, and what is ours from what is not."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from securechat.store import inspection
from securechat.store.accounts import Accounts
from securechat.store.backup import NoDatabase
from securechat.store.database import Database
from securechat.store.errors import NotADatabase
from securechat.store.inspection import Contents, Damaged
from securechat.store.rows import EntryStored
from securechat.store.schema import REVISION
from securechat.store.upgrade import SchemaNewer
from securechat.store.writer import Writer
from tests.store.killing import make


@pytest.fixture
def file(database: Database, writer: Writer, said: Callable[..., EntryStored], tmp_path: Path) -> Path:
    """A backup of a database with messages of two people in it."""
    writer.commit([said("#lobby", f"message {number} {'x' * 200}") for number in range(300)])
    writer.commit([said("#lobby", "", kind="JOIN")])
    make(tmp_path / "chat.db", database.path)
    return tmp_path / "chat.db"


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_what_it_holds_is_counted(file: Path, accounts: Accounts) -> None:
    assert inspection.inspect(file) == Contents(REVISION, file.stat().st_size, accounts=2, messages=300, newest=3000)
    change(file, "UPDATE account SET deleted_at = 1 WHERE id = 2", "DELETE FROM entry")
    found = inspection.inspect(file)
    assert (found.accounts, found.messages, found.newest) == (1, 0, None)


def test_the_server_s_own_is_judged_while_it_is_written(database: Database, file: Path) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM entry")
        assert inspection.inspect(database.path, live=True).messages == 300


def test_nothing_is_made_beside_the_file(database: Database, file: Path) -> None:
    change(file, "PRAGMA journal_mode=WAL")  # as a copy by other means may be
    before = sorted(file.parent.iterdir())
    inspection.inspect(file)
    assert sorted(file.parent.iterdir()) == before


def test_a_copy_with_its_wal_is_judged_with_it(database: Database, writer: Writer, file: Path) -> None:
    """As it is found where somebody copied both files by hand."""
    copied = file.with_name("copied.db")
    for suffix in ("", "-wal"):
        shutil.copy(f"{database.path}{suffix}", f"{copied}{suffix}")
    assert inspection.inspect(copied).messages == 300


def overwrite(at: float) -> Callable[[Path], object]:
    """A page of noise, at this part of the file."""

    def damage(file: Path) -> None:
        with file.open("r+b") as opened:
            opened.seek(int(file.stat().st_size * at) // 4096 * 4096)
            opened.write(b"\xa5" * 4096)

    return damage


def cut(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (overwrite(0), "not a database"),
        (overwrite(0.4), "malformed"),
        (overwrite(0.9), "malformed"),
        (cut, "malformed"),
        (lambda file: change(file, "DROP TABLE read_marker"), "table read_marker is missing"),
        (lambda file: change(file, "DELETE FROM account WHERE id = 1"), "rows of entry that refer to no account: 301"),
        (lambda file: change(file, "PRAGMA writable_schema=1", "DELETE FROM sqlite_schema WHERE name = 'place'"), ""),
    ],
)
def test_damage_is_found(file: Path, damage: Callable[[Path], object], problem: str) -> None:
    damage(file)
    with pytest.raises(Damaged) as caught:
        inspection.inspect(file)
    assert any(re.search(problem, line) for line in caught.value.problems), caught.value.problems


def test_what_is_no_database_of_ours_is_refused(file: Path, tmp_path: Path) -> None:
    change(tmp_path / "other.db", "CREATE TABLE invoice (id INTEGER)")
    with pytest.raises(NotADatabase, match="no database of securechat"):
        inspection.inspect(tmp_path / "other.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(NotADatabase):
        inspection.inspect(tmp_path / "empty.db")
    (tmp_path / "diary").write_text("dear diary, " * 1000)
    with pytest.raises(Damaged, match="not a database"):
        inspection.inspect(tmp_path / "diary")
    with pytest.raises(NoDatabase):
        inspection.inspect(tmp_path / "nothing")
    change(file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaNewer):
        inspection.inspect(file)
