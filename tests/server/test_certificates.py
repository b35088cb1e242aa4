"""The certificate of a running server: taken over, renewed in time, and never replaced by a broken one."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import signal
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from securechat import config
from securechat.server import certificates
from securechat.tls import authority, contexts
from tests.running import Server
from tests.wire import Wire

Login = Callable[..., Wire]

PATIENCE = 10.0


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server, not yet running, whose certificates the test may change; they live 80 days."""
    authority.create(tmp_path / "certs")
    server = Server(tmp_path / "data", tmp_path / "certs")
    yield server
    if server.process is not None:
        server.kill()


def of_days(folder: Path, days: int) -> None:
    """Have the CA sign the server's certificate for so many days."""
    authority.renew(folder, days)


def shown(server: Server) -> bytes:
    """The certificate that a new connection sees."""
    with server.connect() as wire:
        certificate = wire.sock.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


def on_disk(server: Server) -> bytes:
    return ssl.PEM_cert_to_DER_cert((server.certificates / "server.crt").read_text())


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_sighup_takes_over_a_new_pair_and_ends_no_session(own_server: Server) -> None:
    own_server.start()
    with closing(own_server.login("ada")) as ada, closing(own_server.login("bob")) as bob:
        before = shown(own_server)
        authority.renew(own_server.certificates, new_key=True)
        assert shown(own_server) == before
        own_server.signal(signal.SIGHUP)
        until(lambda: shown(own_server) == on_disk(own_server))
        assert on_disk(own_server) != before
        bob.send("PRIVMSG #lobby :still here")
        ada.wait_for("PRIVMSG", text="still here")
    assert "the certificate was reloaded" in own_server.log()


@pytest.mark.parametrize("file", ["server.crt", "server.key"])
def test_a_broken_pair_is_refused_and_the_old_one_kept(own_server: Server, file: str) -> None:
    own_server.start()
    before, good = shown(own_server), (own_server.certificates / file).read_bytes()
    (own_server.certificates / file).write_text("not PEM at all")
    own_server.signal(signal.SIGHUP)
    until(lambda: "was not reloaded, the old one stays in use" in own_server.log())
    assert str(own_server.certificates / file) in own_server.log()
    assert "Traceback" not in own_server.log()
    assert shown(own_server) == before
    (own_server.certificates / file).write_bytes(good)
    own_server.signal(signal.SIGHUP)
    until(lambda: "the certificate was reloaded" in own_server.log())


def test_changed_files_are_taken_over_without_a_signal(own_server: Server) -> None:
    own_server.start()
    with closing(own_server.login("ada")) as ada:
        authority.renew(own_server.certificates, new_key=True)
        until(lambda: shown(own_server) == on_disk(own_server))
        ada.sync()
    own_server.stop()  # and with it the log is whole
    assert own_server.log().count("the certificate was reloaded") == 1


def test_files_that_broke_are_told_once_and_the_old_pair_serves_on(own_server: Server) -> None:
    own_server.start()
    before = shown(own_server)
    (own_server.certificates / "server.key").unlink()
    until(lambda: "cannot read" in own_server.log())
    own_server.signal(signal.SIGHUP)  # tells it once more, so the looks in between did not
    until(lambda: own_server.log().count("cannot read") == 2)
    assert shown(own_server) == before


def test_killed_while_it_renews_it_starts_again_with_a_whole_pair(own_server: Server) -> None:
    """Renewing takes some 10 ms; the kills fall before, into and behind it."""
    own_server.start()
    for moment in range(8):
        of_days(own_server.certificates, 29)
        own_server.signal(signal.SIGHUP)
        own_server.kill(delay=moment * 0.003)
        contexts.server_context(own_server.certificates / "server.crt", own_server.certificates / "server.key")
        own_server.start()
        assert shown(own_server) == on_disk(own_server)
        assert authority.days_left(own_server.certificates / "server.crt") > 75
    assert {path.suffix for path in own_server.certificates.iterdir()} == {".crt", ".key"}


def test_signals_in_quick_succession_do_no_harm(own_server: Server) -> None:
    own_server.start()
    for _ in range(300):
        own_server.signal(signal.SIGHUP)
    with closing(own_server.login("ada")) as ada:
        ada.sync()
    assert own_server.stop() == 0


