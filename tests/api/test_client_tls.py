"""The client over TLS with an authority of one's own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.client.errors import UnreachableError, UnsafeAddressError
from api.client.exchange import Patience
from api.client.service import ServiceClient
from tests.api.service_world import TOKEN
from tests.api.wire_world import Script, scripted


def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    ok = (200, {"Content-Type": "application/json"}, b'{"status": "ok"}')
    with scripted(Script([ok]), context) as url:
        assert url.startswith("https://")
        assert ServiceClient(url, token=TOKEN, ca_file=pem).health() == {"status": "ok"}
        untrusting = ServiceClient(url, token=TOKEN, patience=Patience(attempts=1))
        with pytest.raises(UnreachableError, match="ca_file"):
            untrusting.health()
    with pytest.raises(UnsafeAddressError, match="PEM"):
        ServiceClient(url, ca_file=tmp_path / "none.pem")


def certificate(folder: Path) -> Path:
    """Write a key and a certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "own.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return pem
