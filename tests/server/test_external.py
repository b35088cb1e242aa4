"""Logging in with a client certificate, on a listener that asks for one, and how such a session ends."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from securechat.store.accounts import Accounts
from securechat.store.certificates import Certificates, Named
from securechat.tls import authority, clients
from securechat.tls.clients import ClientCertificate
from tests.certificates import ASKING, FOR_SERVERS, client_pem, presenting
from tests.core import HASH, CoreRun
from tests.running import Server
from tests.wire import Wire

PLAIN = "[[listen]]\naddress = '127.0.0.1'\nport = 0\n"
EXPIRES = int(time.time() + 365 * 24 * 3600) * 1000


def certificate(account: str = "bob", serial: str = "5f", issued: int | None = None) -> ClientCertificate:
    return ClientCertificate(account, serial, int(time.time()) * 1000 if issued is None else issued, EXPIRES)


def said(name: str, authzid: str = "") -> tuple[str, ...]:
    """What a client says up to the outcome of its login."""
    response = base64.b64encode(authzid.encode()).decode() or "+"
    opening = ("CAP LS 302", f"NICK {name}", f"USER {name} 0 * :{name.title()} Test", "CAP REQ :sasl")
    return (*opening, "AUTHENTICATE EXTERNAL", f"AUTHENTICATE {response}")


def log_in(run: CoreRun, presented: ClientCertificate | None = None, authzid: str = "") -> Any:
    presented = presented or certificate()
    peer = run.connect()
    peer.session.certificate = presented
    run.say(peer, *said(presented.account, authzid), "CAP END")
    return peer


def outcome(run: CoreRun, presented: ClientCertificate, authzid: str = "") -> str:
    """The last line of a login without its source."""
    peer = run.connect()
    peer.session.certificate = presented
    run.say(peer, *said(presented.account, authzid))
    return str(peer.take()[-1].partition(" ")[2])


def admitted(peer: Any) -> bool:
    return any(" 001 " in line for line in peer.take())


# In the core


def test_the_certificates_account_is_logged_in_and_its_use_is_noted(run: CoreRun) -> None:
    bob = log_in(run, certificate("BOB"))
    assert admitted(bob)
    run.say(bob, "PRIVMSG #lobby :hello")
    assert run.texts() == ["hello"]
    [one] = run.certificates.listing("bob")
    assert (one.serial, one.last_used, one.address) == ("5f", int(run.now * 1000), "127.0.0.1")
    assert one.not_after == EXPIRES


@pytest.mark.parametrize("authzid", ["", "bob", "Bob", "bob@laptop"])
def test_an_authzid_may_say_whose_it_is(run: CoreRun, authzid: str) -> None:
    bob = log_in(run, authzid=authzid)
    assert admitted(bob)
    assert bob.session.device == authzid.partition("@")[2]


@pytest.mark.parametrize("authzid", ["ada", "ada@laptop", "bob2", "\0", "b\xf6b"])
def test_nobody_acts_for_another_account(run: CoreRun, authzid: str) -> None:
    assert outcome(run, certificate(), authzid) == "904 bob :SASL authentication failed"


def test_external_is_offered_only_to_who_presented_a_certificate(run: CoreRun) -> None:
    without, with_ = run.connect(), run.connect()
    with_.session.certificate = certificate()
    for peer in (without, with_):
        run.say(peer, "CAP LS 302", "AUTHENTICATE SCRAM-SHA-256")
    assert any("sasl=PLAIN,EXTERNAL " in line for line in with_.take())
    lines = without.take()
    assert any("sasl=PLAIN " in line for line in lines)
    assert lines[-2].endswith("908 * PLAIN :are available SASL mechanisms")
    run.say(without, "AUTHENTICATE EXTERNAL")
    assert [line.split()[1] for line in without.take()] == ["908", "904"]


def test_who_presented_one_may_use_the_password_all_the_same(run: CoreRun) -> None:
    peer = run.connect()
    peer.session.certificate = certificate()
    response = base64.b64encode(b"\0ada\0correct horse battery").decode()
    run.say(peer, "CAP REQ sasl", "NICK ada", "USER ada 0 * :Ada", "AUTHENTICATE PLAIN", f"AUTHENTICATE {response}")
    run.say(peer, "CAP END")
    assert admitted(peer)


def test_whatever_is_wrong_with_it_is_answered_alike(run: CoreRun) -> None:
    run.certificates.revoke([Named("60", "bob")])
    run.look()
    created = run.accounts.required("bob").certificates_since
    wrong = {
        outcome(run, certificate("bob", "60")),
        outcome(run, certificate("bob", issued=created // 1000 * 1000 - 1000)),
    }
    assert wrong == {"904 bob :SASL authentication failed"}
    assert outcome(run, certificate("nobody")) == "904 nobody :SASL authentication failed"


def of_yesterday(run: CoreRun) -> ClientCertificate:
    """A certificate of eve, whose account is older still."""
    day = 24 * 3600 * 1000
    run.accounts.add("eve", HASH)
    with run.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE account SET created = created - {2 * day} WHERE name = 'eve'")
    run.look()
    return certificate("eve", issued=int(time.time()) * 1000 - day)


def test_one_of_an_earlier_owner_of_the_name_opens_nothing(run: CoreRun) -> None:
    old = of_yesterday(run)
    eve = log_in(run, old)
    assert admitted(eve)
    run.accounts.delete("eve", release_name=True)
    run.accounts.add("eve", HASH)
    run.look()
    assert eve.closed == "this account was deleted"
    assert outcome(run, old) == "904 eve :SASL authentication failed"
    assert admitted(log_in(run, certificate("eve", "60")))


def test_revoking_one_ends_its_sessions_alone(run: CoreRun) -> None:
    one, again, other = log_in(run), log_in(run), log_in(run, certificate(serial="60"))
    by_password = run.login("bob")
    run.certificates.revoke([Named("5f")])
    run.look()
    assert one.closed == again.closed == "the certificate of this session was revoked"
    assert other.closed is by_password.closed is None


def test_revoking_all_of_an_account_ends_them_even_if_their_use_could_not_be_noted(run: CoreRun) -> None:
    old = of_yesterday(run)
    run.writer.outcomes.extend(["failed"] * 9)
    eve = log_in(run, old)
    assert admitted(eve)
    run.writer.outcomes.clear()
    assert run.certificates.listing() == []
    run.certificates.revoke_all("eve")
    run.look()
    assert eve.closed == "the certificate of this session was revoked"
    assert outcome(run, old) == "904 eve :SASL authentication failed"
    assert admitted(log_in(run, certificate("eve", "60")))


def test_one_that_is_revoked_between_its_check_and_the_admission_opens_nothing(run: CoreRun) -> None:
    peer = run.connect()
    peer.session.certificate = certificate()
    run.queue(peer, *said("bob"))
    run.step()
    run.certificates.revoke([Named("5f", "bob")])
    run.look()
    assert peer.take()[-1].endswith("904 bob :SASL authentication failed")


def test_a_suspended_account_is_told_so_and_let_in_again_once_resumed(run: CoreRun) -> None:
    bob = log_in(run)
    run.accounts.suspend("bob")
    run.look()
    assert bob.closed == "this account is suspended"
    assert outcome(run, certificate()) == "904 bob :this account is suspended; ask the operator of this server"
    run.accounts.resume("bob")
    run.look()
    assert admitted(log_in(run))


def test_a_new_password_ends_its_sessions_but_not_the_certificate(run: CoreRun) -> None:
    """Who stole the password could not make himself a certificate."""
    bob = log_in(run)
    run.accounts.set_password("bob", HASH)
    run.look()
    assert bob.closed == "the password of this account was changed"
    assert admitted(log_in(run))


# Over the wire


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A running server whose one listener asks for certificates; ada and bob have accounts."""
    authority.create(tmp_path / "certs")
    server = Server(tmp_path / "data", tmp_path / "certs", ASKING)
    server.adduser("ada", "bob")
    yield server.start()
    if server.process is not None:
        server.kill()


