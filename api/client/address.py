"""Where the service is: over TLS, or on this machine."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from api.client.errors import UnsafeAddressError


@dataclass(frozen=True)
class Address:
    """A service's address, checked: ``prefix`` is the path before every endpoint."""

    scheme: str
    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port as browsers write them in ``Origin``."""
        usual = {"http": 80, "https": 443}[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == usual else f":{self.port}")

    def connect(self, timeout_s: float) -> HTTPConnection:
        """Return a new connection, not yet opened. It follows no redirect and uses no proxy."""
        if self.tls is not None:
            return HTTPSConnection(self.host, self.port, timeout=timeout_s, context=self.tls)
        return HTTPConnection(self.host, self.port, timeout=timeout_s)


def read_address(url: str, ca_file: Path | None = None) -> Address:
    """Return the address of a service.

    Parameters
    ----------
    url
        For example ``https://arv.example.police.uk`` or ``http://127.0.0.1:8000``.
    ca_file
        Certificates (PEM) of the authority that signed the service's; by default those the
        machine trusts.

    Raises
    ------
    UnsafeAddressError
        When it is no address, holds a name or password, or is plain HTTP to another machine:
        tokens, passwords and evidence would be readable on the way.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UnsafeAddressError(f"{url!r} is no address. {_REMEDY}") from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UnsafeAddressError(f"{url!r} is no address of a service. {_REMEDY}")
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddressError(
            "the address holds a name or a password, which ends up in logs. "
            "Remedy: give the token or the password apart from the address."
        )
    if parts.scheme == "http" and not _loopback(host):
        raise UnsafeAddressError(
            f"plain HTTP to {host} would show tokens and evidence to everybody on the way. "
            "Remedy: use https, with ca_file where the certificate is your own authority's."
        )
    if ca_file is not None and parts.scheme == "http":
        raise UnsafeAddressError("ca_file is given and the address is plain HTTP. " + _REMEDY)
    tls = _context(ca_file) if parts.scheme == "https" else None
    usual = 443 if tls is not None else 80
    return Address(parts.scheme, host, port or usual, parts.path.rstrip("/"), tls)


_REMEDY = "Remedy: write https://HOST, or http://127.0.0.1:8000 for a service on this machine."


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as fault:
        raise UnsafeAddressError(
            f"the certificates in {ca_file} cannot be read ({fault}). Remedy: give a PEM file."
        ) from fault
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
