"""`arv serve` on an empty machine, and behind a proxy that ends TLS: safe without configuration."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psutil
import pytest

from api.access import RULES, Role
from api.routes.table import ENDPOINTS
from tests.api.test_service_live import Live, live
from tests.api.tls_relay import Relay, relay

NAME = "tasking.example"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Yield the service as its first start leaves it, in an open folder, without a mask."""
    data = tmp_path_factory.mktemp("fresh") / "data"
    data.mkdir()
    data.chmod(0o755)
    before = os.umask(0)
    try:
        with live(data, "--no-sample") as started:
            yield started
    finally:
        os.umask(before)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Relay]]:
    """Yield a service behind a proxy of the tests that ends TLS."""
    folder = tmp_path_factory.mktemp("proxied")
    options = ("--no-sample", "--behind-proxy", "--allowed-host", NAME)
    with live(folder / "data", *options) as started:
        port = int(started.url.rsplit(":", 1)[1])
        with relay(folder, NAME, port) as made:
            yield started, made


def test_a_stranger_gets_nothing_through_any_door(fresh: Live) -> None:
    with httpx.Client(base_url=fresh.url, follow_redirects=False) as client:
        for one in ENDPOINTS:
            path = re.sub(r"\{[^}]+\}", "E09000012", one.path.replace("{at:int}", "1"))
            answer = client.request(one.method, path)
            public = Role.ANYONE in RULES[one.action]
            assert (answer.status_code == 401) is not public, (one.method, one.path, answer)
            assert "content-security-policy" in answer.headers
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "server" not in answer.headers
            if not public:
                assert fresh.token not in answer.text
                assert "cookie" not in {name.removeprefix("set-") for name in answer.headers}
        for path in (
            "/admin",
            "/.git/config",
            "/api",
            "/static/../api/app.py",
            "/%2e%2e/etc/passwd",
        ):
            assert client.get(path).status_code in (401, 404), path


def test_it_listens_on_loopback_and_its_files_are_private(fresh: Live) -> None:
    family = [psutil.Process(fresh.process.pid)]
    family += family[0].children(recursive=True)
    listening = {
        each.laddr.ip
        for one in family
        for each in one.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in fresh.data.rglob("*")}
    assert {"administrator.json", "arv.sqlite3", "audit-key.pem", "audit-head.json"} <= set(made)
    assert [name for name, mode in made.items() if mode & 0o077] == []
    held = b"".join(path.read_bytes() for path in fresh.data.iterdir() if path.is_file())
    assert fresh.token.encode() not in held


def ask(
    made: Relay, method: str, path: str, body: str = "", **headers: str
) -> http.client.HTTPResponse:
    """Send one request through the proxy, which is trusted by its own certificate alone."""
    context = ssl.create_default_context(cafile=str(made.certificate))
    connection = http.client.HTTPSConnection(NAME, made.port, timeout=60, context=context)
    connection._create_connection = made.connect  # the name leads to the relay
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body or None, {"Host": NAME, **named})
    return connection.getresponse()


def test_a_person_signs_in_through_tls(proxied: tuple[Live, Relay]) -> None:
    started, made = proxied
    form = ask(made, "GET", "/sign-in")
    page = form.read().decode()
    assert form.status == 200
    assert "max-age=" in str(form.getheader("Strict-Transport-Security"))
    kept = str(form.getheader("Set-Cookie"))
    assert kept.startswith("__Host-arv_form=")
    assert "Secure" in kept
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    fields = urlencode({"form_token": found[1], "token": started.token})
    sent = {
        "Content_Type": "application/x-www-form-urlencoded",
        "Cookie": kept.split(";", maxsplit=1)[0],
    }
    elsewhere = ask(made, "POST", "/sign-in", fields, Origin="https://evil.example", **sent)
    assert elsewhere.status == 403
    done = ask(made, "POST", "/sign-in", fields, Origin=f"https://{NAME}", **sent)
    assert done.status == 303, done.read()
    cookies = done.headers.get_all("Set-Cookie") or []
    session = next(one for one in cookies if one.startswith("__Host-arv_session="))
    for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert word in session
    assert "Domain" not in session
    assert ask(made, "GET", "/", Cookie=session.split(";")[0]).status == 200


def test_another_host_name_and_plain_http_get_nowhere(proxied: tuple[Live, Relay]) -> None:
    started, made = proxied
    assert ask(made, "GET", "/health", Host="evil.example").status == 421
    assert ask(made, "GET", "/assessment").status == 401
    with pytest.raises((ConnectionError, http.client.HTTPException, OSError)):
        plain = http.client.HTTPConnection("127.0.0.1", made.port, timeout=20)
        plain.request("GET", "/health")
        plain.getresponse().read()
    bearer = {"Authorization": f"Bearer {started.token}"}
    assert ask(made, "GET", "/feeds", **bearer).status == 200


def test_the_documented_proxies_pass_on_what_the_service_needs(repository: Path) -> None:
    text = (repository / "docs" / "operations.md").read_text("utf-8")
    nginx = text.split("```nginx")[1].split("```")[0]
    for line in (
        "proxy_pass http://127.0.0.1:8000;", "Host              $http_host;",
        "X-Forwarded-For   $remote_addr;", "X-Forwarded-Proto https;", "proxy_buffering off;",
    ):  # fmt: skip
        assert line in nginx
    assert nginx.count("{") == nginx.count("}") == 2
    caddy = text.split("```caddy")[1].split("```")[0]
    assert "reverse_proxy 127.0.0.1:8000" in caddy
    assert "flush_interval -1" in caddy