def enter(server: Server, name: str, context: ssl.SSLContext) -> Wire:
    """Logged in by certificate."""
    wire = server.connect(context=context)
    for line in said(name):
        wire.send(line)
    wire.finish(name)
    return wire


def refused(server: Server, name: str, context: ssl.SSLContext) -> str:
    with server.connect(context=context) as wire:
        for line in said(name):
            wire.send(line)
        return str(wire.wait_for("904").params[-1])


def made(server: Server, name: str) -> ssl.SSLContext:
    """By gen_certs.py, and put together as its owner would."""
    authority.client(server.certificates, name)
    files = authority.client_files(server.certificates, name)
    context = ssl.create_default_context(cafile=server.ca)
    context.load_cert_chain(files.certificate, files.key)
    return context


def test_a_certificate_of_gen_certs_logs_in(own: Server) -> None:
    with enter(own, "ada", made(own, "ada")) as ada, own.login("bob") as bob:
        ada.send("PRIVMSG #lobby :by certificate")
        bob.wait_for("PRIVMSG", text="by certificate")
    serial = clients.read_file(authority.client_files(own.certificates, "ada").certificate).serial
    assert f"admitted ada from 127.0.0.1 by certificate {serial}" in own.log()


@pytest.mark.parametrize("way", ["one", "all", "deluser", "suspend"])
def test_live_sessions_end_within_a_second(own: Server, way: str) -> None:
    context = made(own, "ada")
    ada = enter(own, "ada", context)
    with closing(own.open_store()) as database:
        [one] = Certificates(database).listing()
        if way == "one":
            Certificates(database).revoke([Named(one.serial)])
        elif way == "all":
            Certificates(database).revoke_all("ada")
        elif way == "deluser":
            Accounts(database, ()).delete("ada")
        else:
            Accounts(database, ()).suspend("ada")
    with closing(ada):
        assert ada.until_closed(within=1.0)[-1].command == "ERROR"
    assert "suspended" in refused(own, "ada", context) or way != "suspend"


