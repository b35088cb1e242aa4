"""`securechat db`: backups of the database, made, judged and put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from securechat import config
from securechat.cli.data import data_options

if TYPE_CHECKING:
    from sqlite3 import Connection

    from securechat.store.inspection import Contents

R = TypeVar("R")


@click.group()
def db() -> None:
    """Back up, verify and restore the server's database.

    \b
    Examples:
      securechat db backup /var/backups/securechat-$(date +%F).db
      securechat db verify /var/backups/securechat-2026-03-01.db
      securechat db restore /var/backups/securechat-2026-03-01.db
    """


def _as_json(command: Callable[..., R]) -> Callable[..., R]:
    return click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")(command)


@db.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@_as_json
@data_options
def make(file: Path, force: bool, as_json: bool, data: Path | None, config_file: Path | None) -> None:
    """Write all of the database, as it is at this moment, to FILE; also beside a running server.

    What was written is verified before it gets its name, so a FILE that is there is whole.

    \b
    Examples:
      securechat db backup /var/backups/securechat-$(date +%F).db
      securechat db backup --force /mnt/usb/securechat.db
    """
    from securechat.store import backup, inspection

    database = _database(data, config_file)
    _refuse_own(file, database)
    with backup.unfinished(file, replace=force) as copy:
        with closing(backup.in_use(database)) as source:
            _record(source, file)
            backup.copy(source, copy)
        contents = inspection.inspect(copy)
    _tell(f"wrote {file}", {"file": str(file), **_facts(contents)}, contents, as_json)


@db.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_as_json
@data_options
def verify(file: Path | None, as_json: bool, data: Path | None, config_file: Path | None) -> int:
    """Say whether the backup FILE is whole and what it holds; without FILE it is the server's own database.

    \b
    Examples:
      securechat db verify /var/backups/securechat-2026-03-01.db
      securechat db verify --json | jq .messages
    """
    from securechat.store import inspection

    path = file or _database(data, config_file)
    try:
        contents = inspection.inspect(path, live=file is None)
    except inspection.Damaged as error:
        return _tell_damage(path, error.problems, as_json)
    _tell(f"{path} is whole", {"file": str(path), "whole": True, **_facts(contents)}, contents, as_json)
    return 0


@db.command()
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
@data_options
def restore(file: Path, as_json: bool, data: Path | None, config_file: Path | None) -> None:
    """Put the backup FILE in the place of the server's database, which is kept under a name that is printed.

    The server must be stopped. FILE is verified before, and stays as it is.

    \b
    Example:
      securechat db restore /var/backups/securechat-2026-03-01.db
    """
    from securechat.store import restore
    from securechat.store.database import prepare
    from securechat.store.lock import ServeLock

    settings, folder = config.find(data, config_file)
    database = prepare(folder, settings.store)
    _refuse_own(file, database)
    with ServeLock(database.parent):
        done = restore.restore(file, database)
    facts = {"file": str(file), "replaced": done.replaced and str(done.replaced), **_facts(done.contents)}
    _tell(f"restored {file}", facts, done.contents, as_json)
    if done.replaced and not as_json:
        click.echo(f"the database that it replaced is kept as {done.replaced}")


def _database(data: Path | None, config_file: Path | None) -> Path:
    """The server's own, which must be there: a backup of an empty one made for it would be taken for the real thing."""
    from securechat.store.backup import NoDatabase
    from securechat.store.database import locate

    settings, folder = config.find(data, config_file)
    database = locate(folder, settings.store)
    if not database.is_file():
        raise NoDatabase(f"there is no database {str(database)!r}; give its folder with --data")
    return database


def _refuse_own(file: Path, database: Path) -> None:
    """A backup into the database itself, or into what SQLite keeps beside it, would end it."""
    from securechat.store.backup import SIDE_FILES

    own = [database, *(database.with_name(database.name + suffix) for suffix in SIDE_FILES)]
    if file.resolve() in [path.resolve() for path in own]:
        raise click.BadParameter(f"{str(file)!r} is the server's own database; give another file")


def _record(database: Connection, file: Path) -> None:
    """Whoever has a backup has all that was said. On a full disk it is wanted all the same."""
    from securechat.store import audit
    from securechat.store.errors import StoreError, translated

    try:
        with translated():
            audit.record(database, audit.local("database.backup", "", str(file)))
    except StoreError as error:
        click.echo(f"securechat: warning: the audit log will not tell of this backup: {error}", err=True)


def _facts(contents: Contents) -> dict[str, Any]:
    return {
        "revision": contents.revision,
        "bytes": contents.size,
        "accounts": contents.accounts,
        "messages": contents.messages,
        "newest": None if contents.newest is None else _moment(contents.newest).isoformat(timespec="milliseconds"),
    }


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _tell(done: str, facts: dict[str, Any], contents: Contents, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    newest = f", the newest of {_moment(contents.newest):%Y-%m-%d %H:%M:%S} UTC" if contents.newest is not None else ""
    held = f"accounts {contents.accounts}, messages {contents.messages}{newest}, schema {contents.revision}"
    click.echo(f"{done}: {held}")


def _tell_damage(path: Path, problems: tuple[str, ...], as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"file": str(path), "whole": False, "problems": problems}))
    for problem in problems:
        click.echo(f"securechat: {str(path)!r} is damaged: {problem}", err=True)
    return 1
