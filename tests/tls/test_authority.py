"""The folder of certificates: what is made, what is kept, and what a crash leaves."""

import fcntl
import os
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from securechat.tls import authority, contexts, issue, pins
from securechat.tls.errors import CertificateError, CertificateMissing, RequestError


def read(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def extension(path, kind):
    return read(path).extensions.get_extension_for_class(kind)


def named(path):
    found = extension(path, x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def pin(folder):
    return pins.of((folder / "server.crt").read_bytes())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["localhost", "chat.example.org", "127.0.0.1", "::1"])
def test_a_strict_verifier_accepts_the_server_certificate_for_each_name(folder, name):
    subject = x509.IPAddress(ip_address(name)) if name[-1] == "1" else x509.DNSName(name)
    verifier = PolicyBuilder().store(Store([read(folder / "ca.crt")])).build_server_verifier(subject)
    chain = verifier.verify(read(folder / "server.crt"), [])
    assert len(chain) == 2


@pytest.mark.parametrize("name", ["localhost", "chat.example.org", "127.0.0.1", "::1"])
def test_strict_openssl_accepts_the_server_certificate_for_each_name(folder, shake, name):
    client = ssl.create_default_context(cafile=folder / "ca.crt")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = contexts.server_context(folder / "server.crt", folder / "server.key")
    assert shake(server, client, name).version == "TLSv1.3"


def test_another_name_than_the_certificates_is_refused(folder, shake):
    server = contexts.server_context(folder / "server.crt", folder / "server.key")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(server, contexts.client_context(folder / "ca.crt"), "other.example.org")


def test_certificates_say_what_they_are_for_and_say_it_critically(folder):
    ca, server = folder / "ca.crt", folder / "server.crt"
    constraints = extension(ca, x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    assert extension(ca, x509.KeyUsage).critical
    assert extension(ca, x509.KeyUsage).value.key_cert_sign
    assert extension(server, x509.BasicConstraints) == x509.Extension(
        x509.BasicConstraints.oid, True, x509.BasicConstraints(ca=False, path_length=None)
    )
    assert extension(server, x509.KeyUsage).critical
    assert not extension(server, x509.KeyUsage).value.key_cert_sign
    assert list(extension(server, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    issuer = extension(ca, x509.SubjectKeyIdentifier).value
    assert extension(server, x509.AuthorityKeyIdentifier).value.key_identifier == issuer.digest
    assert isinstance(read(server).public_key().curve, ec.SECP256R1)


def test_a_certificate_begins_a_little_earlier_and_lives_80_days(folder):
    server = read(folder / "server.crt")
    assert timedelta(minutes=59) < datetime.now(UTC) - server.not_valid_before_utc < timedelta(minutes=62)
    assert authority.days_left(folder / "server.crt") == 79
    assert authority.days_left(folder / "ca.crt") == 3649


def test_serial_numbers_are_random(folder):
    first = read(folder / "server.crt").serial_number
    authority.renew(folder)
    assert read(folder / "server.crt").serial_number != first
    assert first.bit_length() > 100


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_keys_are_for_the_owner_alone_and_certificates_for_all(tmp_path, mask):
    """Run beside other threads, a changed umask would reach their files: so in a process of its own."""
    code = f"import os; os.umask({mask}); from securechat.tls import authority; authority.create(authority.Path('c'))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "c").iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "server.crt": 0o644, "server.key": 0o600}


def test_names_are_written_in_ascii_each_once(tmp_path):
    authority.create(tmp_path, ["Bücher.Example.", "localhost", "2001:DB8::7", "192.0.2.7"])
    expected = {"localhost", "127.0.0.1", "::1", "xn--bcher-kva.example", "2001:db8::7", "192.0.2.7"}
    assert expected <= named(tmp_path / "server.crt")
    listed = [name.value for name in extension(tmp_path / "server.crt", x509.SubjectAlternativeName).value]
    assert listed.count("localhost") == 1


@pytest.mark.parametrize(
    "host",
    [
        *("", ".", "a b", "a..b", "-a.org", "a_b.org", "*.a.org", "https://a.org", "a.org:6697", "[::1]", "a.org\n"),
        *("1.2.3", "10.0.0.256", "\uff11.\uff12", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1"),
        *("a" * 64 + ".org", ".".join(["abcdefgh"] * 29)),
    ],
)
def test_a_host_that_is_none_is_refused_and_nothing_is_written(tmp_path, host):
    with pytest.raises(RequestError) as caught:
        authority.create(tmp_path / "certs", [host])
    assert repr(host) in str(caught.value)
    assert not (tmp_path / "certs").exists()


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_life_of_no_days_or_longer_than_a_ca_is_refused(folder, days):
    before = contents(folder)
    for call in (authority.create, authority.renew):
        with pytest.raises(RequestError, match="give 1 to 3650"):
            call(folder, days=days)
    assert contents(folder) == before


def test_nothing_is_overwritten_without_force(folder):
    before = contents(folder)
    with pytest.raises(CertificateError, match=r"already there; to renew it: python scripts/gen_certs\.py renew"):
        authority.create(folder)
    (folder / "server.crt").unlink()
    with pytest.raises(CertificateError, match="already there"):
        authority.create(folder)
    assert contents(folder) == {name: data for name, data in before.items() if name != "server.crt"}


def test_force_replaces_the_servers_pair_and_keeps_the_ca(folder, shake):
    before, old_pin = contents(folder), pin(folder)
    made = authority.create(folder, ["new.example.org"], force=True)
    after = contents(folder)
    assert (after["ca.crt"], after["ca.key"]) == (before["ca.crt"], before["ca.key"])
    assert made.pin == pin(folder) != old_pin
    assert (made.ca_replaced, made.key_replaced) == (False, True)
    assert "new.example.org" in named(folder / "server.crt")
    server = contexts.server_context(folder / "server.crt", folder / "server.key")
    assert shake(server, contexts.client_context(folder / "ca.crt"), "new.example.org")


def test_a_new_ca_is_made_only_when_asked_for_and_the_old_one_trusts_it_no_longer(folder, tmp_path, shake):
    old = tmp_path / "old.crt"
    old.write_bytes((folder / "ca.crt").read_bytes())
    made = authority.create(folder, new_ca=True)
    assert made.ca_replaced
    assert read(old).subject != read(folder / "ca.crt").subject
    server = contexts.server_context(folder / "server.crt", folder / "server.key")
    assert shake(server, contexts.client_context(folder / "ca.crt"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, contexts.client_context(old))


def test_a_missing_server_pair_is_made_from_the_kept_ca(folder):
    ca = (folder / "ca.crt").read_bytes()
    for name in ("server.crt", "server.key"):
        (folder / name).unlink()
    made = authority.create(folder)
    assert made.written == (folder / "server.crt", folder / "server.key")
    assert (folder / "ca.crt").read_bytes() == ca


def test_renewing_keeps_ca_names_and_pin(folder):
    before, names, old_pin = contents(folder), named(folder / "server.crt"), pin(folder)
    subject = read(folder / "server.crt").subject
    made = authority.renew(folder, 70)
    after = contents(folder)
    assert {name for name in after if after[name] != before[name]} == {"server.crt"}
    assert made.written == (folder / "server.crt",)
    assert (named(folder / "server.crt"), pin(folder), made.pin) == (names, old_pin, old_pin)
    assert read(folder / "server.crt").subject == subject
    assert authority.days_left(folder / "server.crt") == 69


def test_renewing_with_a_new_key_changes_the_pin_alone(folder, shake):
    ca, names, old_pin = (folder / "ca.crt").read_bytes(), named(folder / "server.crt"), pin(folder)
    made = authority.renew(folder, new_key=True)
    assert made.key_replaced
    assert pin(folder) == made.pin != old_pin
    assert (named(folder / "server.crt"), (folder / "ca.crt").read_bytes()) == (names, ca)
    server = contexts.server_context(folder / "server.crt", folder / "server.key")
    assert shake(server, contexts.client_context(folder / "ca.crt"), "chat.example.org")
    assert (folder / "server.key").stat().st_mode & 0o777 == 0o600


def test_renewal_is_due_below_30_days_and_also_after_the_end(folder, redate):
    assert not authority.renew_if_due(folder)
    for days in (29, -3):
        redate("server", until=datetime.now(UTC) + timedelta(days=days))
        assert authority.renew_if_due(folder)
        assert authority.days_left(folder / "server.crt") == 79
    redate("server", until=datetime.now(UTC) + timedelta(days=30, minutes=1))
    assert not authority.renew_if_due(folder)


def test_what_the_ca_here_did_not_issue_is_not_renewed(folder, tmp_path, redate):
    redate("server", until=datetime.now(UTC) + timedelta(days=3))
    ca_key = (folder / "ca.key").read_bytes()
    (folder / "ca.key").unlink()
    assert not authority.renew_if_due(folder)  # the CA's key is kept elsewhere
    (folder / "ca.key").write_bytes(ca_key)
    authority.create(tmp_path / "other")
    for name in ("ca.crt", "ca.key"):
        (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    assert not authority.renew_if_due(folder)
    with pytest.raises(CertificateError, match=r"server\.crt was not issued by"):
        authority.renew(folder)
    assert not authority.renew_if_due(tmp_path / "nowhere")


def test_a_leaf_never_outlives_its_ca_and_an_expired_ca_signs_nothing(folder, redate):
    redate("ca", until=datetime.now(UTC) + timedelta(days=5))
    authority.renew(folder)
    assert authority.days_left(folder / "server.crt") == 4
    redate("ca", until=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(CertificateError, match=r"ca\.crt expired 20..-..-..; make a new one"):
        authority.renew(folder)


def test_a_client_certificate_carries_the_account_and_passes_strict_checks(folder, shake):
    made = authority.client(folder, "ada")
    certificate, key = folder / "clients" / "ada.crt", folder / "clients" / "ada.key"
    assert made.written == (certificate, key)
    assert [name.value for name in read(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["ada"]
    assert list(extension(certificate, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert (certificate.stat().st_mode & 0o777, key.stat().st_mode & 0o777) == (0o644, 0o600)
    server = contexts.server_context(folder / "server.crt", folder / "server.key", client_ca=folder / "ca.crt")
    client = contexts.client_context(folder / "ca.crt")
    client.load_cert_chain(certificate, key)
    seen = shake(server, client)
    assert seen.client_certificate == read(certificate).public_bytes(serialization.Encoding.DER)


def test_a_client_certificate_cannot_play_the_server(folder, shake):
    authority.client(folder, "localhost")
    server = contexts.server_context(folder / "clients" / "localhost.crt", folder / "clients" / "localhost.key")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, contexts.client_context(folder / "ca.crt"))


@pytest.mark.parametrize("name", ["", "1a", "../ada", "a b", "a" * 33, "ada\n", "ädä"])
def test_only_account_names_get_client_certificates(folder, name):
    before = contents(folder)
    with pytest.raises(RequestError):
        authority.client(folder, name)
    assert contents(folder) == before


def test_a_client_certificate_is_never_overwritten(folder):
    authority.client(folder, "ada")
    before = contents(folder / "clients")
    with pytest.raises(CertificateError, match=r"ada\.crt or its key is already there; move both away"):
        authority.client(folder, "ada")
    assert contents(folder / "clients") == before


def test_without_a_ca_the_error_names_what_to_type(tmp_path):
    for call in (lambda: authority.client(tmp_path / "c", "ada"), lambda: authority.renew(tmp_path / "c")):
        with pytest.raises(CertificateMissing, match=r"run python scripts/gen_certs\.py --dir "):
            call()
    assert not (tmp_path / "c").exists()


def _encrypted(folder):
    key = authority._load_key(folder / "ca.key")
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )


def _of_another_kind(folder):
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _of_the_server(folder):
    return (folder / "server.key").read_bytes()


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        (lambda folder: b"no key", "holds no private key in PEM"),
        (_encrypted, "needs a passphrase; take it off with: openssl pkey -in"),
        (_of_another_kind, "is not an elliptic curve key"),
        (_of_the_server, "does not belong to"),
    ],
)
def test_a_ca_key_that_cannot_sign_is_named_and_nothing_changes(folder, key, cause):
    (folder / "ca.key").write_bytes(key(folder))
    before = contents(folder)
    with pytest.raises(CertificateError, match=cause) as caught:
        authority.renew(folder)
    assert "\n" not in str(caught.value)
    assert "open sesame" not in str(caught.value)
    assert contents(folder) == before


def test_a_ca_certificate_that_is_none_signs_nothing(folder):
    for name in ("ca.crt", "ca.key"):
        (folder / name).write_bytes((folder / name.replace("ca", "server")).read_bytes())
    with pytest.raises(CertificateError, match="is not a CA that"):
        authority.create(folder, force=True)
    (folder / "ca.crt").write_text("no certificate")
    with pytest.raises(CertificateError, match="holds no certificate in PEM"):
        authority.create(folder, force=True)
    (folder / "ca.key").unlink()
    with pytest.raises(CertificateMissing, match=r"ca\.key is not there, so nothing can be signed"):
        authority.create(folder, force=True)


def test_what_the_disk_refuses_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CertificateError, match=r"cannot write .*/file: File exists"):
        authority.create(tmp_path / "file")


def test_a_private_key_is_not_shown_by_repr(folder):
    pair = issue.Pair(read(folder / "ca.crt"), authority._load_key(folder / "ca.key"))
    assert "key" not in repr(pair).lower().replace("key_size", "")


# Kills itself just before the Nth thing it does to a file of the folder, with N as the first argument rising until
# the call gets through; after each death the parent process sees what a server would find.
KILLED_EVERYWHERE = """
import os, shutil, signal, sys
from pathlib import Path
from securechat.tls import authority, contexts, pins
from securechat.tls.errors import CertificateError

folder, start = Path(sys.argv[1]), Path(sys.argv[2])
calls = {
    "create": lambda: authority.create(folder),
    "force": lambda: authority.create(folder, force=True),
    "new_ca": lambda: authority.create(folder, new_ca=True),
    "renew": lambda: authority.renew(folder),
    "new_key": lambda: authority.renew(folder, new_key=True),
}
call = calls[sys.argv[3]]

def die_at(moment):
    count = 0
    def hook(event, arguments):
        nonlocal count
        if event in ("open", "os.rename", "os.remove") and str(arguments[0]).startswith(str(folder)):
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    call()
    os._exit(0)

deaths = 0
while True:
    shutil.rmtree(folder, ignore_errors=True)
    if start.exists():
        shutil.copytree(start, folder)
    child = os.fork()
    if child == 0:
        die_at(deaths + 1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
    deaths += 1
    if start.exists() or (folder / "server.crt").exists():
        contexts.server_context(folder / "server.crt", folder / "server.key")
    else:
        authority.create(folder)
    authority.create(folder, force=True)  # the CA is whole, too
    contexts.server_context(folder / "server.crt", folder / "server.key")
    assert {path.name for path in folder.iterdir()} == {"ca.crt", "ca.key", "server.crt", "server.key"}
print(deaths)
"""


@pytest.mark.parametrize("call", ["create", "force", "new_ca", "renew", "new_key"])
def test_killed_at_any_step_there_is_a_usable_pair(folder, tmp_path, call):
    start = tmp_path / "nothing" if call == "create" else folder
    done = subprocess.run(
        [sys.executable, "-c", KILLED_EVERYWHERE, str(tmp_path / "killed"), str(start), call],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 4


def test_a_server_that_starts_while_keys_change_always_finds_a_pair(folder):
    """A reader takes no lock; between its two reads the pair may change under it."""
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [authority.renew(folder, new_key=True) for _ in range(40)])
        loads = 0
        while not writing.done():
            contexts.server_context(folder / "server.crt", folder / "server.key")
            loads += 1
        writing.result()
    assert loads > 10


def test_two_that_create_at_once_make_one_pair(tmp_path):
    code = "from pathlib import Path; from securechat.tls import authority; authority.create(Path('certs'))"
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=30)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    assert any("is already there" in error for error in errors)
    contexts.server_context(tmp_path / "certs" / "server.crt", tmp_path / "certs" / "server.key")


def test_a_folder_that_another_process_holds_is_waited_for(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(authority.renew, folder)
        with pytest.raises(TimeoutError):
            renewing.result(0.2)
        os.close(descriptor)
        assert renewing.result(10).written == (Path(folder / "server.crt"),)