@pytest.mark.parametrize(
    ("options", "logged"),
    [
        ({"self_signed": True}, "that the server's CA did not issue, such as one that it made for itself"),
        ({"until": datetime.now(UTC) - timedelta(hours=1)}, "has expired"),
        ({"usages": FOR_SERVERS}, "is not made for clients"),
    ],
)
def test_the_handshake_refuses_what_is_not_good_and_the_log_says_why(
    own: Server, options: dict[str, Any], logged: str
) -> None:
    """With TLS 1.3 the client learns it from the alert behind its own handshake."""
    if "until" in options:
        options["since"] = options["until"] - timedelta(days=1)
    with own.connect(context=presenting(own.certificates, client_pem(own.certificates, "ada", **options))) as wire:
        assert wire.until_closed() == []
    own.stop()
    [line] = re.findall(r"refused 1 connection from 127\.0\.0\.1: (.*)", own.log())
    assert logged in line


def test_one_of_another_ca_is_refused_there_too(own: Server, tmp_path: Path) -> None:
    authority.create(tmp_path / "other")
    with own.connect(context=presenting(own.certificates, client_pem(tmp_path / "other", "ada"))) as wire:
        assert wire.until_closed() == []


@pytest.mark.parametrize("options", [{"usages": ()}, {"names": ("ada", "bob")}])
def test_one_that_is_not_made_for_logging_in_is_as_none(own: Server, options: dict[str, Any]) -> None:
    names = options.pop("names", ("ada",))
    with own.connect(context=presenting(own.certificates, client_pem(own.certificates, *names, **options))) as wire:
        wire.send("CAP LS 302")
        wire.send("AUTHENTICATE EXTERNAL")
        assert wire.wait_for("908").params[1] == "PLAIN"


def test_without_a_certificate_a_password_does(own: Server) -> None:
    with own.login("ada") as ada:
        ada.sync()


def test_a_listener_that_does_not_ask_takes_any_clients_own_certificate(server: Server, certificates: Path) -> None:
    """Such a client cannot even be told from one without."""
    server.adduser("ada")
    pem = client_pem(certificates, "ada", self_signed=True)
    with server.connect(context=presenting(certificates, pem)) as wire:
        wire.register("ada", "correct horse battery")
        [offer] = [one.params[-1] for one in wire.seen if one.command == "CAP" and one.params[1] == "LS"]
        assert "sasl=PLAIN " in offer


def test_each_listener_asks_or_does_not(own: Server) -> None:
    own.stop()
    own.configure(ASKING + PLAIN)
    own.start()
    until(lambda: own.log().count("listening on") == 3)
    (asking, how), (plain, nothing) = re.findall(r"listening on [\d.]*:(\d+) \(TLS 1\.3(.*?)\)", own.log())[1:]
    assert (int(asking), how, nothing) == (own.port, ", client certificates", "")
    context = presenting(own.certificates, client_pem(own.certificates, "ada", self_signed=True))
    with own.connect(context=context) as wire:
        assert wire.until_closed() == []
    own.port = int(plain)
    with own.connect(context=context) as wire:
        wire.register("ada", "correct horse battery")


def test_another_ca_is_taken_over_while_it_runs(own: Server, tmp_path: Path) -> None:
    """With SIGHUP here; a look at the files finds it, too."""
    context = made(own, "ada")
    enter(own, "ada", context).close()
    authority.create(tmp_path / "people")
    own.stop()
    own.configure(ASKING + f"[tls]\nclient_ca = '{own.certificates / 'people.crt'}'\n")
    shutil.copy(own.ca, own.certificates / "people.crt")
    own.start()
    enter(own, "ada", context).close()
    shutil.copy(tmp_path / "people" / "ca.crt", tmp_path / "next")
    os.replace(tmp_path / "next", own.certificates / "people.crt")
    own.signal(signal.SIGHUP)
    until(lambda: "the certificate was reloaded" in own.log())
    with own.connect(context=context) as wire:
        assert wire.until_closed() == []
    new = presenting(own.certificates, client_pem(tmp_path / "people", "ada"))
    enter(own, "ada", new).close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
