"""What a person on call sees: the numbers of a running server, and that each is explained and named as is usual."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import asdict
from prometheus_client.parser import text_string_to_metric_families

from tests import web
from tests.journeys.test_storage_trouble import lock_held
from tests.running import Server
from tests.test_metrics import values
from tests.wire import Wire

Login = Callable[..., Wire]
Scrape = Callable[[], dict[str, float]]

OPERATING = Path(__file__).parents[2].joinpath("docs", "operating.md").read_text()
EXPLAINED = dict(re.findall(r"^\| `((?:securechat|process)_[a-z_]+)` \| ([a-z]+) \|", OPERATING, re.MULTILINE))


@pytest.fixture
def token(idle_server: Server) -> str:
    idle_server.adduser("ada", admin=True)
    return idle_server.token("ada")[1]


@pytest.fixture
def scrape(server: Server, token: str) -> Scrape:
    return lambda: values(web.get(server, "/metrics", token=token).body)


def test_every_metric_is_explained_and_named_as_is_usual(server: Server, token: str) -> None:
    families = list(text_string_to_metric_families(web.get(server, "/metrics", token=token).body))
    told = {f"{one.name}_total" if one.type == "counter" else one.name: one.type for one in families}
    assert told == EXPLAINED
    for family in families:
        assert family.documentation.endswith(".")


def test_all_limits_of_the_configuration_are_told(server: Server, scrape: Scrape) -> None:
    limits = {f"securechat_limit {name}": value for name, value in asdict(server.settings.limits).items()}
    del limits["securechat_limit exempt"]
    found = scrape()
    assert {name: value for name, value in found.items() if name.startswith("securechat_limit ")} == limits


def test_who_is_here_and_who_is_on_the_way(server: Server, login: Login, scrape: Scrape) -> None:
    for name in ("ada", "ada", "bob"):
        login(name)
    server.adduser("eve")
    with server.connect(), server.connect():
        found = scrape()
    assert found["securechat_connections yes open"] == 3
    assert found["securechat_connections no open"] == 2
    assert found["securechat_connections no asked"] == 1
    assert found["securechat_people_present"] == 2
    assert found["securechat_sessions"] == 3
    assert found["securechat_accounts active"] == 3
    assert found["securechat_channels"] == 1
    assert found[f"securechat_connections_accepted_total 127.0.0.1:{server.port}"] == 6


def test_what_is_said_and_what_is_delivered(login: Login, scrape: Scrape) -> None:
    people = [login(name, "echo-message") for name in ("ada", "bob", "cyd")]
    silent = login("dot", "")
    before = scrape()
    for wire in (*people, silent):
        wire.send("PRIVMSG #lobby :hello")
        wire.sync()
    people[0].send("TOPIC #lobby :no message")
    people[0].sync()
    after = scrape()

    def grown(name: str) -> float:
        return after[name] - before[name]

    assert grown("securechat_messages_total") == 4
    assert grown("securechat_deliveries_total") >= 4 * 4 - 1 + 4 + 5  # no echo for dot; the topic; PONGs
    assert grown("securechat_turns_total") >= 5
    assert grown("securechat_commit_seconds_count") >= 5
    assert grown("securechat_commit_seconds_sum") < 5


def test_who_talks_too_fast_is_seen(idle_server: Server, token: str, login: Login) -> None:
    idle_server.configure(
        "[limits]\nmessages_per_second = 0.5\nmessage_burst = 5\nsessions_per_account = 2\n", paced=True
    )
    idle_server.start()
    bob = login("bob")
    for _ in range(2):
        login("cyd")
    with idle_server.login("cyd"):
        for number in range(10):
            bob.send(f"PRIVMSG #lobby :{number}")
        bob.wait_for("PRIVMSG", text="3")
        found = values(web.get(idle_server, "/metrics", token=token).body)
    assert found["securechat_paused_connections"] == 1
    assert found["securechat_pauses_total"] >= 1
    assert found["securechat_refused_total too many sessions of one account"] == 1


def test_who_had_to_make_room_is_counted(idle_server: Server, token: str) -> None:
    idle_server.configure("[limits]\nunauthenticated_per_address = 2\n")
    idle_server.start()
    with idle_server.connect(), idle_server.connect(), idle_server.connect():
        found = values(web.get(idle_server, "/metrics", token=token).body)
    assert found["securechat_evictions_total"] == 2
    assert found["securechat_refused_total too many connections from one address that have not logged in"] == 2


def test_refusals_and_failures_are_counted(server: Server, login: Login, scrape: Scrape) -> None:
    server.adduser("eve")
    for _ in range(3):
        with server.connect() as wire:
            wire.begin("eve", "wrong")
            wire.wait_for("904")
    ada = login("ada")
    with lock_held(server):
        for number in range(2):
            assert ada.ask(f"PRIVMSG #lobby :{number}")[0].command == "FAIL"
        during = scrape()
    ada.ask("PRIVMSG #lobby :kept")
    after = scrape()
    assert during["securechat_refused_total wrong name or password"] == 3
    assert during["securechat_store_errors_total StoreBusy"] >= 2
    assert (during["securechat_store_failing"], after["securechat_store_failing"]) == (1, 0)
    assert during["securechat_stalled_seconds_total"] > 2


def test_bytes_that_a_client_does_not_take_are_seen(login: Login, scrape: Scrape) -> None:
    ada, _lazy = login("ada", ""), login("bob")
    assert scrape()["securechat_outbox_bytes"] == 0
    for _ in range(20):  # 45 KB each; the kernel takes the first half a megabyte
        ada.send_bytes(b"PRIVMSG #lobby :%s\r\n" % (b"x" * 400) * 100)
        ada.sync()
    assert 100_000 < scrape()["securechat_outbox_bytes"] < 1_048_576


def test_the_certificate_in_use_and_the_process_are_told(server: Server, scrape: Scrape) -> None:
    found = scrape()
    left = found["securechat_certificate_expiry_timestamp_seconds"] - time.time()
    assert 79 * 86400 < left < 80 * 86400
    assert abs(found["process_start_time_seconds"] - time.time()) < 60
    assert found["process_max_fds"] > found["process_open_fds"] > 10
    assert found["process_cpu_seconds_total"] > 0.1
    assert found["securechat_worker_queue_jobs passwords"] == 0
    assert found["securechat_worker_queue_limit_jobs passwords"] == 256
