#!/usr/bin/env python3
"""Kill migrations, backups and restores with SIGKILL: nothing is lost, and the next start finds a whole database.

Each kill falls at random into the time from the first file that the work makes to a little behind its end. A migration
is that of a server's start with the first version's schema; a backup is made beside a server in which somebody talks; a
restore is followed by a server's start. Usage, with the repository's .venv: python scripts/kill_maintenance.py
[--kills 30] [--seed N]. Exit status 1 on a violation.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import text

from securechat.auth import passwords
from securechat.store import inspection, upgrade
from securechat.store.database import FILE, Database
from securechat.tls import authority
from tests.running import PASSWORD, ROUNDS, Server

CHANNEL = "#lobby"
MESSAGES = 20_000  # enough for each kind of work to take a while
PATIENCE = 30.0
LOOK_EVERY = 0.001  # seconds: soon enough, and the processor is left to what is waited for
FILL = (
    "INSERT INTO account (name, name_key, password_hash, password_version, role, suspended, created) "
    "VALUES ('bob', 'bob', :hash, 1, 'member', 0, 1)",
    "INSERT INTO channel (key, name, created, topic, topic_by, topic_time, modes) "
    "VALUES ('#lobby', '#lobby', 1, '', '', 0, '')",
    "INSERT INTO member (channel, account_id, role) VALUES ('#lobby', 1, 0)",
    "INSERT INTO entry (target, seq, msgid, time, kind, sender_id, text, tags) "
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :messages) "
    "SELECT '#lobby', i, 'id' || i, i, 'PRIVMSG', 1, 'message ' || i || hex(randomblob(100)), '' FROM n",
)


@dataclass
class Outcome:
    """What the kills of one kind of work left behind, and what was wrong with it."""

    found: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


class Maintenance:
    """A server's folder, and the two databases that it is filled with: one of the first schema, and one of today's."""

    def __init__(self, folder: Path, messages: int = MESSAGES, seed: int = 0) -> None:
        certificates = folder / "certificates"
        certificates.mkdir()
        authority.create(certificates)
        self.server = Server(folder / "data", certificates)
        self.chance = random.Random(seed)  # noqa: S311  no secret
        self.server.accounts.add("bob")
        self.old = make_old(folder / "old", messages)
        self.file = folder / "backup.db"
        self.messages = messages
        self._longest: dict[str, float] = {}

    def put(self, database: Path) -> None:
        """This database in the server's folder, and nothing else."""
        for path in self.server.data.glob(f"{FILE}*"):
            path.unlink()
        shutil.copyfile(database, self.server.data / FILE)
        (self.server.data / FILE).chmod(0o600)

    def texts(self) -> list[str]:
        return [entry.text for entry in self.server.history(CHANNEL)]

    def command(self, *words: str) -> list[str]:
        return self.server.command("db", *words)

    def killed(self, kind: str, words: list[str], begun: Callable[[], bool], ended: Callable[[], bool]) -> None:
        """Kill the command somewhere between the two; the first of a kind is let go on, to see how long it takes."""
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.server.data)
        wait_for(lambda: begun() or process.poll() is not None)
        began = time.perf_counter()
        if kind not in self._longest:
            wait_for(lambda: ended() or process.poll() is not None)
            self._longest[kind] = time.perf_counter() - began
        else:
            wait_until(began + self.chance.uniform(0, 1.1 * self._longest[kind]))
        process.kill()
        process.wait()


def make_old(folder: Path, messages: int) -> Path:
    """A database as the first version left it."""
    steps = folder / "steps"
    shutil.copytree(upgrade.STEPS, steps)
    for step in (steps / "versions").glob("step_*.py"):
        if "0001" not in step.name:
            step.unlink()
    path = folder / FILE
    path.touch()
    with closing(Database(path)) as database:
        upgrade.upgrade(database, steps)
        with database.write() as connection:
            for statement in FILL:
                connection.execute(text(statement), {"hash": passwords.hash(PASSWORD, ROUNDS), "messages": messages})
    return path


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + PATIENCE
    while not condition():
        if time.perf_counter() > deadline:
            raise AssertionError("what was waited for did not happen")
        time.sleep(LOOK_EVERY)  # nothing tells of the other process's files, and it needs the processor meanwhile


