"""A backup is the database at one moment, in one file that is whole from the moment it has its name."""

from __future__ import annotations

import itertools
import os
import resource
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from securechat.store import backup, inspection
from securechat.store.accounts import Accounts
from securechat.store.backup import CannotWrite, NoDatabase
from securechat.store.database import Database
from tests.store.killing import killer, make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "chat.db"


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM account ORDER BY id")]


def fill(database: Database, rows: int) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (bytes BLOB)")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO ballast SELECT randomblob(4000) FROM n",
            (rows,),
        )


def fill_meanwhile(file: Path) -> None:
    with backup.unfinished(file) as copy:
        copy.write_text("mine")
        file.write_text("theirs")


def fail_half_way(file: Path) -> None:
    with backup.unfinished(file) as copy:
        copy.write_text("half")
        raise ZeroDivisionError


def test_what_is_in_the_wal_is_in_the_backup(database: Database, accounts: Accounts, file: Path) -> None:
    assert database.path.with_name("securechat.db-wal").stat().st_size > 0
    make(file, database.path)
    assert names(file) == ["Ada", "Bob"]


def test_it_is_one_file_that_only_its_owner_may_read(database: Database, accounts: Accounts, file: Path) -> None:
    old_mask = os.umask(0)
    try:
        make(file, database.path)
    finally:
        os.umask(old_mask)
    assert [path.name for path in file.parent.iterdir()] == ["chat.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_it_is_of_one_moment_though_others_write_all_the_time(database: Database, file: Path) -> None:
    """Each transaction adds a row to both tables; the copy takes many steps, and has as many of one as of the other."""
    fill(database, 4000)
    ended = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(database.path, isolation_level=None, timeout=5)) as other:
            while not ended.is_set():
                other.execute("BEGIN IMMEDIATE")
                other.execute("INSERT INTO progress (task, seq) SELECT 'a' || count(*), 1 FROM progress")
                other.execute("INSERT INTO ballast VALUES ('one for each')")
                other.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        make(file, database.path)
    finally:
        ended.set()
        writer.join()
    with closing(sqlite3.connect(file)) as connection:
        [tasks] = connection.execute("SELECT count(*) FROM progress").fetchone()
        [rows] = connection.execute("SELECT count(*) FROM ballast").fetchone()
    assert rows - 4000 == tasks
    inspection.inspect(file)


def test_a_file_that_is_there_is_replaced_only_when_told_to(database: Database, accounts: Accounts, file: Path) -> None:
    file.write_text("precious")
    with pytest.raises(CannotWrite, match="--force"), backup.unfinished(file):
        pass
    assert file.read_text() == "precious"
    make(file, database.path)
    assert names(file) == ["Ada", "Bob"]


def test_one_that_came_meanwhile_is_not_replaced_either(file: Path) -> None:
    with pytest.raises(CannotWrite, match="--force"):
        fill_meanwhile(file)
    assert [path.read_text() for path in file.parent.iterdir()] == ["theirs"]


def test_one_that_fails_leaves_nothing(file: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_half_way(file)
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(("name", "words"), [(".", "is a folder"), ("nowhere/chat.db", "No such file")])
def test_what_cannot_be_written_is_said(file: Path, name: str, words: str) -> None:
    with pytest.raises(CannotWrite, match=words), backup.unfinished(file.parent / name):
        pass


def test_there_must_be_something_to_copy(file: Path) -> None:
    with pytest.raises(NoDatabase):
        backup.in_use(file)
    assert list(file.parent.iterdir()) == []


def test_a_full_disk_leaves_nothing_and_is_named(database: Database, file: Path) -> None:
    """The kernel refuses the file's growth as it would on a full disk."""
    fill(database, 500)
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, old[1]))
    try:
        with pytest.raises(CannotWrite, match="backups': its disk is full"):
            make(file, database.path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(file.parent.iterdir()) == []


def test_killed_behind_any_line_it_leaves_the_old_backup_or_the_new_one(
    database: Database, accounts: Accounts, file: Path
) -> None:
    make(file, database.path)
    accounts.add("Carl", b"")
    found = []
    with killer() as kill:
        for number in itertools.count(1):
            if not kill("backup", number, file, database.path):
                break
            inspection.inspect(file)
            found.append(names(file))
            for left in file.parent.glob("*.part"):
                left.unlink()
    assert len(found) > 40
    assert found == sorted(found)
    assert {tuple(one) for one in found} == {("Ada", "Bob"), ("Ada", "Bob", "Carl")}
    accounts.add("Dora", b"")
    make(file, database.path)
    assert names(file)[-1] == "Dora"
