"""TLS contexts in real handshakes, and the one line each unusable file gets."""

import re
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from securechat.tls import authority, contexts, pins
from securechat.tls.errors import CertificateError, CertificateMissing, PassphraseNeeded, TrustError


@pytest.fixture
def server(folder):
    return contexts.server_context(folder / "server.crt", folder / "server.key")


def old_client(folder, ciphers=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "ca.crt")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if ciphers:
        context.set_ciphers(ciphers)
    return context


@pytest.mark.parametrize(
    ("offer", "selected"),
    [
        (["irc"], "irc"),
        (None, None),
        (["http/1.1"], "http/1.1"),
        (["h2", "http/1.1"], "http/1.1"),
        (["http/1.0"], "http/1.0"),
        (["http/1.0", "http/1.1"], "http/1.1"),
        (["http/1.1", "irc"], "irc"),
        (["h2"], None),
    ],
)
def test_http_is_spoken_only_to_those_who_offer_it_and_not_irc(folder, shake, server, offer, selected):
    """Nothing in common is no error: such a client is taken to speak IRC."""
    client = ssl.create_default_context(cafile=folder / "ca.crt")
    if offer:
        client.set_alpn_protocols(offer)
    seen = shake(server, client)
    assert (seen.alpn, seen.server_alpn) == (selected, selected)


def test_our_client_and_server_speak_irc_over_tls_1_3_without_tickets(folder, shake, server):
    seen = shake(server, contexts.client_context(folder / "ca.crt"))
    assert (seen.version, seen.alpn, seen.has_ticket) == ("TLSv1.3", "irc", False)


def test_tls_1_2_is_refused_unless_asked_for(folder, shake, server):
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        shake(server, old_client(folder))
    lenient = contexts.server_context(folder / "server.crt", folder / "server.key", "1.2")
    seen = shake(lenient, old_client(folder))
    assert (seen.version, seen.has_ticket) == ("TLSv1.2", False)


def test_tls_1_2_has_only_forward_secret_aead_ciphers(folder, shake):
    lenient = contexts.server_context(folder / "server.crt", folder / "server.key", "1.2")
    with pytest.raises(ssl.SSLError):
        shake(lenient, old_client(folder, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:AES128-GCM-SHA256"))
    old = [cipher for cipher in lenient.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert old
    assert all(cipher["aead"] and cipher["name"].startswith("ECDHE") for cipher in old)


@pytest.mark.parametrize("wanted", ["ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"])
def test_the_client_chooses_the_suite_that_is_fastest_for_it(folder, shake, wanted):
    lenient = contexts.server_context(folder / "server.crt", folder / "server.key", "1.2")
    assert shake(lenient, old_client(folder, f"{wanted}:ECDHE+AESGCM:ECDHE+CHACHA20")).suite == wanted


def test_a_client_of_ours_refuses_less_than_tls_1_2(folder):
    assert contexts.client_context(folder / "ca.crt").minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_server_of_an_unknown_ca_is_refused(folder, tmp_path, shake, server):
    authority.create(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, contexts.client_context(tmp_path / "other" / "ca.crt"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, contexts.client_context())  # the system's CAs


def test_a_pin_trusts_the_key_whatever_name_and_chain(folder, shake, server):
    seen = shake(server, contexts.client_context(pinned=True), "other.example.org")
    pin = pins.of((folder / "server.crt").read_bytes())
    assert pins.matches(pin, seen.certificate)
    authority.renew(folder, new_key=True)
    changed = contexts.server_context(folder / "server.crt", folder / "server.key")
    assert not pins.matches(pin, shake(changed, contexts.client_context(pinned=True)).certificate)


def test_an_expired_certificate_is_refused_with_the_command_that_renews_it(folder, redate):
    end = datetime.now(UTC) - timedelta(days=2)
    redate("server", until=end)
    with pytest.raises(CertificateError) as caught:
        contexts.server_context(folder / "server.crt", folder / "server.key")
    assert str(caught.value) == (
        f"certificate {folder}/server.crt expired {end:%Y-%m-%d}; run python scripts/gen_certs.py renew --dir {folder}"
    )


def test_a_certificate_of_the_future_is_served_with_and_told_of(folder, redate, caplog):
    """It is the clock of this machine that is wrong, as a rule, and it may be set right after the start."""
    redate("server", since=datetime.now(UTC) + timedelta(days=1), until=datetime.now(UTC) + timedelta(days=9))
    contexts.server_context(folder / "server.crt", folder / "server.key")
    assert re.search(r"begins only 20.* UTC; check this machine's clock", caplog.text)


def test_certs_in_the_working_directory_need_no_folder_in_the_command(tmp_path):
    code = (
        "from pathlib import Path; from securechat.tls import contexts\n"
        "contexts.server_context(Path('./certs/server.crt'), Path('certs/server.key'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.endswith("cannot read certs/server.crt: No such file or directory; run python scripts/gen_certs.py")


def test_gen_certs_is_not_recommended_for_a_certificate_of_somebody_else(folder, redate):
    redate("server", until=datetime.now(UTC) - timedelta(days=2))
    (folder / "fullchain.pem").write_bytes((folder / "server.crt").read_bytes())
    with pytest.raises(CertificateError, match="get a new pair from its issuer"):
        contexts.server_context(folder / "fullchain.pem", folder / "server.key")


@pytest.mark.parametrize("missing", ["server.crt", "server.key"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(CertificateMissing, match=f"cannot read .*{missing}: No such file") as caught:
        contexts.server_context(folder / "server.crt", folder / "server.key")
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("bad", ["server.crt", "server.key"])
def test_a_file_that_is_no_pem_is_named(folder, bad):
    (folder / bad).write_text("hello")
    with pytest.raises(CertificateError, match=bad) as caught:
        contexts.server_context(folder / "server.crt", folder / "server.key")
    assert "--force" in str(caught.value)


def test_a_folder_in_place_of_a_file_is_named(folder):
    (folder / "server.key").unlink()
    (folder / "server.key").mkdir()
    with pytest.raises(CertificateMissing, match=r"cannot read .*server\.key: Is a directory"):
        contexts.server_context(folder / "server.crt", folder / "server.key")


def test_a_key_of_another_certificate_is_named(folder):
    with pytest.raises(CertificateError, match=r"ca\.key does not belong to certificate .*server\.crt; run python"):
        contexts.server_context(folder / "server.crt", folder / "ca.key")


def test_a_key_with_a_passphrase_is_refused_without_asking(folder):
    key = serialization.load_pem_private_key((folder / "server.key").read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"open sesame")
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    )
    with pytest.raises(PassphraseNeeded, match="openssl pkey -in"):
        contexts.server_context(folder / "server.crt", folder / "server.key")


def test_a_ca_file_that_is_none_is_named(tmp_path):
    with pytest.raises(CertificateMissing, match=r"cannot read .*ca\.crt: No such file") as missing:
        contexts.client_context(tmp_path / "ca.crt")
    (tmp_path / "ca.crt").write_text("hello")
    with pytest.raises(TrustError, match=r"ca\.crt holds no certificate in PEM") as empty:
        contexts.client_context(tmp_path / "ca.crt")
    assert (missing.value.exit_status, empty.value.exit_status) == (2, 4)


def test_a_client_that_checks_a_ca_loads_no_cryptography(folder):
    code = (
        "import sys; from pathlib import Path; from securechat.tls import contexts, pins\n"
        f"contexts.client_context(Path({str(folder / 'ca.crt')!r})); pins.parse('00' * 32)\n"
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
