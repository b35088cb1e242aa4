"""Pins: one written form, several that are read."""

import base64
import hashlib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from securechat.tls import pins
from securechat.tls.errors import CertificateError, PinError


@given(st.binary(min_size=32, max_size=32))
def test_every_common_way_to_write_a_pin_is_read(digest):
    hexadecimal, encoded = digest.hex(), base64.b64encode(digest).decode()
    colons = ":".join(f"{byte:02X}" for byte in digest)
    written = [hexadecimal, hexadecimal.upper(), colons, encoded, encoded.rstrip("=")]
    written.append(base64.urlsafe_b64encode(digest).decode())
    for prefix in ("", "sha256:", "SHA256:", "sha256/", "sha256//"):
        for form in written:
            assert pins.parse(f" {prefix}{form}\n") == f"sha256:{hexadecimal}"


@pytest.mark.parametrize(
    "text",
    [
        *("", "sha256:", "00" * 31, "00" * 33, "0" * 63, "sha1:" + "00" * 32, "sha256:sha256:" + "00" * 32, "00:" * 32),
        *("g" * 64, "\u0660" * 64, "0" * 32 + " " + "0" * 32, "A" * 42, "A" * 42 + "B", "A" * 44),
    ],
)
def test_what_is_no_pin_is_refused(text):
    with pytest.raises(PinError) as caught:
        pins.parse(text)
    assert repr(text) in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_pin_is_the_hash_of_the_public_key_in_der_and_pem(folder):
    pem = (folder / "server.crt").read_text()
    der = ssl.PEM_cert_to_DER_cert(pem)
    spki = (
        x509.load_der_x509_certificate(der)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    expected = "sha256:" + hashlib.sha256(spki).hexdigest()
    assert pins.of(pem) == pins.of(pem.encode()) == pins.of(der) == expected


def test_a_pin_matches_its_key_alone(folder):
    own, other = ((folder / name).read_bytes() for name in ("server.crt", "ca.crt"))
    encoded = base64.b64encode(bytes.fromhex(pins.of(own).removeprefix("sha256:"))).decode()
    assert pins.matches(pins.of(own), own)
    assert pins.matches(f"sha256//{encoded}", own)
    assert not pins.matches(pins.of(own), other)


@pytest.mark.parametrize("data", [b"", b"hello", "-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_has_no_pin(data):
    with pytest.raises(CertificateError, match="not a certificate"):
        pins.of(data)
