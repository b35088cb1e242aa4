"""Certificates that clients present: what is read out of one, and what the handshake makes of the others."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from securechat.tls import authority, clients, contexts
from securechat.tls.errors import CertificateError, CertificateMissing
from tests.certificates import FOR_CLIENTS, FOR_SERVERS, client_pem, presenting


def test_what_gen_certs_makes_says_account_serial_and_dates(folder: Path) -> None:
    began = int(datetime.now(UTC).timestamp()) * 1000
    made = authority.client(folder, "ada", 10)
    found = clients.read_file(folder / "clients" / "ada.crt")
    assert (found.account, found.serial) == ("ada", made.serial)
    assert began <= found.issued <= began + 5000
    assert found.expires == int(made.expires.timestamp()) * 1000


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (["ada"], {"usages": FOR_SERVERS}),
        (["ada"], {"usages": ()}),
        (["ada", "bob"], {}),
        (["1ada"], {}),
        (["ada lovelace"], {}),
        (["a" * 33], {}),
        ([], {}),
    ],
)
def test_one_that_is_not_made_for_logging_in_or_names_no_account_says_nothing(
    folder: Path, names: list[str], options: dict[str, Any]
) -> None:
    pem = client_pem(folder, *names, **options)
    with pytest.raises(CertificateError, match="is no certificate that an account can log in with"):
        clients.read_file(pem)


def test_one_for_servers_and_clients_will_do(folder: Path) -> None:
    assert clients.read_file(client_pem(folder, "Ada", usages=(*FOR_SERVERS, *FOR_CLIENTS))).account == "Ada"


def test_a_file_that_is_none_is_named(folder: Path) -> None:
    (folder / "none").write_bytes(b"\xff\x00")
    with pytest.raises(CertificateError, match="none is no certificate"):
        clients.read_file(folder / "none")
    with pytest.raises(CertificateMissing, match=r"cannot read .*missing\.crt: No such file"):
        clients.read_file(folder / "missing.crt")


@pytest.fixture
def asking(folder: Path) -> ssl.SSLContext:
    return contexts.server_context(folder / "server.crt", folder / "server.key", client_ca=folder / "ca.crt")


def test_a_listener_that_asks_takes_a_client_without_a_certificate(
    folder: Path, shake: Callable[..., Any], asking: ssl.SSLContext
) -> None:
    assert shake(asking, contexts.client_context(folder / "ca.crt")).client_certificate is None


def test_it_sees_one_of_its_ca(folder: Path, shake: Callable[..., Any], asking: ssl.SSLContext) -> None:
    seen = shake(asking, presenting(folder, client_pem(folder, "ada")))
    found = clients.read(seen.client_certificate)
    assert found is not None
    assert found.account == "ada"


def test_a_listener_that_does_not_ask_sees_none(folder: Path, shake: Callable[..., Any]) -> None:
    context = contexts.server_context(folder / "server.crt", folder / "server.key")
    assert shake(context, presenting(folder, client_pem(folder, "ada"))).client_certificate is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"self_signed": True}, "did not issue, such as one that it made for itself"),
        ({"until": datetime.now(UTC) - timedelta(days=1)}, "has expired; make another"),
        ({"since": datetime.now(UTC) + timedelta(hours=1)}, "is not valid yet; check the clocks"),
        ({"usages": FOR_SERVERS}, "is not made for clients"),
    ],
)
def test_the_others_fail_the_handshake_and_why_is_told(
    folder: Path, refused: Callable[..., str], asking: ssl.SSLContext, options: dict[str, Any], words: str
) -> None:
    if "until" in options:
        options["since"] = options["until"] - timedelta(days=1)
    assert words in refused(asking, presenting(folder, client_pem(folder, "ada", **options)))


def test_one_of_another_ca_fails_it_too(
    folder: Path, tmp_path: Path, refused: Callable[..., str], asking: ssl.SSLContext
) -> None:
    authority.create(tmp_path / "other")
    context = presenting(folder, client_pem(tmp_path / "other", "ada"))
    assert "that the server's CA did not issue" in refused(asking, context)


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda path: path.write_text("hello"), "holds no certificate in PEM"), (lambda path: None, "cannot read")],
)
def test_a_clients_ca_that_is_none_is_named(folder: Path, make: Callable[[Path], None], words: str) -> None:
    make(folder / "people.crt")
    with pytest.raises(CertificateError, match=rf"people\.crt.* {words}|{words}.*people\.crt"):
        contexts.server_context(folder / "server.crt", folder / "server.key", client_ca=folder / "people.crt")
