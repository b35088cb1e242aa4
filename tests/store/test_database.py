"""How the file is made and set, seen on real connections."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from securechat import config
from securechat.store.accounts import Accounts
from securechat.store.database import Database, DataFolderUnusable, open_database
from securechat.store.errors import NotADatabase, StoreBusy, StoreError
from securechat.store.schema import account


def pragma(database: Database, name: str) -> object:
    with database.read() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_every_connection_is_set_for_durability_and_strictness(database: Database) -> None:
    settings = {name: pragma(database, name) for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    assert pragma(database, "secure_delete") == 1
    assert pragma(database, "busy_timeout") == 300


def test_normal_durability_leaves_out_the_sync_of_each_commit(folder: Path) -> None:
    with closing(open_database(folder, config.Store(durability="normal"))) as database:
        assert pragma(database, "synchronous") == 1


def test_readers_that_are_kept_ready_need_no_file_later(database: Database) -> None:
    database.keep_ready(2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with database.read() as one, database.read() as another:
            assert one.execute(select(account)).all() == another.execute(select(account)).all()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_only_the_owner_may_read_the_data(database: Database, accounts: Accounts, folder: Path) -> None:
    old_mask = os.umask(0)
    try:
        accounts.suspend("bob")
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert {"securechat.db", "securechat.db-wal", "securechat.db-shm", "serve.lock"} <= set(files)
    assert set(files.values()) == {0o600}


def test_a_writing_transaction_holds_the_lock_from_its_start(database: Database) -> None:
    other = sqlite3.connect(database.path, timeout=0, isolation_level=None)
    with closing(other), database.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")


def test_a_reader_sees_one_state_while_another_writes(database: Database, accounts: Accounts) -> None:
    with database.read() as connection:
        before = connection.execute(select(account.c.name)).all()
        accounts.add("Carl", b"")
        assert connection.execute(select(account.c.name)).all() == before


def test_a_failed_transaction_leaves_nothing(database: Database, accounts: Accounts) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.execute(account.update().values(role="admin"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert accounts.required("bob").role == "member"


def test_a_busy_database_is_said_to_be_busy(database: Database) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another process holds its lock"), database.write():
            pass


def test_the_columns_checks_are_enforced(database: Database, accounts: Accounts) -> None:
    for values in ({"role": "king"}, {"suspended": 2}, {"name_key": None}):
        with pytest.raises(StoreError, match="CONSTRAINT"), database.write() as connection:
            connection.execute(account.update().values(values))


def test_an_error_never_shows_what_was_to_be_stored(database: Database, accounts: Accounts) -> None:
    with pytest.raises(StoreError) as caught, database.write() as connection:
        connection.execute(account.update().values(role="a secret"))
    assert "a secret" not in str(caught.value)
    assert "a secret" not in str(caught.value.__cause__)


def test_a_url_says_where_the_database_is(tmp_path: Path) -> None:
    path = tmp_path / "else where?" / "chat.db"
    settings = config.Store(url=f"sqlite:///{path}".replace("?", "%3F"))
    with pytest.raises(config.ConfigError):
        open_database(tmp_path / "data", config.Store(url="postgresql://localhost/chat"))
    with pytest.raises(config.ConfigError):
        open_database(tmp_path / "data", config.Store(url="sqlite://"))
    with pytest.raises(config.ConfigError):
        open_database(tmp_path / "data", config.Store(url="no url"))
    with closing(open_database(tmp_path / "data", settings)) as database:
        assert database.path.exists()
    assert not (tmp_path / "data").exists()


def test_odd_letters_in_the_folders_name_do_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "100% ä#?&=x"
    with closing(open_database(folder, config.Store())) as database:
        Accounts(database, ["#lobby"]).add("ada", b"")
    assert (folder / "securechat.db").stat().st_size > 0


@pytest.mark.parametrize("name", ["file/below", "file"])
def test_a_file_in_the_folders_place_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("I am a file")
    with pytest.raises(DataFolderUnusable, match="--data"):
        open_database(tmp_path / name, config.Store())


def test_a_file_that_is_no_database_is_refused_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "securechat.db").write_text("dear diary, " * 200)
    with pytest.raises(NotADatabase, match="--data"):
        open_database(folder, config.Store())
    assert (folder / "securechat.db").read_text().startswith("dear diary")


def test_someone_elses_database_is_refused(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "securechat.db")) as other:
        other.execute("CREATE TABLE invoice (id INTEGER)")
    with pytest.raises(NotADatabase, match="no database of securechat"):
        open_database(folder, config.Store())


def test_many_may_open_a_new_folder_at_once(folder: Path) -> None:
    failed: list[BaseException] = []

    def create(name: str) -> None:
        try:
            with closing(open_database(folder, config.Store())) as database:
                Accounts(database, ["#lobby"]).add(name, b"")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=create, args=(f"member{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with closing(open_database(folder, config.Store())) as database:
        assert len(Accounts(database, ["#lobby"]).listing()) == 6
