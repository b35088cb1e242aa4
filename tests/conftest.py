"""The fixtures that most tests share: throw-away certificates, a running server, logged-in clients."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from securechat.tls import authority
from tests.running import Server
from tests.wire import ALL_CAPS, Wire

pytest_plugins = ["tests.skips"]


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """Whoever starts the tests in a shell's background has them ignore SIGINT, and so every process they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def nobody_s_own_keyring() -> None:
    """What tests keep is kept in files: the person who runs them has a keyring of his own."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


@pytest.fixture(scope="session", autouse=True)
def servers_are_forked() -> None:
    """To start one takes longer than most tests."""
    Server.forks = True


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificates of a throw-away CA."""
    folder = tmp_path_factory.mktemp("certificates")
    authority.create(folder)
    return folder


@pytest.fixture
def idle_server(tmp_path: Path, certificates: Path) -> Iterator[Server]:
    """A server that the test starts itself, after having set it up."""
    server = Server(tmp_path / "data", certificates)
    yield server
    if server.process is not None:
        server.kill()


@pytest.fixture
def server(idle_server: Server) -> Server:
    return idle_server.start()


@pytest.fixture
def login(idle_server: Server) -> Iterator[Callable[..., Wire]]:
    """`login("ada")` gives a logged-in client; all are closed after the test."""
    with ExitStack() as stack:

        def log_in(name: str, caps: str = ALL_CAPS) -> Wire:
            return stack.enter_context(idle_server.login(name, caps))

        yield log_in
