"""A real `securechat serve` process with its own data folder, for tests and scripts."""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from securechat import config
from securechat.auth import invites, passwords, tokens
from securechat.protocol.invites import Invite
from securechat.store import history
from securechat.store.accounts import Accounts, NewAccount
from securechat.store.database import FILE, Database, open_database
from securechat.store.invites import Invites, NewInvite
from securechat.store.rows import Entry, pair
from securechat.store.tokens import Tokens
from securechat.store.totp import Factors
from securechat.tls import authority, pins
from tests.codes import App
from tests.forking import PREFIX, Forked
from tests.wire import ALL_CAPS, PATIENCE, Wire

ROUNDS = 4  # of bcrypt, where its cost does not matter
PASSWORD = "correct horse battery"
UNPACED = "messages_per_second = 1_000_000.0\nmessage_burst = 1_000_000\nsessions_per_account = 1_000\n"


@functools.cache
def _empty_database() -> Path:
    """A database that was made once, to be copied: making one takes longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="securechat-empty-"))
    atexit.register(shutil.rmtree, folder)
    open_database(folder, config.Store()).close()
    return folder / FILE


class Server:
    """Stopped when made; `port` is known once it listens. Its accounts all have PASSWORD unless told otherwise.

    They may talk as fast as tests do, unless `paced`.
    """

    forks = False  # whether the process is forked rather than started, where nothing special is wanted of it

    def __init__(
        self, data: Path, certificates: Path, settings: str = "", *, paced: bool = False, rounds: int = ROUNDS
    ) -> None:
        self.data = data
        self.rounds = rounds
        self.certificates = certificates
        self.ca = certificates / "ca.crt"
        self.port = 0
        self.process: subprocess.Popen[str] | Forked | None = None
        self.accounts: set[str] = set()
        self.data.mkdir(parents=True, exist_ok=True)
        self.configure(settings, paced=paced)

    def configure(self, settings: str, *, paced: bool = False) -> None:
        """Replace the configuration; `[auth]` is ours, and unless `paced` how fast accounts may talk."""
        if not paced:
            before, _, limits = settings.partition("[limits]\n")
            settings = f"{before}\n[limits]\n{UNPACED}{limits}"
        (self.data / "config.toml").write_text(f"[auth]\nbcrypt_rounds = {self.rounds}\n{settings}")

    @property
    def settings(self) -> config.Settings:
        return config.load(self.data / "config.toml")

    def open_store(self) -> Database:
        """The database, beside the running server or without one; the caller closes it."""
        if not (self.data / FILE).exists():
            shutil.copy(_empty_database(), self.data / FILE)  # with its mode
        return open_database(self.data, self.settings.store, timeout=30)

    def adduser(self, *names: str, admin: bool = False, password: str = PASSWORD) -> None:
        database = self.open_store()
        try:
            role: Any = "admin" if admin else "member"
            hashed = passwords.hash(password, self.rounds)
            people = [NewAccount(name, hashed, role) for name in names]
            Accounts(database, self.settings.channels.autojoin).add_all(people)
        finally:
            database.close()
        self.accounts.update(names)

    def token(self, name: str) -> tuple[str, str]:
        """Create a device token of the account; gives its id and the secret."""
        secret = tokens.new()
        [ident] = self.add_tokens({name: secret})
        return ident, secret

    def add_tokens(self, secrets: Mapping[str, str]) -> list[str]:
        """A device token for each of these accounts, which counts for a day; gives their ids."""
        expires = int((time.time() + 86400) * 1000)
        with closing(self.open_store()) as database:
            store = Tokens(database)
            return [store.add(name, "test", tokens.digest(one), expires) for name, one in secrets.items()]

    def invite(self, name: str, *, channel: str = "", hours: float = 72) -> Invite:
        """Invite somebody who has no account yet."""
        pin = pins.of((self.certificates / "server.crt").read_bytes())
        key = bytes.fromhex(pin.removeprefix(pins.PREFIX))
        invite = Invite(name, "localhost", self.port, key, invites.new())
        expires = int((time.time() + hours * 3600) * 1000)
        with closing(self.open_store()) as database:
            made = NewInvite(invites.digest(invite.password), channel, expires)
            store = Invites(database, self.settings.channels.autojoin)
            store.open(name, made, passwords.dummy(self.rounds), admin=False)
        self.accounts.add(name)
        return invite

    def enable_totp(self, name: str) -> App:
        """Give the account a second factor."""
        with closing(self.open_store()) as database:
            return App(Factors(database), name)

    def command(self, *words: str) -> list[str]:
        return [*PREFIX, *words, "--data", str(self.data)]

    def start(self, *extra: str, prefix: Iterable[str] = (), **options: Any) -> Server:
        """Run `serve` and wait until it listens; the port stays the same over restarts, but not with a [[listen]]."""
        pair_of = ("--cert", str(self.certificates / "server.crt"), "--key", str(self.certificates / "server.key"))
        listen = () if "[[listen]]" in (self.data / "config.toml").read_text() else (f"--listen=127.0.0.1:{self.port}",)
        command = self.command("serve", *listen, *pair_of, *extra)
        if self.forks and not prefix and not options:
            self.process = Forked(command, self.data)
        else:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(
                [*prefix, *command], stdout=pipe, stderr=pipe, text=True, cwd=self.data, **options
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"listening on .*:(\d+) \(TLS", line)
        if found is None:
            _, errors = self.process.communicate(timeout=PATIENCE)
            raise AssertionError(f"serve did not start: {line!r} {errors!r}")
        self.port = int(found[1])
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; gives the exit status."""
        assert self.process is not None
        self.process.communicate(timeout=PATIENCE)
        status, self.process = self.process.returncode, None
        return status

    def kill(self, *, delay: float = 0.0) -> None:
        """SIGKILL; the delay is spent on the processor, for a sleep is too coarse for moments within one commit."""
        until = time.perf_counter() + delay
        while time.perf_counter() < until:
            pass
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def restart(self) -> Server:
        if self.process is not None:
            self.stop()
        return self.start()

    def connect(self, *, source: str | None = None, context: ssl.SSLContext | None = None) -> Wire:
        return Wire(("127.0.0.1", self.port), self.ca, source=source, context=context)

    def login(self, name: str, caps: str = ALL_CAPS, *, source: str | None = None, password: str = PASSWORD) -> Wire:
        """A logged-in client; the account is made when there is none. `name` may be `name@device`."""
        account = name.partition("@")[0]
        if account not in self.accounts:
            self.adduser(account)
        wire = self.connect(source=source)
        try:
            wire.register(name, password, caps)
        except BaseException:
            wire.close()
            raise
        return wire

    def history(self, target: str, *, limit: int = 100_000) -> list[Entry]:
        """What the store holds of a channel, or of `one:other` two accounts' messages."""
        database = self.open_store()
        try:
            if ":" in target:
                accounts = Accounts(database, ())
                target = pair(*(accounts.required(name).id for name in target.split(":")))
            with database.read() as connection:
                return history.latest(connection, target, limit)
        finally:
            database.close()

    def log(self) -> str:
        path = self.data / "server.log"
        return path.read_text() if path.exists() else ""


@contextmanager
def temporary_server(settings: str = "", *, paced: bool = False, rounds: int = ROUNDS) -> Iterator[Server]:
    """A server with certificates of its own, for the script that starts it; killed and removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        certificates = Path(folder, "certificates")
        certificates.mkdir()
        authority.create(certificates)
        server = Server(Path(folder, "data"), certificates, settings, paced=paced, rounds=rounds)
        try:
            yield server
        finally:
            if server.process is not None:
                server.kill()
