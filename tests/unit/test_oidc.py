"""Identity tokens against a local issuer made here: only a right one identifies anybody."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from api.accounts.oidc import LEEWAY_S, Identity, Issuer, OidcSettings, read_oidc
from api.refusals import CredentialRefusedError
from api.settings import ServiceRefusedError

NOW = 1_800_000_000
ISSUER = "https://issuer.example"
KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "one"}, private=True)
OTHER = OKPKey.generate_key("Ed25519", parameters={"kid": "one"}, private=True)
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"}, private=True)
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"}, private=True)
JWKS = {"keys": [key.as_dict(private=False) for key in (KEY, RSA, EC)]}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "aud": "arv", "sub": "s-1", "iat": NOW - 10, "exp": NOW + 300,
}  # fmt: skip


def issuer(**changes: Any) -> Issuer:
    settings = {"issuer": ISSUER, "audience": "arv", "jwks": lambda: JWKS, **changes}
    return Issuer(OidcSettings(**settings), wall_clock=lambda: NOW)


def token(key: Any = KEY, algorithm: str = "Ed25519", **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    header = {"alg": algorithm, "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def raw(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(one).encode() for one in (header, claims)] + [signature]
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts)


@pytest.mark.parametrize(("key", "algorithm"), [(KEY, "Ed25519"), (RSA, "RS256"), (EC, "ES256")])
def test_a_right_token_says_who_it_is(key: Any, algorithm: str) -> None:
    assert issuer().identify(token(key, algorithm)) == Identity(ISSUER, "s-1")
    assert issuer().identify(token(key, algorithm, aud=["other", "arv"])).subject == "s-1"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["another", "third"]}, "aud"),
        ({"exp": NOW - LEEWAY_S - 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"nbf": NOW + LEEWAY_S + 1}, "nbf"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "x" * 401}, "sub"),
    ],
)
def test_a_wrong_claim_is_refused_by_name(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(CredentialRefusedError, match="Remedy") as refusal:
        issuer().identify(token(**changes))
    assert word in str(refusal.value)


def test_a_token_without_a_signature_or_of_another_key_is_refused() -> None:
    forged = [
        raw({"alg": "none"}, CLAIMS),
        raw({"alg": "None", "kid": "one"}, CLAIMS),
        token(OTHER),
        token()[:-4] + "AAAA",
        raw({"alg": "Ed25519", "kid": "one"}, {**CLAIMS, "sub": "root"}, b"x" * 64),
        "",
        "a.b.c",
        "not a token",
        token() + ".x",
        "x" * 20_000,
    ]
    secret = OctKey.import_key(json.dumps(JWKS["keys"][1]))
    forged.append(jwt.encode({"alg": "HS256", "kid": "rsa"}, CLAIMS, secret, algorithms=["HS256"]))
    for one in forged:
        with pytest.raises(CredentialRefusedError, match="Remedy"):
            issuer().identify(one)


def test_an_algorithm_that_is_not_allowed_is_refused() -> None:
    with pytest.raises(CredentialRefusedError):
        issuer(algorithms=frozenset({"ES256"})).identify(token())


def test_keys_are_kept_and_read_again_when_the_issuer_changed_them() -> None:
    reads: list[int] = []
    served = {"keys": [KEY.as_dict(private=False)]}
    clock = [0.0]

    def jwks() -> dict[str, Any]:
        reads.append(1)
        return served

    made = Issuer(OidcSettings(ISSUER, "arv", jwks), wall_clock=lambda: NOW, clock=lambda: clock[0])
    for _ in range(5):
        made.identify(token())
    assert len(reads) == 1
    served = {"keys": [OTHER.as_dict(private=False)]}
    for _ in range(20):  # a flood of wrong tokens does not make a flood of requests
        with pytest.raises(CredentialRefusedError):
            made.identify(token(OTHER))
    assert len(reads) == 1
    clock[0] = 31.0
    assert made.identify(token(OTHER)).subject == "s-1"
    assert len(reads) == 2


@contextmanager
def served(pages: dict[str, Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            content = json.dumps(body() if callable(body) else body).encode()
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_keys_are_found_through_a_local_issuer(tmp_path: Path) -> None:
    pages: dict[str, Any] = {"/keys": JWKS}
    with served(pages) as address:
        pages["/.well-known/openid-configuration"] = {
            "issuer": address, "jwks_uri": f"{address}/keys",
        }  # fmt: skip
        path = tmp_path / "oidc.toml"
        for text in (f'issuer = "{address}"', f'issuer = "{address}"\njwks_url = "{address}/keys"'):
            path.write_text(f'{text}\naudience = "arv"\n')
            made = Issuer(read_oidc(path), wall_clock=lambda: NOW)
            assert made.identify(token(iss=address)) == Identity(address, "s-1")
        pages["/.well-known/openid-configuration"] = {
            "issuer": "https://evil.example", "jwks_uri": f"{address}/keys",
        }  # fmt: skip
        path.write_text(f'issuer = "{address}"\naudience = "arv"\n')
        with pytest.raises(CredentialRefusedError, match="keys cannot be read"):
            Issuer(read_oidc(path), wall_clock=lambda: NOW).identify(token(iss=address))
    path.write_text(f'issuer = "{address}"\naudience = "arv"\n')  # nobody answers there now
    with pytest.raises(CredentialRefusedError, match="keys cannot be read"):
        Issuer(read_oidc(path), wall_clock=lambda: NOW).identify(token(iss=address))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "issuer = ",
        'issuer = "https://i.example"',
        'audience = "arv"',
        'issuer = "https://i.example"\naudience = "arv"\nsecret = "x"',
        'issuer = "http://i.example"\naudience = "arv"',
        'issuer = "https://i.example"\naudience = "arv"\njwks_url = "http://i.example/keys"',
        'issuer = "https://i.example"\naudience = "arv"\njwks_url = "file:///etc/passwd"',
        'issuer = "https://i.example"\naudience = "arv"\nalgorithms = ["none"]',
        'issuer = "https://i.example"\naudience = "arv"\nalgorithms = ["HS256"]',
        'issuer = "https://i.example"\naudience = "arv"\nalgorithms = []',
        'issuer = "https://i.example"\naudience = "arv"\njwks_file = "a"\njwks_url = "https://b"',
    ],
)
def test_a_file_that_would_weaken_sign_in_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "oidc.toml"
    path.write_text(text)
    with pytest.raises(ServiceRefusedError, match="Remedy"):
        read_oidc(path)
    with pytest.raises(ServiceRefusedError, match="Remedy"):
        read_oidc(tmp_path / "missing.toml")
