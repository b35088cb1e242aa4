"""What is measured: the server with its accounts, and the bare floor, each pinned to the server's core."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmark import machine
from securechat.auth import passwords
from securechat.store.accounts import Accounts, NewAccount
from securechat.store.channels import ensure
from securechat.tls import authority
from tests.running import PASSWORD, ROUNDS, Server

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = '[limits]\nexempt = ["127.0.0.0/8"]\n'  # the load comes from one address, and faster than a person types


def name_of(number: int) -> str:
    """The account of the number-th member."""
    return f"member{number}"


def token_of(name: str) -> str:
    """The device token of such an account: nothing is secret here."""
    return f"sct_{base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip('=')}"


@contextlib.contextmanager
def certificates() -> Iterator[Path]:
    """A folder with a CA and a server certificate."""
    with tempfile.TemporaryDirectory() as folder:
        authority.create(Path(folder))
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class People:
    """How many there are: in each channel `senders` speak, and `members` only listen."""

    members: int
    senders: int = 1
    channels: int = 1

    @property
    def in_channel(self) -> int:
        return self.senders + self.members


def channel_of(number: int) -> str:
    """The name of the number-th channel."""
    return f"#lobby{number or ''}"


@contextlib.contextmanager
def server(
    certificates: Path,
    accounts: int,
    settings: str = SETTINGS,
    at_start: Callable[[Server], None] | None = None,
    channels: int = 1,
    *,
    paced: bool = False,
) -> Iterator[Server]:
    """A running server with accounts member0, member1, …, all of them in the settings' `autojoin`, else #lobby.

    Each has a device token.
    With more `channels` the first `accounts` are in #lobby, as many more in #lobby1, and so on, whatever is set.
    `at_start` is called before it starts, to fill its store. `paced`: nobody may talk faster than the server is shipped
    with.
    """
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", certificates, settings, paced=paced)
        _enrol(server, accounts, channels)
        server.add_tokens({name: token_of(name) for name in server.accounts})
        if at_start is not None:
            at_start(server)
        server.start()
        machine.pin(machine.SERVER_CPU, server.pid)
        try:
            yield server
        finally:
            if server.process is not None:
                server.kill()


def _enrol(server: Server, accounts: int, channels: int) -> None:
    if channels == 1:
        return server.adduser(*map(name_of, range(accounts)))  # into what the settings say
    names = [channel_of(number) for number in range(channels)]
    hashed = passwords.hash(PASSWORD, ROUNDS)
    database = server.open_store()
    try:
        with database.write() as connection:
            ensure(connection, names)  # first of all: who is there already becomes a member of a channel made here
        for number, name in enumerate(names):
            numbers = range(number * accounts, (number + 1) * accounts)
            Accounts(database, (name,)).add_all([NewAccount(name_of(one), hashed) for one in numbers])
    finally:
        database.close()
    server.accounts.update(map(name_of, range(accounts * channels)))


@dataclass(frozen=True, slots=True)
class Floor:
    pid: int
    port: int
    ca: Path


@contextlib.contextmanager
def floor(certificates: Path, people: People, added: int) -> Iterator[Floor]:
    """The bare floor, waiting for so many people; it puts `added` bytes before what a sender says."""
    files = [str(certificates / name) for name in ("server.crt", "server.key")]
    sizes = map(str, (people.channels, people.senders, people.members, added))
    words = [sys.executable, "-m", "scripts.benchmark.floor", *files, *sizes]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            machine.pin(machine.SERVER_CPU, process.pid)
            assert process.stdout is not None
            found = re.search(r":(\d+)$", process.stdout.readline())
            assert found is not None, "the floor did not start"
            yield Floor(process.pid, int(found[1]), certificates / "ca.crt")
        finally:
            process.kill()
