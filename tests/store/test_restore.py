"""A backup takes the database's place; the old one is kept, and a kill at any moment loses neither."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from securechat import config
from securechat.store import upgrade
from securechat.store.accounts import Accounts
from securechat.store.database import Database, open_database
from securechat.store.errors import NotADatabase, StoreBusy
from securechat.store.inspection import Damaged
from securechat.store.restore import restore
from securechat.store.schema import REVISION
from tests.store.killing import killer, make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A backup with Nora in it."""
    with closing(open_database(tmp_path / "elsewhere", config.Store())) as database:
        Accounts(database, ["#lobby"]).add("Nora", b"")
        make(tmp_path / "nora.db", database.path)
    return tmp_path / "nora.db"


@pytest.fixture
def crashed(database: Database, accounts: Accounts, tmp_path: Path) -> Path:
    """A folder as a killed server leaves it: Ada and Bob are in the WAL alone."""
    folder = tmp_path / "crashed"
    folder.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{database.path}{suffix}", folder)
    assert names(folder / "securechat.db", "mode=ro&immutable=1") == []
    return folder / "securechat.db"


def names(path: Path, options: str = "mode=rw") -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?{options}", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in connection.execute("SELECT name FROM account ORDER BY id")]


def members(folder: Path) -> Iterator[str]:
    with closing(open_database(folder, config.Store())) as database:
        yield from (listed.account.name for listed in Accounts(database, []).listing())


def test_the_old_one_is_kept_with_what_was_in_its_wal(crashed: Path, file: Path) -> None:
    done = restore(file, crashed)
    assert done.contents.accounts == 1
    assert done.replaced is not None
    assert {path.name for path in crashed.parent.iterdir()} == {"securechat.db", done.replaced.name}
    assert names(done.replaced) == ["Ada", "Bob"]
    assert list(members(crashed.parent)) == ["Nora"]
    for path in (crashed, done.replaced):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_restored_is_set_as_any_other(crashed: Path, file: Path) -> None:
    restore(file, crashed)
    with closing(open_database(crashed.parent, config.Store())) as database:
        assert database.in_wal()
    assert names(file, "mode=ro&immutable=1") == ["Nora"]


def test_a_backup_put_in_place_by_hand_is_set_as_any_other(file: Path, tmp_path: Path) -> None:
    (tmp_path / "by hand").mkdir()
    shutil.copy(file, tmp_path / "by hand" / "securechat.db")
    with closing(open_database(tmp_path / "by hand", config.Store())) as database:
        assert database.in_wal()


def test_where_nothing_was_nothing_is_kept(file: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert restore(file, tmp_path / "new" / "securechat.db").replaced is None
    assert list(members(tmp_path / "new")) == ["Nora"]


def test_a_damaged_one_is_kept(crashed: Path, file: Path) -> None:
    with crashed.open("r+b") as opened:
        opened.write(b"\xa5" * 4096)
    crashed.with_name("securechat.db-wal").write_bytes(b"\xa5" * 4096)
    replaced = restore(file, crashed).replaced
    assert replaced is not None
    assert replaced.read_bytes().startswith(b"\xa5")
    assert names(crashed) == ["Nora"]


def test_the_wal_of_one_that_is_gone_is_not_read_into_the_restored_one(crashed: Path, file: Path) -> None:
    crashed.unlink()
    assert restore(file, crashed).replaced is None
    assert names(crashed) == ["Nora"]
    assert len(list(crashed.parent.glob("*.replaced-*-wal"))) == 1


@pytest.mark.parametrize("content", [b"dear diary, " * 1000, b""])
def test_what_is_no_backup_changes_nothing(crashed: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wrong").write_bytes(content)
    before = {path: path.read_bytes() for path in crashed.parent.iterdir()}
    with pytest.raises((Damaged, NotADatabase)):
        restore(tmp_path / "wrong", crashed)
    assert {path: path.read_bytes() for path in crashed.parent.iterdir()} == before


def test_while_a_command_has_it_open_nothing_is_changed(database: Database, accounts: Accounts, file: Path) -> None:
    with pytest.raises(StoreBusy, match="another command"), database.read():
        restore(file, database.path)
    assert accounts.required("ada")
    assert not list(database.path.parent.glob("*.replaced-*"))
    assert not list(database.path.parent.glob("*.part"))


def test_one_with_an_older_schema_is_upgraded_when_it_is_opened(crashed: Path, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    shutil.copytree(upgrade.STEPS, steps)
    for step in (steps / "versions").glob("step_*.py"):
        if "0001" not in step.name:
            step.unlink()
    old = tmp_path / "old.db"
    old.touch()
    with closing(Database(old)) as database:
        upgrade.upgrade(database, steps)
    assert restore(old, crashed).contents.revision == "0001"
    with closing(open_database(crashed.parent, config.Store())) as database:
        assert database.revision() == REVISION


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_restores_is_its_owner_s(crashed: Path, file: Path) -> None:
    os.chown(crashed, 65534, 65534)
    replaced = restore(file, crashed).replaced
    assert replaced is not None
    assert [path.stat().st_uid for path in (crashed, replaced)] == [65534, 65534]


def test_killed_behind_any_line_the_old_or_the_new_one_is_in_place(crashed: Path, file: Path, tmp_path: Path) -> None:
    """Each kill has a folder of its own; after it the old one is there, with what was in its WAL, or the new one is."""
    found = []
    with killer() as kill:
        for number in itertools.count(1):
            folder = tmp_path / f"kill{number}"
            shutil.copytree(crashed.parent, folder)
            if not kill("restore", number, file, folder / "securechat.db"):
                break
            found.append(names(folder / "securechat.db"))
            if found[-1] == ["Nora"]:
                [kept] = folder.glob("*.replaced-*")
                assert names(kept) == ["Ada", "Bob"]
            restore(file, folder / "securechat.db")
            assert names(folder / "securechat.db") == ["Nora"]
            assert not list(folder.glob("*.part"))
            shutil.rmtree(folder)
    assert len(found) > 60
    assert found == sorted(found)
    assert {tuple(one) for one in found} == {("Ada", "Bob"), ("Nora",)}
