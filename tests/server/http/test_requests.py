"""HTTP on the chat's own port: what is answered to whatever comes, by ALPN http/1.1."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from tests import web
from tests.journeys.test_storage_trouble import fill_up, lock_held, small_disk, wait_until_stored
from tests.running import Server
from tests.wire import PATIENCE

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("http"), certificates, "[limits]\nunauthenticated_per_address = 1000\n")
    server.start()
    yield server
    server.kill()


ANSWERED = [
    (HEALTHZ, 200),
    (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
    (b"GET /healthz?verbose HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n", 200),
    (b"GET https://localhost:6697/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", 200),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"GET /healthz/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    (b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000, 405),
    (b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 405),
    (b"PUT /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", 405),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    (b"CAP LS 302\r\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 64 * 1024 + b"\r\n\r\n", 431),
    (b"\0" * 20_000, 431),
    (HEALTHZ * 100, 200),
]


@pytest.mark.parametrize(("data", "status"), ANSWERED)
def test_whatever_comes_gets_one_answer_and_the_close(shared: Server, data: bytes, status: int) -> None:
    assert web.exchange(shared, data).status == status


def test_a_head_has_no_body_but_its_length(shared: Server) -> None:
    answer = web.get(shared, "/healthz", method="HEAD")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "3", "")


def test_what_is_allowed_is_said(shared: Server) -> None:
    assert web.get(shared, "/healthz", method="DELETE").headers["allow"] == "GET, HEAD"


def test_one_byte_at_a_time_is_a_request_too(shared: Server) -> None:
    with web.connect(shared.port, shared.ca) as sock:
        for byte in HEALTHZ:
            sock.sendall(bytes([byte]))
        assert web.received(sock).body == "ok\n"


def test_who_says_no_more_behind_its_request_is_answered(shared: Server) -> None:
    with web.connect(shared.port, shared.ca) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # or the answer comes before the close-notify is said
        sock.sendall(HEALTHZ)
        sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            sock.unwrap()  # its close-notify is sent, the server's is still to come
        socket.socket.shutdown(sock, socket.SHUT_WR)
        sock.settimeout(PATIENCE)
        assert web.received(sock).status == 200


def test_who_vanishes_is_no_error(shared: Server) -> None:
    for data in (b"", HEALTHZ[:20], HEALTHZ):
        with web.connect(shared.port, shared.ca) as sock:
            sock.sendall(data)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
    assert web.get(shared, "/healthz").status == 200
    assert " ERROR " not in shared.log()
    assert "Traceback" not in shared.log()


@pytest.mark.parametrize("protocols", [["h2", "http/1.1"], ["http/1.1", "http/1.0"]])
def test_a_client_that_prefers_h2_is_served_by_http_1_1(shared: Server, protocols: list[str]) -> None:
    assert web.exchange(shared, HEALTHZ, protocols).status == 200


def test_a_client_that_speaks_h2_alone_finds_no_common_protocol(shared: Server) -> None:
    with web.connect(shared.port, shared.ca, ["h2"]) as sock:
        assert sock.selected_alpn_protocol() is None


def curl(server: Server, path: str, *words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    url = f"https://localhost:{server.port}{path}"
    command = ["curl", "-sS", "--cacert", str(server.ca), "--max-time", str(PATIENCE), "-w", "\n%{http_code}", *words]
    return subprocess.run([*command, url], capture_output=True, text=True, timeout=2 * PATIENCE, check=False)


@pytest.mark.real_client
@pytest.mark.parametrize(
    ("words", "out"),
    [
        ([], "ok\n\n200"),
        (["--http2"], "ok\n\n200"),
        (["--http1.0"], "ok\n\n200"),
        (["--head", "-o", "/dev/null"], "\n200"),
        (["--data", "x" * 5000], "not a method of this path\n\n405"),
        (["--data", "x", "--header", "Expect: 100-continue"], "not a method of this path\n\n405"),
        (["--data", "x", "--header", "Transfer-Encoding: chunked"], "not a method of this path\n\n405"),
        (["--header", "X: " + "x" * 60_000], "the head of the request is too large\n\n431"),
    ],
)
def test_curl_is_answered(shared: Server, words: list[str], out: str) -> None:
    done = curl(shared, "/healthz", *words)
    assert (done.stderr, done.stdout, done.returncode) == ("", out, 0)


# Time, and how many


def test_a_request_that_takes_too_long_is_told_so(idle_server: Server) -> None:
    idle_server.configure("[limits]\nregistration_timeout = 1\n")
    idle_server.start()
    with web.connect(idle_server.port, idle_server.ca) as sock:
        sock.sendall(HEALTHZ[:-2])
        began = time.monotonic()
        assert web.received(sock).status == 408
        assert 0.5 < time.monotonic() - began < 4
    idle_server.stop()
    assert "HTTP request took too long" in idle_server.log()


def test_requests_count_as_strangers(idle_server: Server) -> None:
    idle_server.configure("[limits]\nunauthenticated_per_address = 1\n")
    idle_server.start()
    with web.connect(idle_server.port, idle_server.ca) as first:
        assert web.get(idle_server, "/healthz").status == 200
        first.settimeout(PATIENCE)
        with suppress(ConnectionError, ssl.SSLError):
            assert first.recv(1) == b""  # it made room


# Health


def test_while_another_process_holds_the_lock_the_server_is_not_healthy(server: Server) -> None:
    with lock_held(server):
        answer = web.get(server, "/healthz")
        assert answer.status == 503
        assert answer.body == "the database is busy: another process holds its lock; try again\n"
        assert web.get(server, "/healthz").status == 503
    assert web.get(server, "/healthz").status == 200


def test_a_store_that_does_not_answer_is_not_waited_for(idle_server: Server) -> None:
    idle_server.configure("[store]\ntimeout = 60\n")
    idle_server.start()
    with lock_held(idle_server):
        began = time.monotonic()
        answer = web.get(idle_server, "/healthz")
        assert answer.status == 503
        assert answer.body == "the store has not answered for 5 s\n"
        assert 4 < time.monotonic() - began < 9
    assert web.get(idle_server, "/healthz").status == 200


def test_on_a_full_disk_the_server_is_not_healthy(tmp_path: Path, certificates: Path) -> None:
    with ExitStack() as stack:
        set_full = stack.enter_context(small_disk(tmp_path / "small"))
        server = Server(tmp_path / "small", certificates)
        server.adduser("ada")
        server.start()
        stack.callback(server.kill)
        ada = stack.enter_context(server.login("ada"))
        set_full(server, True)
        fill_up(ada)
        answer = web.get(server, "/healthz")
        assert answer.status == 503
        assert "full" in answer.body or "failed" in answer.body
        set_full(server, False)
        wait_until_stored(ada)
        assert web.get(server, "/healthz").status == 200


def test_a_server_that_ends_is_not_healthy(idle_server: Server) -> None:
    idle_server.configure("[store]\ntimeout = 20\n")
    idle_server.start()
    with lock_held(idle_server), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(web.get, idle_server, "/healthz")
        with pytest.raises(TimeoutError):
            asked.result(2)
        idle_server.signal(signal.SIGTERM)
        answer = asked.result(PATIENCE)
        assert (answer.status, answer.body) == (503, "the server is shutting down\n")
        assert idle_server.wait() == 0


def test_a_flood_of_requests_writes_once_a_second(shared: Server) -> None:
    def token() -> str:
        with closing(shared.open_store()) as database, database.read() as connection:
            return str(connection.exec_driver_sql("SELECT token FROM change WHERE token IS NOT NULL").scalar())

    for _ in range(5):
        web.get(shared, "/healthz")
        before = token()
        assert [web.get(shared, "/healthz").status for _ in range(3)] == [200] * 3
        if token() == before:
            return
    raise AssertionError("each request is a commit")
