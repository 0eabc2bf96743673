"""Identity tokens of an OpenID Connect issuer: checked here, rights stay with the account.

A token proves who somebody is; what they may do is in the store. A subject that no account is
linked to is refused.
"""

from __future__ import annotations

import ipaddress
import json
import threading
import time
import tomllib
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jwk import KeySet

from api.refusals import CredentialRefusedError
from api.settings import ServiceRefusedError

#: Signatures with a public key only: never none, never a shared secret.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"})
LEEWAY_S = 60
KEPT_S = 600.0
LEAST_PAUSE_S = 30.0
MOST_TOKEN = 16_384
_MOST_BYTES = 2**20
_TIMEOUT_S = 5.0
_KEYS = {"issuer", "audience", "algorithms", "jwks_file", "jwks_url", "subject_claim"}


@dataclass(frozen=True)
class OidcSettings:
    """Whom to believe, and for whom the tokens must be.

    Attributes
    ----------
    jwks
        Reads the issuer's public keys (a JWK Set).
    subject_claim
        The claim that names the person; ``sub`` unless the issuer has a better one.
    """

    issuer: str
    audience: str
    jwks: Callable[[], Mapping[str, Any]]
    algorithms: frozenset[str] = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
    subject_claim: str = "sub"


@dataclass(frozen=True)
class Identity:
    """Who a token says somebody is."""

    issuer: str
    subject: str


@dataclass
class Issuer:
    """Checks tokens of one issuer; its keys are kept for ten minutes.

    Parameters
    ----------
    settings
        From :func:`read_oidc`.
    wall_clock, clock
        Seconds since 1970 and monotonic seconds.
    """

    settings: OidcSettings
    wall_clock: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    _keys: KeySet | None = None
    _read_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def identify(self, token: str) -> Identity:
        """Return who a token proves somebody to be.

        Raises
        ------
        CredentialRefusedError
            When it is no token of this issuer for this service, is not valid yet or any more,
            is signed with another key, or not signed at all.
        """
        if len(token) > MOST_TOKEN:
            raise _refused("is longer than any this service takes")
        try:
            decoded = self._decoded(token)
            self._registry().validate(decoded.claims)
        except ExpiredTokenError as fault:
            raise _refused("has expired") from fault
        except (InvalidClaimError, MissingClaimError) as fault:
            raise _refused(f"has no right claim {fault.claim!r}") from fault
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise _refused("is not signed by the configured issuer") from fault
        subject = decoded.claims.get(self.settings.subject_claim)
        if not isinstance(subject, str) or not subject or len(subject) > 400:
            raise _refused(f"has no usable claim {self.settings.subject_claim!r}")
        return Identity(self.settings.issuer, subject)

    def _decoded(self, token: str) -> jwt.Token:
        algorithms = sorted(self.settings.algorithms & ALGORITHMS)
        try:
            return jwt.decode(token, self._key_set(renew=False), algorithms=algorithms)
        except (JoseError, ValueError):  # the issuer may have changed its keys
            return jwt.decode(token, self._key_set(renew=True), algorithms=algorithms)

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            now=lambda: int(self.wall_clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.audience},
            exp={"essential": True},
            iat={"essential": True},
        )

    def _key_set(self, *, renew: bool) -> KeySet:
        with self._lock:
            age_s = self.clock() - self._read_s
            fresh = age_s < (LEAST_PAUSE_S if renew else KEPT_S)
            if self._keys is None or not fresh:
                self._keys = KeySet.import_key_set(dict(self.settings.jwks()))  # type: ignore[arg-type]  # checked by joserfc itself
                self._read_s = self.clock()
            return self._keys


def read_oidc(path: Path) -> OidcSettings:
    """Read the TOML file that names an issuer.

    Parameters
    ----------
    path
        Keys ``issuer``, ``audience``, one of ``jwks_file`` (a JWK Set beside the file) and
        ``jwks_url``, optionally ``algorithms`` and ``subject_claim``. Without either, the keys
        are found through the issuer's ``/.well-known/openid-configuration``.

    Raises
    ------
    ServiceRefusedError
        When it cannot be read, lacks a key, or names an address that is not HTTPS.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        raise _misconfigured(path, f"cannot be read as TOML ({fault})") from fault
    unknown = sorted(set(values) - _KEYS)
    if unknown:
        raise _misconfigured(path, f"has the unknown key {unknown[0]!r}")
    for key in ("issuer", "audience"):
        if not isinstance(values.get(key), str) or not values[key]:
            raise _misconfigured(path, f"lacks {key!r}")
    if "jwks_file" in values and "jwks_url" in values:
        raise _misconfigured(path, "names both jwks_file and jwks_url")
    algorithms = frozenset(values.get("algorithms", OidcSettings.algorithms))
    if not algorithms or not algorithms <= ALGORITHMS:
        odd = sorted(algorithms - ALGORITHMS) or ["none at all"]
        raise _misconfigured(path, f"allows the algorithm {odd[0]!r}")
    return OidcSettings(
        issuer=values["issuer"],
        audience=values["audience"],
        jwks=_jwks_reader(path, values),
        algorithms=algorithms,
        subject_claim=str(values.get("subject_claim", "sub")),
    )


def _jwks_reader(path: Path, values: Mapping[str, Any]) -> Callable[[], Mapping[str, Any]]:
    if "jwks_file" in values:
        file = path.parent / str(values["jwks_file"])
        return lambda: _read_file(file)
    if "jwks_url" in values:
        url = str(values["jwks_url"])
        _check_address(path, url)
        return lambda: _fetch(url)
    issuer = str(values["issuer"]).rstrip("/")
    _check_address(path, issuer)
    return lambda: _fetch_discovered(issuer)


def _fetch_discovered(issuer: str) -> Mapping[str, Any]:
    found = _fetch(f"{issuer}/.well-known/openid-configuration")
    if str(found.get("issuer", "")).rstrip("/") != issuer or not _safe(str(found.get("jwks_uri"))):
        raise _unreachable(ValueError("its configuration names another issuer or no key address"))
    return _fetch(str(found["jwks_uri"]))


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(file.read_bytes()[:_MOST_BYTES])
    except (OSError, ValueError) as fault:
        raise _unreachable(fault) from fault
    return _object(value)


def _fetch(url: str) -> Mapping[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  (checked to be HTTPS, or loopback)
            return _object(json.loads(answer.read(_MOST_BYTES)))
    except (OSError, ValueError) as fault:
        raise _unreachable(fault) from fault


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _unreachable(ValueError("not a JSON object"))
    return value


def _check_address(path: Path, url: str) -> None:
    if not _safe(url):
        raise _misconfigured(path, f"names the address {url!r}, which is not HTTPS")


def _safe(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _misconfigured(path: Path, problem: str) -> ServiceRefusedError:
    return ServiceRefusedError(
        f"the file {problem}", remedy="see docs/access.md for its keys", file=path.name
    )


def _unreachable(fault: Exception) -> CredentialRefusedError:
    return CredentialRefusedError(
        f"the issuer's keys cannot be read ({type(fault).__name__})",
        remedy="try again, or sign in with a password; an administrator checks the issuer's "
        "address",
    )


def _refused(problem: str) -> CredentialRefusedError:
    return CredentialRefusedError(
        f"the identity token {problem}", remedy="sign in again at your issuer"
    )
