"""A whole server in one process: its parts put together, run, and ended in order."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from securechat.auth.throttle import Throttle
from securechat.auth.verifier import CertificateVerifier, DeviceTokens, InviteVerifier, Verifier
from securechat.chat.directory import Directory
from securechat.config import Settings
from securechat.log import Tally
from securechat.metrics import Exposition, Process
from securechat.server import certificates, listener, storage
from securechat.server.core import Core
from securechat.server.listener import Listener
from securechat.server.loop import Loop, Reload, Stop
from securechat.server.metrics import ServerMetrics
from securechat.server.reading import StoredHistory
from securechat.server.services import PASSWORDS, READS, Services
from securechat.server.workers import Pool
from securechat.store import certificates as client_certificates
from securechat.store import (
    changes,
    channels,
    invites,
    known_addresses,
    login_failures,
    permissions,
    snapshot,
    tokens,
    totp,
)
from securechat.store.accounts import Accounts
from securechat.store.database import Database, open_database, prepare
from securechat.store.invites import Invites
from securechat.store.lock import ServeLock
from securechat.store.tokens import Tokens
from securechat.store.totp import Factors
from securechat.store.upkeep import Upkeep, upkeep
from securechat.store.writer import Writer

SWITCH_INTERVAL = 0.0005  # seconds; with the default of 5 ms a worker that runs Python keeps the loop from its sockets
STORE_TIME = 0.5  # seconds for the store thread to end
HASHERS = max(1, (os.cpu_count() or 1) - 1)
READERS = 2
MOST_READ = 4096  # reads that wait, one of a session: a thousand people come back at once, and each takes 0.1 ms

log = logging.getLogger(__name__)


def serve(
    settings: Settings,
    folder: Path,
    certificate: Path,
    key: Path,
    open_writer: Callable[[Database, int, Upkeep], storage.Writer] = lambda database, seen, kept_up: Writer(
        database, after=seen, upkeep=kept_up
    ),
) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises SecurechatError for what keeps it from starting, and ThreadEnded.

    `open_writer` gets the newest change that is loaded already, and the upkeep that the store thread is to do.
    """
    kept_up = upkeep(settings.history)
    asks = any(one.client_certificates for one in settings.listen)
    keeper = certificates.Keeper(settings.tls, certificate, key, asks=asks)
    contexts = keeper.first()
    database_file = prepare(folder, settings.store)
    _keep_private(database_file)
    with (
        ServeLock(database_file.parent) as lock,
        contextlib.closing(open_database(folder, settings.store, lock=lock)) as database,
        _listening(settings) as listeners,
    ):
        database.keep_ready(HASHERS + READERS)
        directory, throttle, seen = _load(database, settings)
        tally = Tally(log)
        exposition = Exposition()
        services = Services(
            Verifier(Accounts(database, settings.channels.autojoin), Factors(database), settings.auth, time.time),
            DeviceTokens(Tokens(database), time.time),
            InviteVerifier(Invites(database, settings.channels.autojoin), time.time),
            CertificateVerifier(client_certificates.Certificates(database)),
            StoredHistory(database),
            lambda reason, address: tally.count(reason, address, time.monotonic()),
            exposition.text,
        )
        loop = Loop(Core(directory, throttle, settings, services, time.time), settings, listeners, contexts, tally)
        pools = {
            PASSWORDS: Pool(PASSWORDS, HASHERS, settings.limits.login_queue, loop.post, nice=True),
            READS: Pool(READS, READERS, MOST_READ, loop.post),
        }
        exposition.add(ServerMetrics(loop, directory, pools, keeper, tally, settings.limits))
        exposition.add(Process())
        _run(loop, open_writer(database, seen, kept_up), pools, keeper, listeners, settings)


def _keep_private(database: Path) -> None:
    for path in permissions.make_private(database):
        log.warning("others could read %s; only its owner can now", path)


def _load(database: Database, settings: Settings) -> tuple[Directory, Throttle, int]:
    """Everything the core holds, and the newest change that it includes."""
    with database.write() as connection:
        channels.ensure(connection, settings.channels.autojoin)
        channels.remove_empty(connection, settings.channels.autojoin)
        seen = changes.newest_id(connection)
        changes.prune(connection, seen)
        known_addresses.prune(connection)
        tokens.prune(connection)
        invites.prune(connection)
        client_certificates.prune(connection)
        totp.prune(connection)
        everything = snapshot.load(connection)
        failures = login_failures.load(connection)
    directory = Directory.load(everything, settings.server.network, settings.channels.autojoin)
    return directory, Throttle(settings.limits, failures), seen


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[list[Listener]]:
    with contextlib.ExitStack() as stack:
        listeners = []
        for one in settings.listen:
            for sock in listener.listen(one.address, one.port):
                listeners.append(Listener(stack.enter_context(sock), one.client_certificates))
        yield listeners


def _raise_file_limit() -> None:
    """As many connections as the system allows: unless asked it allows 1024, fewer than our own limits do."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run(
    loop: Loop,
    writer: storage.Writer,
    pools: Mapping[str, Pool],
    keeper: certificates.Keeper,
    listeners: list[Listener],
    settings: Settings,
) -> None:
    sys.setswitchinterval(SWITCH_INTERVAL)
    _raise_file_limit()
    store_thread = storage.Storage(writer, loop.post)
    keeper.start(lambda contexts: loop.post(Reload(contexts)))
    with _signals(loop, keeper):
        _announce(listeners, settings)
        loop.run(store_thread, pools)
    keeper.stop()
    for pool in pools.values():
        pool.stop()
    store_thread.stop(STORE_TIME)
    log.info("the server has ended")


@contextlib.contextmanager
def _signals(loop: Loop, keeper: certificates.Keeper) -> Iterator[None]:
    handlers = {
        signal.SIGTERM: lambda *_: loop.post(Stop("the server is shutting down")),
        signal.SIGINT: lambda *_: loop.post(Stop("the server is shutting down")),
        signal.SIGHUP: lambda *_: keeper.reload(),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(listeners: list[Listener], settings: Settings) -> None:
    version = "TLS 1.3" if settings.tls.min_version == "1.3" else "TLS 1.2 and 1.3"
    for one in listeners:
        address = listener.shown(*one.sock.getsockname()[:2])
        how = f"{version}, client certificates" if one.asks else version
        log.info("listening on %s (%s)", address, how)
        print(f"listening on {address} ({how})", flush=True)  # noqa: T201  what `serve` is asked for
