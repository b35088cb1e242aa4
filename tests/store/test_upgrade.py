"""From one schema to the next: whole steps only, after a copy, by the holder of the lock."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from securechat import config
from securechat.store import history, upgrade
from securechat.store.accounts import Accounts
from securechat.store.database import Database, open_database
from securechat.store.lock import ServeLock, ServerRunning
from securechat.store.schema import AUDIT_TRIGGERS, REVISION, SEARCH, metadata

# Says when each statement is done and waits for a word before the next, so that a kill can come between any two.
SLOW_STEP = """
import sys
from alembic import op
revision, down_revision = "slow", "0009"

def upgrade():
    for statement in (
        "CREATE TABLE extra (id INTEGER PRIMARY KEY, text TEXT)",
        "ALTER TABLE account ADD COLUMN bio TEXT",
        "UPDATE account SET bio = name",
        "INSERT INTO extra (text) SELECT name FROM account",
        "ALTER TABLE channel RENAME COLUMN topic_by TO topic_author",
    ):
        op.execute(statement)
        print("done", flush=True)
        sys.stdin.readline()
"""
OLD_ACCOUNT = (
    "INSERT INTO account (name, name_key, password_hash, password_version, role, suspended, created) "
    "VALUES ('ada', 'ada', x'', 1, 'member', 0, 1)"
)
OLD_ENTRY = (
    "INSERT INTO entry (target, seq, msgid, time, kind, sender_id, text, tags) "
    "VALUES (?1, ?2, ?3, ?4, 'PRIVMSG', 1, 'said ' || ?4, '')"
)
BETWEEN_PARTS = r"\n|,(?![^()\n]*\))"  # a comma in brackets is within one
STATEMENTS = SLOW_STEP.count('        "')

# Upgrades each database whose path it reads, in a child of its own: importing once makes twenty kills quick.
UPGRADER = """
import os, sys
from pathlib import Path
from securechat.store.database import Database
from securechat.store.upgrade import upgrade

for path in iter(sys.stdin.readline, ""):
    if not path.strip():
        continue  # an answer that came too late for a killed child
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        upgrade(Database(Path(path.strip())), Path(sys.argv[1]))
        os._exit(0)
    print("ended", os.waitpid(child, 0)[1], flush=True)
"""


class Upgrader:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.input, self.output = process.stdin, process.stdout

    def begin(self, database: Path, statements: int) -> int:
        """The process id of an upgrade that has done so many statements of the step; the next may be on its way."""
        self.say(str(database))
        pid = int(self.output.readline())
        for _ in range(statements):
            assert self.output.readline() == "done\n"
            self.say("")
        return pid

    def say(self, line: str) -> None:
        self.input.write(f"{line}\n")
        self.input.flush()

    def end(self) -> str:
        """How the upgrade ended: "0" or the number of the signal."""
        return next(line for line in self.output if line.startswith("ended")).split()[1]


@pytest.fixture
def upgrader(steps: Path) -> Iterator[Upgrader]:
    with subprocess.Popen(
        [sys.executable, "-c", UPGRADER, str(steps)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Upgrader(process)


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """Our steps and one more."""
    folder = tmp_path / "steps"
    shutil.copytree(upgrade.STEPS, folder)
    (folder / "versions" / "step_slow.py").write_text(SLOW_STEP)
    return folder


def schema(path: Path) -> str:
    """All that defines the tables, in one text to compare, and whether the file is whole."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name").fetchall()
        check = connection.execute("PRAGMA integrity_check").fetchall()
        version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return json.dumps([check, version, rows])


