"""TLS of a running server as a scanner sees it, judged by Mozilla's profiles, and as its own peers see it."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.running import Server
from tests.wire import PATIENCE

SSLYZE = Path(sys.prefix) / "sslyze" / "bin" / "sslyze"  # where scripts/test puts it
OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
PROFILES = {"1.3": "modern", "1.2": "intermediate"}

# Python cannot leave out X448 and P-521 before 3.15.
FORGIVEN = set() if sys.version_info >= (3, 15) else {"tls_curves"}


@dataclass(frozen=True)
class Scan:
    findings: dict[str, str]  # what the profile does not allow
    facts: dict[str, Any]

    def result(self, name: str) -> dict[str, Any]:
        assert self.facts[name]["status"] == "COMPLETED"
        result: dict[str, Any] = self.facts[name]["result"]
        return result


def scan(folder: Path, certificates: Path, version: str, **env: str) -> Scan:
    """What sslyze says of a server with this `tls.min_version`."""
    if not SSLYZE.exists():
        pytest.skip(f"there is no {SSLYZE}; scripts/test installs it")
    settings = f'[tls]\nmin_version = "{version}"\n[limits]\nexempt = ["127.0.0.0/8"]\n'
    server = Server(folder / "data", certificates, settings).start(env=os.environ | env)
    try:
        words = ["--certinfo_ca_file", str(server.ca), "--early_data", "--resum", "--json_out", str(folder / "scan")]
        profile = ["--mozilla_config", PROFILES[version]]
        done = subprocess.run(
            [SSLYZE, *words, *profile, f"localhost:{server.port}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        server.stop()
    judged = done.stdout.partition("COMPLIANCE AGAINST TLS CONFIGURATION")[2]
    findings = dict(re.findall(r"^ +\* (\w+): (.*)$", judged, re.MULTILINE))
    assert ("OK - Compliant" in judged) == (not findings), done.stdout + done.stderr
    [target] = json.loads((folder / "scan").read_text())["server_scan_results"]
    return Scan(findings, target["scan_result"])


@pytest.fixture(scope="module", params=PROFILES)
def scanned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Scan:
    return scan(tmp_path_factory.mktemp("scanned"), certificates, request.param)


def test_with_a_certificate_of_ours_it_passes_mozillas_profile(scanned: Scan) -> None:
    assert scanned.findings.keys() <= FORGIVEN, scanned.findings


def test_there_is_no_compression_renegotiation_ticket_or_early_data(scanned: Scan) -> None:
    assert not scanned.result("tls_compression")["supports_compression"]
    assert scanned.result("session_renegotiation")["client_renegotiations_success_count"] == 0
    assert not scanned.result("session_renegotiation")["is_vulnerable_to_client_renegotiation_dos"]
    assert scanned.result("session_resumption")["tls_ticket_successful_resumptions_count"] == 0
    assert not scanned.result("tls_1_3_early_data")["supports_early_data"]


def test_below_tls_1_3_there_are_aead_suites_only_and_only_if_asked_for(scanned: Scan) -> None:
    versions = {name for name in scanned.facts if name.endswith("cipher_suites")}
    accepted = {name: scanned.result(name)["accepted_cipher_suites"] for name in versions}
    spoken = {name for name, suites in accepted.items() if suites}
    assert spoken in ({"tls_1_3_cipher_suites"}, {"tls_1_2_cipher_suites", "tls_1_3_cipher_suites"})
    names = {suite["cipher_suite"]["name"] for suites in accepted.values() for suite in suites}
    assert all(re.search("GCM|CHACHA20_POLY1305", name) for name in names)
    old = {suite["cipher_suite"]["name"] for suite in accepted["tls_1_2_cipher_suites"]}
    assert all(name.startswith("TLS_ECDHE_") for name in old)


def test_with_the_openssl_configuration_of_the_manual_nothing_is_found(tmp_path: Path, certificates: Path) -> None:
    [lines] = re.findall(r"```ini\n# [^\n]*openssl\.cnf\n(.*?)```", OPERATING.read_text(), re.DOTALL)
    (tmp_path / "openssl.cnf").write_text(lines)
    assert scan(tmp_path, certificates, "1.3", OPENSSL_CONF=str(tmp_path / "openssl.cnf")).findings == {}


# As peers see it


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("strict") / "data", certificates).start()
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("offer", "selected"),
    [(["irc"], "irc"), ([], None), (["h2"], None), (["h2", "http/1.1"], "http/1.1"), (["http/1.1", "irc"], "irc")],
)
def test_http_is_chosen_only_by_those_who_offer_it_and_not_irc(
    strict: Server, offer: list[str], selected: str | None
) -> None:
    context = ssl.create_default_context(cafile=strict.ca)
    context.set_alpn_protocols(offer)
    with strict.connect(context=context) as wire:
        assert wire.sock.selected_alpn_protocol() == selected


def test_nothing_is_compressed_nor_to_be_resumed(strict: Server) -> None:
    with strict.login("ada") as ada:
        assert (ada.sock.version(), ada.sock.compression()) == ("TLSv1.3", None)
        assert ada.sock.session is not None
        assert not ada.sock.session.has_ticket


def test_a_session_of_tls_1_2_is_forgotten_with_its_connection(idle_server: Server) -> None:
    """Python cannot turn off OpenSSL's memory of them; what ends without a farewell is taken out of it."""
    idle_server.configure('[tls]\nmin_version = "1.2"\n')
    idle_server.start()
    context = ssl.create_default_context(cafile=idle_server.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def shaken(session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", idle_server.port), PATIENCE)
        return context.wrap_socket(raw, server_hostname="localhost", session=session)

    with shaken() as first:
        assert first.version() == "TLSv1.2"
        session = first.session
        first.shutdown(socket.SHUT_WR)
        while first.recv(1024):  # until the server has closed, too
            pass
    with shaken(session) as second:
        assert not second.session_reused


def test_a_peer_with_tls_1_2_alone_is_refused(strict: Server) -> None:
    context = ssl.create_default_context(cafile=strict.ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        strict.connect(context=context)
