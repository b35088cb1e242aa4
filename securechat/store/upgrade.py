"""Bringing a database to this version's schema, one transaction a step, after a copy of what was there.

Alembic is driven without an env.py: the connection is ours. Only the holder of the serve lock calls this.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from securechat.store import backup
from securechat.store.database import Database, driver
from securechat.store.errors import StoreError, translated

STEPS = Path(__file__).parent / "migrations"
_PATIENCE_MS = 30_000  # for an admin command that is just writing


class SchemaNewer(StoreError):
    """A later version of securechat made the database."""


def refuse_newer(revision: str | None, steps: Path = STEPS) -> None:
    """Raises SchemaNewer for a revision that none of our steps makes."""
    if revision is None:
        return
    try:
        ScriptDirectory(str(steps)).get_revision(revision)
    except CommandError as error:
        words = f"the database has schema {revision!r}, made by a newer securechat; install that version or a newer one"
        raise SchemaNewer(words) from error


def upgrade(database: Database, steps: Path = STEPS) -> None:
    """Run the missing steps of the folder `steps`; killed at any moment it leaves whole steps only."""
    script = ScriptDirectory(str(steps))
    revision = database.revision()
    refuse_newer(revision, steps)
    if revision is not None and revision != script.get_current_head():
        _keep(database.path, f"before-{revision}")
    connection = database.connect_writer()
    with translated(), closing(connection):
        connection.detach()  # never back to the pool: its settings differ
        _prepare(connection)
        if revision != script.get_current_head():
            _run(connection, script)


def _keep(database: Path, mark: str) -> None:
    """A copy as it was, beside it."""
    target = database.with_name(f"{database.name}.{mark}")
    backup.forget_unfinished(target)
    with backup.unfinished(target, replace=True) as copy, closing(backup.in_use(database)) as source:
        backup.copy(source, copy)


def _prepare(connection: Connection) -> None:
    """WAL, which stays with the file. And no foreign keys: a step that rebuilds a table would trip over them."""
    driver(connection).execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
    mode = driver(connection).execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError(f"the database's file system cannot hold a WAL (journal mode {mode!r}); use a local disk")
    driver(connection).execute("PRAGMA foreign_keys=OFF")


def _run(connection: Connection, script: ScriptDirectory) -> None:
    def missing(revision: tuple[str, ...], _context: MigrationContext) -> list[Any]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # what alembic's own commands call

    with EnvironmentContext(Config(), script, fn=missing) as environment:
        environment.configure(
            connection=connection,
            transactional_ddl=True,  # SQLite's default in Alembic leaves half a step behind
            transaction_per_migration=True,
            on_version_apply=_check_references,
        )
        environment.run_migrations()
    connection.commit()


def _check_references(ctx: MigrationContext, step: object, heads: object, run_args: object) -> None:
    """What foreign keys would have refused, refused at the end of the step, inside its transaction."""
    assert ctx.connection is not None  # only Alembic's --sql mode has none
    if ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise StoreError("the upgrade would leave rows that refer to nothing; the database stays as it was")
