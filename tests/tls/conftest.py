"""One real handshake over a socket pair, and certificates with dates that no command would make."""

import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from securechat.tls import authority, clients


@dataclass(frozen=True)
class Shaken:
    version: str | None
    suite: str
    alpn: str | None
    server_alpn: str | None
    certificate: bytes
    client_certificate: bytes | None
    has_ticket: bool


def _serve(context: ssl.SSLContext, left: socket.socket) -> tuple[str | None, bytes | None]:
    with context.wrap_socket(left, server_side=True) as tls:
        tls.sendall(b"hello")
        tls.recv(1)
        return tls.selected_alpn_protocol(), tls.getpeercert(binary_form=True)


@pytest.fixture
def shake() -> Callable[..., Shaken]:
    """`shake(server_context, client_context, host)`: what both sides saw, or the error of the one that refused."""

    def shake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "localhost") -> Shaken:
        left, right = socket.socketpair()
        for end in (left, right):
            end.settimeout(10)
        with ThreadPoolExecutor(1) as pool, left, right:
            serving = pool.submit(_serve, server, left)
            try:
                with client.wrap_socket(right, server_hostname=host) as tls:
                    tls.recv(5)
                    tls.sendall(b"x")
                    cipher = tls.cipher()
                    seen = tls.version(), tls.selected_alpn_protocol(), tls.getpeercert(binary_form=True), tls.session
            except ssl.SSLError:
                right.close()
                serving.exception(10)
                raise
            server_alpn, client_certificate = serving.result(10)
        version, alpn, certificate, session = seen
        assert cipher is not None
        return Shaken(version, cipher[0], alpn, server_alpn, certificate, client_certificate, session.has_ticket)

    return shake


@pytest.fixture
def refused() -> Callable[..., str]:
    """`refused(server_context, client_context)`: why the server refused the client's certificate."""

    def refused(server: ssl.SSLContext, client: ssl.SSLContext) -> str:
        left, right = socket.socketpair()
        for end in (left, right):
            end.settimeout(10)
        with ThreadPoolExecutor(1) as pool, left, right:
            serving = pool.submit(_serve, server, left)
            with pytest.raises(ssl.SSLError), client.wrap_socket(right, server_hostname="localhost") as tls:
                tls.recv(5)
            error = serving.exception(10)
        assert isinstance(error, ssl.SSLCertVerificationError)
        return clients.refusal(error)

    return refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a CA and a server certificate."""
    made = tmp_path / "certs"
    authority.create(made, ["chat.example.org"])
    return made


@pytest.fixture
def redate(folder: Path) -> Callable[..., None]:
    """`redate("server", until=moment)` has the CA sign a certificate of the folder again, with other dates."""
    signer = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)

    def redate(name: str, *, until: datetime, since: datetime | None = None) -> None:
        path = folder / f"{name}.crt"
        old = x509.load_pem_x509_certificate(path.read_bytes())
        builder = (
            x509.CertificateBuilder(extensions=list(old.extensions))
            .subject_name(old.subject)
            .issuer_name(old.issuer)
            .public_key(old.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since or until - timedelta(days=90))
            .not_valid_after(until)
        )
        path.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    return redate
