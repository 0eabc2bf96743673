"""A proxy that ends TLS, as small as it can be: for tests of the service behind one."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CLIENT = "203.0.113.9"  # who the proxy says is asking
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Relay:
    """Where it listens, and the certificate that its callers trust."""

    port: int
    certificate: Path

    def connect(self, _address: tuple[str, int], *more: object) -> socket.socket:
        """Connect to the relay, whatever name was asked for."""
        timeout = more[0] if more and isinstance(more[0], int | float) else 60
        return socket.create_connection(("127.0.0.1", self.port), timeout)


@contextmanager
def relay(folder: Path, name: str, behind: int) -> Iterator[Relay]:
    """Yield a relay from TLS to a port of this machine; one request a connection."""
    certificate = _certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, folder / "tls.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, behind), daemon=True).start()
        yield Relay(int(listener.getsockname()[1]), certificate)


def _accept(listener: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:  # closed: the test is over
            return
        threading.Thread(target=_serve, args=(client, context, behind), daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext, behind: int) -> None:
    client.settimeout(60)
    with (
        contextlib.suppress(OSError),
        client,
        context.wrap_socket(client, server_side=True) as secure,
        socket.create_connection(("127.0.0.1", behind), 60) as inner,
    ):
        inner.sendall(_request(secure))
        while part := inner.recv(65536):
            secure.sendall(part)


def _request(secure: ssl.SSLSocket) -> bytes:
    """Return one request with what a proxy says of it."""
    data = b""
    while HEAD_END not in data:
        data += secure.recv(65536)
    head, _, body = data.partition(HEAD_END)
    lines = head.split(b"\r\n")
    said = {line.split(b":", 1)[0].lower(): line for line in lines[1:]}
    length = int(said.get(b"content-length", b":0").split(b":", 1)[1])
    while len(body) < length:
        body += secure.recv(65536)
    for name in (b"connection", b"x-forwarded-for", b"x-forwarded-proto"):
        said.pop(name, None)
    own = [f"X-Forwarded-For: {CLIENT}".encode(), b"X-Forwarded-Proto: https", b"Connection: close"]
    return b"\r\n".join([lines[0], *said.values(), *own]) + HEAD_END + body


def _certificate(folder: Path, name: str) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tls.key").write_bytes(private)
    (folder / "tls.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "tls.pem"