def test_the_steps_make_the_tables_of_the_schema(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
        assert compare_metadata(context, metadata) == []
        made = _tables(connection)
    with closing(Database(_empty(database.path.with_name("direct.db")))) as direct, direct.write() as connection:
        metadata.create_all(connection)
        for statement in (SEARCH, *AUDIT_TRIGGERS.values()):
            connection.exec_driver_sql(statement)
        wanted = _tables(connection)
    assert made == wanted


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Alembic knows no virtual tables; nor what SQLite keeps behind one."""
    return kind != "table" or not str(name).startswith("search")


def _tables(connection: Connection) -> dict[str, list[str]]:
    """The parts of each table's and trigger's definition, in any order, as SQLite keeps them, but Alembic's own."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'trigger')")
    return {
        row.name: sorted(part.strip() for part in re.split(BETWEEN_PARTS, row.sql) if part.strip())
        for row in rows
        if row.name != "alembic_version"
    }


def _empty(path: Path) -> Path:
    path.touch()
    return path


def test_the_revision_in_the_code_is_the_newest_step() -> None:
    assert ScriptDirectory(str(upgrade.STEPS)).get_current_head() == REVISION


def test_an_older_schema_is_upgraded_after_a_copy(database: Database, accounts: Accounts, steps: Path) -> None:
    old = schema(database.path)
    (steps / "versions" / "step_slow.py").write_text(SLOW_STEP.replace("sys.stdin.readline()", "pass"))
    upgrade.upgrade(database, steps)
    assert database.revision() == "slow"
    copy = database.path.with_name(f"securechat.db.before-{REVISION}")
    assert schema(copy) == old
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT name FROM account ORDER BY id").fetchall() == [("Ada",), ("Bob",)]
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT bio FROM account ORDER BY id").scalars().all() == ["Ada", "Bob"]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_what_was_said_before_entries_had_one_order_keeps_its_own(folder: Path, steps: Path) -> None:
    folder.mkdir()
    for step in (steps / "versions").glob("step_*.py"):
        if "0001" not in step.name:
            step.unlink()
    path = _empty(folder / "securechat.db")
    with closing(Database(path)) as database:
        upgrade.upgrade(database, steps)
        with database.write() as connection:
            connection.exec_driver_sql(OLD_ACCOUNT)
            for target, seq, time in (("#a", 1, 10), ("1:1", 1, 15), ("#a", 2, 20), ("#b", 1, 12), ("#a", 3, 30)):
                connection.exec_driver_sql(OLD_ENTRY, (target, seq, f"{target}{seq}", time))
        upgrade.upgrade(database)
        with database.read() as connection:
            assert [entry.text for entry in history.latest(connection, "#a", 9)] == ["said 10", "said 20", "said 30"]
            order = connection.exec_driver_sql("SELECT msgid FROM entry ORDER BY seq").scalars().all()
            assert order == ["#a1", "#b1", "1:11", "#a2", "#a3"]


def test_a_step_that_would_leave_dangling_rows_leaves_nothing(
    database: Database, accounts: Accounts, steps: Path
) -> None:
    old = schema(database.path)
    dangling = SLOW_STEP.replace("sys.stdin.readline()", "pass").replace(
        "UPDATE account SET bio = name", "DELETE FROM account WHERE id = 2"
    )
    (steps / "versions" / "step_slow.py").write_text(dangling)
    with pytest.raises(upgrade.StoreError, match="refer to nothing"):
        upgrade.upgrade(database, steps)
    assert schema(database.path) == old
    assert accounts.required("bob")


def test_a_newer_schema_is_refused_and_left_alone(folder: Path) -> None:
    open_database(folder, config.Store()).close()
    with closing(sqlite3.connect(folder / "securechat.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = schema(folder / "securechat.db")
    with pytest.raises(upgrade.SchemaNewer, match="newer securechat"):
        open_database(folder, config.Store())
    with ServeLock(folder) as lock, pytest.raises(upgrade.SchemaNewer):
        open_database(folder, config.Store(), lock=lock)
    assert schema(folder / "securechat.db") == before


@pytest.mark.slow
def test_without_the_lock_nothing_is_made(folder: Path) -> None:
    """Slow because whoever finds no database waits some seconds for another that may just be making it."""
    folder.mkdir()
    with ServeLock(folder), pytest.raises(ServerRunning):
        open_database(folder, config.Store())
    assert (folder / "securechat.db").stat().st_size == 0


def test_a_server_brings_up_its_own_database(folder: Path) -> None:
    folder.mkdir()
    with ServeLock(folder) as lock, closing(open_database(folder, config.Store(), lock=lock)) as database:
        assert database.revision() == REVISION
        with closing(open_database(folder, config.Store())) as beside:
            assert beside.revision() == REVISION


def killed(upgrader: Upgrader, old: Path, work: Path, statements: int) -> str:
    """Kill the upgrade of a copy of `old`; gives the schema that is there afterwards."""
    work.mkdir()
    path = work / "securechat.db"
    shutil.copy(old, path)
    os.kill(upgrader.begin(path, statements), signal.SIGKILL)
    upgrader.end()
    return schema(path)


def test_twenty_kills_leave_the_old_schema_or_the_new_one(folder: Path, upgrader: Upgrader, tmp_path: Path) -> None:
    """Four kills behind each statement; those behind the last may find the commit done."""
    with closing(open_database(folder, config.Store())) as database:
        Accounts(database, ["#lobby"]).add("ada", b"")
    path = folder / "securechat.db"
    old = schema(path)
    found = [killed(upgrader, path, tmp_path / f"kill{number}", 1 + number % STATEMENTS) for number in range(20)]
    upgrader.begin(path, STATEMENTS)
    assert upgrader.end() == "0"
    new = schema(path)
    assert new != old
    assert set(found) <= {old, new}
    assert old in found


def test_an_upgrade_goes_on_after_a_kill(folder: Path, upgrader: Upgrader) -> None:
    open_database(folder, config.Store()).close()
    path = folder / "securechat.db"
    os.kill(upgrader.begin(path, 2), signal.SIGKILL)
    assert upgrader.end() == "9"
    upgrader.begin(path, STATEMENTS)
    assert upgrader.end() == "0"
    assert "topic_author" in schema(path)