def test_a_certificate_of_less_than_30_days_is_renewed_at_the_start(own_server: Server) -> None:
    of_days(own_server.certificates, 29)
    before = on_disk(own_server)
    own_server.start()
    assert authority.days_left(own_server.certificates / "server.crt") > 75
    assert shown(own_server) == on_disk(own_server) != before
    assert f"renewed {own_server.certificates / 'server.crt'}" in own_server.log()


def test_it_is_renewed_while_the_server_runs_too(own_server: Server) -> None:
    own_server.start()
    of_days(own_server.certificates, 29)
    own_server.signal(signal.SIGHUP)
    until(lambda: authority.days_left(own_server.certificates / "server.crt") > 75)
    until(lambda: shown(own_server) == on_disk(own_server))


@pytest.mark.parametrize(("days", "warned"), [(13, True), (16, False)])
def test_without_the_ca_s_key_a_warning_comes_two_weeks_before_the_end(
    own_server: Server, days: int, warned: bool
) -> None:
    of_days(own_server.certificates, days)
    (own_server.certificates / "ca.key").unlink()
    before = on_disk(own_server)
    own_server.start()
    assert on_disk(own_server) == before
    line = f"expires in {days - 1} days; run python scripts/gen_certs.py renew --dir {own_server.certificates}"
    until(lambda: "listening" in own_server.log())
    assert (line in own_server.log()) == warned


def test_nobody_is_sent_to_gen_certs_for_a_certificate_of_somebody_else(own_server: Server) -> None:
    of_days(own_server.certificates, 10)
    for kind in ("crt", "key"):
        shutil.copy(own_server.certificates / f"server.{kind}", own_server.data / f"fullchain.{kind}")
    own_server.start("--cert", str(own_server.data / "fullchain.crt"), "--key", str(own_server.data / "fullchain.key"))
    until(lambda: "fullchain.crt expires in 9 days; get a new pair from its issuer" in own_server.log())


# The keeper alone


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Callable[[], list[ssl.SSLContext]]]:
    """Starts one that looks all the time; gives what it hands over."""
    authority.create(tmp_path)
    running: list[certificates.Keeper] = []

    def start() -> list[ssl.SSLContext]:
        files = authority.server_files(tmp_path)
        used: list[ssl.SSLContext] = []
        one = certificates.Keeper(config.TLS(), files.certificate, files.key, look=0.01, check=0)
        one.first()
        one.start(used.append)
        running.append(one)
        return used

    yield start
    for one in running:
        one.stop()


def test_in_the_background_it_is_renewed_when_it_is_due(
    tmp_path: Path, keeper: Callable[[], list[ssl.SSLContext]]
) -> None:
    used = keeper()
    of_days(tmp_path, 29)
    until(lambda: bool(used))
    assert authority.days_left(tmp_path / "server.crt") > 75


def test_a_renewal_that_fails_is_told_and_tried_again(
    tmp_path: Path, keeper: Callable[[], list[ssl.SSLContext]], caplog: pytest.LogCaptureFixture
) -> None:
    of_days(tmp_path, 29)
    key = (tmp_path / "ca.key").read_bytes()
    (tmp_path / "ca.key").write_text("broken")
    with caplog.at_level(logging.INFO):
        used = keeper()
        until(lambda: "cannot renew" in caplog.text)
        assert not used
        (tmp_path / "ca.key").write_bytes(key)
        until(lambda: bool(used))


def test_files_are_left_alone_as_long_as_they_change(tmp_path: Path) -> None:
    """A copy in two steps is no broken pair."""
    authority.create(tmp_path)
    files = authority.server_files(tmp_path)
    used: list[ssl.SSLContext] = []
    keeper = certificates.Keeper(config.TLS(), files.certificate, files.key, look=0.5)
    keeper.first()
    keeper.start(used.append)
    try:
        end = time.monotonic() + 1.8
        while time.monotonic() < end:
            os.utime(files.certificate)
            time.sleep(0.01)
            assert not used
        until(lambda: len(used) == 1)
    finally:
        keeper.stop()


def test_it_ends_though_another_process_holds_the_folder(tmp_path: Path) -> None:
    authority.create(tmp_path)
    of_days(tmp_path, 29)
    files = authority.server_files(tmp_path)
    keeper = certificates.Keeper(config.TLS(), files.certificate, files.key, look=0.01)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        keeper.start(lambda context: None)
        until(lambda: any(thread.name == "certificates" for thread in threading.enumerate()))
        began = time.monotonic()
        keeper.stop()
        assert time.monotonic() - began < 1.5
    finally:
        os.close(descriptor)
        keeper.stop()