def wait_until(moment: float) -> None:
    """On the processor, for a sleep is too coarse."""
    while time.perf_counter() < moment:
        pass


def migration(work: Maintenance, outcome: Outcome) -> None:
    work.put(work.old)
    data, pair = work.server.data, work.server.certificates
    words = work.server.command("serve", "--listen", "127.0.0.1:0", "--cert", str(pair / "server.crt"))
    words += ["--key", str(pair / "server.key")]
    wal = data / f"{FILE}-wal"
    work.killed(
        "migration",
        words,
        lambda: any(data.glob(f"{FILE}.before-*")),
        lambda: wal.exists() and "listening on" in work.server.log(),
    )
    (data / "server.log").unlink(missing_ok=True)
    outcome.found[f"schema {inspection.inspect(data / FILE, live=True).revision}"] += 1
    work.server.start()
    if len(work.texts()) != work.messages:
        outcome.violations.append(f"{len(work.texts())} of {work.messages} messages after a migration")
    work.server.stop()


def backup(work: Maintenance, outcome: Outcome) -> None:
    """What is there after the kill is the backup of the time before, or the new one, and whole."""
    work.put(work.old)
    work.server.start()
    before = inspection.inspect(work.file).messages if work.file.exists() else 0
    said = [f"said {number}" for number in range(before % 50 + 50)]  # each time other ones
    with work.server.login("bob") as bob:
        for words in said[:-1]:
            bob.ask(f"PRIVMSG {CHANNEL} :{words}")
        command = work.command("backup", "--force", str(work.file))
        work.killed("backup", command, lambda: any(work.file.parent.glob("*.part")), lambda: False)
        bob.ask(f"PRIVMSG {CHANNEL} :{said[-1]}")
    held = inspection.inspect(work.file).messages if work.file.exists() else 0
    outcome.found["the new one" if held != before else "the one before"] += 1
    if held not in (before, work.messages + len(said) - 1):
        outcome.violations.append(f"a backup of {held} messages, neither the one before nor the new one")
    if work.texts()[work.messages :] != said:
        outcome.violations.append("messages said beside a backup are missing")
    work.server.stop()
    for left in work.file.parent.glob("*.part"):
        left.unlink()


def restore(work: Maintenance, outcome: Outcome) -> None:
    """The folder is as a killed server leaves it, with words in the WAL that the backup does not have."""
    work.put(work.old)
    work.server.start()
    subprocess.run(work.command("backup", "--force", str(work.file)), check=True, stdout=subprocess.DEVNULL)
    with work.server.login("bob") as bob:
        bob.ask(f"PRIVMSG {CHANNEL} :behind the backup")
    work.server.kill()
    work.killed(
        "restore",
        work.command("restore", str(work.file)),
        lambda: any(work.server.data.glob("*.part")),
        lambda: False,
    )
    work.server.start()
    texts = work.texts()
    restored = len(texts) == work.messages
    outcome.found["the restored one" if restored else "the old one"] += 1
    if not restored and texts[-1] != "behind the backup":
        outcome.violations.append("what was said before a restore is missing, though the restore did not happen")
    kept = list(work.server.data.glob(f"{FILE}.replaced-*"))
    if restored and inspection.inspect(kept[-1]).messages != work.messages + 1:
        outcome.violations.append("the replaced database does not hold what was said")
    work.server.stop()


KINDS = {"migration": migration, "backup": backup, "restore": restore}


def run(work: Maintenance, kills: int) -> dict[str, Outcome]:
    """So many kills of each kind, behind one whole run of it."""
    outcomes = {kind: Outcome() for kind in KINDS}
    for kind, kill in KINDS.items():
        for _ in range(kills + 1):
            kill(work, outcomes[kind])
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30, help="of each kind")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(Maintenance(Path(folder), seed=options.seed), options.kills)
    for kind, outcome in outcomes.items():
        found = ", ".join(f"{what} {number}" for what, number in sorted(outcome.found.items()))
        print(f"{kind}: {options.kills} kills; found behind them: {found}; violations: {len(outcome.violations)}")
        for violation in outcome.violations:
            print(f"  {violation}")
    return int(any(outcome.violations for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
