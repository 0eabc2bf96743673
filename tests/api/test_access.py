"""Who may do what: the rules, the gate before every route, sessions, and other sites' tricks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from api.access import ANONYMOUS, RULES, Action, Resource, decide
from api.gate import session_cookie
from api.identify import token_actor
from api.routes.endpoint import Endpoint, declared
from api.routes.table import ENDPOINTS
from api.sessions import IDLE_S, LIFETIME_S
from api.settings import LOOPBACK_NAMES, ServiceRefusedError, settings_for
from api.throttle import ATTEMPTS, WINDOW_S
from api.tokens import digest, issue_token, matches, new_token, read_digest
from tests.api.service_world import (
    BEARER,
    HTML,
    SAME_ORIGIN,
    TOKEN,
    Clock,
    client_of,
    problem,
    service,
    sign_in,
)

PUBLIC = {"/health", "/ready", "/openapi.json", "/docs", "/static/{name}", "/sign-in"}
IDS = [f"{one.method} {one.path}" for one in ENDPOINTS]
CLOSED_POSTS = [one for one in ENDPOINTS if one.method == "POST" and one.path not in PUBLIC]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(tmp_path: Path, clock: Clock) -> Iterator[TestClient]:
    with client_of(service(tmp_path, clock=clock)) as client:
        yield client


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Clock]]:
    """Yield a client of one service for every cell of the matrix, and its clock."""
    clock = Clock()
    with client_of(service(tmp_path_factory.mktemp("matrix"), clock=clock)) as client:
        yield client, clock


@pytest.fixture
def stranger(standing: tuple[TestClient, Clock]) -> TestClient:
    """Return that client as a browser that was never here, after the time of slowing down."""
    client, clock = standing
    client.cookies.clear()
    clock.now_s += WINDOW_S
    return client


def address(endpoint: Endpoint) -> str:
    return (
        endpoint.path.replace("{name}", "arv.css")
        .replace("{table}", "wards")
        .replace("/wards/{code}", "/wards/E05000012")
        .replace("{code}", "E09000012")
        .replace("{hot_spot_id}", "H1")
        .replace("{assessment_id}", "ra-0")
        .replace("{fleet_id}", "example")
        .replace("{event_id}", f"ev-{'0' * 16}")
        .replace("{action_id}", f"ac-{'0' * 16}")
        .replace("{at:int}", "1")
        .replace("{key}", "2026-W48-0123456789ab")
        .replace("{receipt_id}", "0" * 64)
        .replace("{key_id}", f"k{'0' * 12}")
        .replace("{job_id}", f"job-{'0' * 24}")
        .replace("{roster_id}", f"tpu-2026-11-23-{'0' * 16}")
    )


def send(client: TestClient, endpoint: Endpoint, headers: dict[str, str]) -> int:
    return client.request(endpoint.method, address(endpoint), headers=headers).status_code


def test_every_action_has_a_rule_and_every_rule_an_endpoint() -> None:
    assert set(RULES) == set(Action)
    assert {endpoint.action for endpoint in ENDPOINTS} == set(Action)


def test_no_route_is_without_a_declaration(tmp_path: Path) -> None:
    app = service(tmp_path)
    for route in app.router.routes:
        methods = getattr(route, "methods", None)
        assert methods, f"{route} has no methods and would escape the table"
        for method in methods:
            assert declared(app, route, method) is not None, f"{method} {route}"


def test_a_route_added_behind_the_table_is_refused_to_everyone(tmp_path: Path) -> None:
    async def secret(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("secret")

    app = service(tmp_path)
    app.router.routes.append(Route("/secret", secret))
    app.add_api_route("/also", lambda: {"secret": 1}, methods=["GET"])
    with client_of(app) as client:
        for path in ("/secret", "/also"):
            problem(client.get(path), 401)
            body = problem(client.get(path, headers=BEARER), 403)
            assert "no rule" in body["detail"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=IDS)
def test_matrix_of_routes_and_callers(stranger: TestClient, endpoint: Endpoint) -> None:
    public = endpoint.path in PUBLIC
    open_to_all = decide(ANONYMOUS, endpoint.action, Resource(endpoint.path)).allowed
    assert open_to_all is public
    refused = {401, 403} - ({403} if endpoint.form else set())
    for headers in (
        {},
        {"Authorization": "Bearer arv_wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer"},
        {"Cookie": f"{session_cookie(False)}=forged"},
    ):
        status = send(stranger, endpoint, headers)
        assert (status not in refused) is public, (status, headers)
    if not endpoint.form:
        allowed = decide(token_actor("token"), endpoint.action, Resource(endpoint.path)).allowed
        assert (send(stranger, endpoint, BEARER) not in {401, 403}) is allowed


@pytest.mark.parametrize("endpoint", CLOSED_POSTS, ids=[one.path for one in CLOSED_POSTS])
def test_a_strangers_body_is_refused_unread(stranger: TestClient, endpoint: Endpoint) -> None:
    read, sent = [], []

    async def receive() -> Message:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 1024, "more_body": True}

    async def send_on(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": address(endpoint), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    assert stranger.portal is not None
    stranger.portal.call(stranger.app, scope, receive, send_on)
    assert not read
    assert sent[0]["status"] == 401
    assert dict(sent[0]["headers"])[b"www-authenticate"].startswith(b"Bearer")


def test_a_browser_is_led_to_the_form_and_a_program_is_told_of_the_token(
    client: TestClient,
) -> None:
    led = client.get("/", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in")
    assert "Bearer" in problem(client.get("/"), 401)["detail"]


def test_signing_in_opens_a_session_that_no_script_can_read(client: TestClient) -> None:
    answer = sign_in(client)
    assert answer.status_code == 303
    cookie = next(
        line for line in answer.headers.get_list("set-cookie") if line.startswith("arv_session=")
    )
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/", headers=HTML).status_code == 200


def test_behind_a_proxy_the_cookie_is_bound_to_tls(tmp_path: Path) -> None:
    app = service(tmp_path, behind_proxy=True)
    with client_of(app) as client:
        form = client.get("/sign-in")
        cookie = form.headers["set-cookie"]
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        assert "max-age" in form.headers["strict-transport-security"]


def test_a_session_ends_when_idle_and_at_the_end_of_its_life(
    client: TestClient, clock: Clock
) -> None:
    sign_in(client)
    clock.now_s += IDLE_S - 1
    assert client.get("/").status_code == 200
    clock.now_s += IDLE_S + 1
    problem(client.get("/"), 401)
    sign_in(client)
    for _ in range(int(LIFETIME_S // (IDLE_S / 2)) + 1):
        clock.now_s += IDLE_S / 2
        last = client.get("/").status_code
    assert last == 401


def test_signing_out_needs_the_form_token_and_ends_the_session(client: TestClient) -> None:
    sign_in(client)
    problem(client.post("/sign-out", data={"form_token": "no"}, headers=SAME_ORIGIN), 403)
    assert client.get("/").status_code == 200
    page = client.get("/").text
    token = page.split('name="form_token" value="')[1].split('"')[0]
    kept = dict(client.cookies)
    answer = client.post("/sign-out", data={"form_token": token}, headers=SAME_ORIGIN)
    assert answer.status_code == 303
    client.cookies.update(kept)  # a copy of the cookie is worth nothing now
    problem(client.get("/"), 401)


def test_another_site_cannot_use_a_session(client: TestClient) -> None:
    sign_in(client)
    body = {"fleet_id": "example"}
    for headers in (
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
        SAME_ORIGIN,  # right place, but no form token
        {**SAME_ORIGIN, "X-CSRF-Token": "guess"},
    ):
        problem(client.post("/allocate", json=body, headers=headers), 403)
    page = client.get("/").text
    token = page.split('name="form_token" value="')[1].split('"')[0]
    answer = client.post("/allocate", json=body, headers={**SAME_ORIGIN, "X-CSRF-Token": token})
    problem(answer, 409)  # allowed, and told that there is no assessment yet


def test_another_site_cannot_sign_a_browser_in(client: TestClient) -> None:
    problem(client.post("/sign-in", data={"token": TOKEN}), 403)
    problem(client.post("/sign-in", data={"token": TOKEN}, headers={"Origin": "null"}), 403)
    answer = client.post("/sign-in", data={"token": TOKEN}, headers=SAME_ORIGIN)
    assert answer.status_code == 403  # the form's own token is missing
    assert "arv_session" not in answer.headers.get("set-cookie", "")


def test_wrong_tokens_are_slowed_and_the_right_one_never(client: TestClient, clock: Clock) -> None:
    wrong = {"Authorization": "Bearer arv_wrong"}
    statuses = [client.get("/allocate?week=2026-W48", headers=wrong).status_code
                for _ in range(ATTEMPTS + 2)]  # fmt: skip
    assert statuses == [401] * ATTEMPTS + [429] * 2
    slowed = client.get("/allocate?week=2026-W48", headers=wrong)
    assert 1 <= int(slowed.headers["retry-after"]) <= WINDOW_S
    assert sign_in(client, "wrong").status_code == 429
    problem(client.get("/allocate?week=2026-W48", headers=BEARER), 404)
    clock.now_s += WINDOW_S
    problem(client.get("/allocate?week=2026-W48", headers=wrong), 401)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.", "127.0.0.2", "", "a@127.0.0.1",
     "127.0.0.1:8000:1", "[::1", "0.0.0.0"],
)  # fmt: skip
def test_a_rebound_host_is_turned_away(client: TestClient, host: str) -> None:
    problem(client.get("/health", headers={"Host": host}), 421)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:80", "LOCALHOST"])
def test_loopback_names_are_ours(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


def test_a_network_address_needs_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(host: str, behind_proxy: bool) -> frozenset[str]:
        return settings_for(
            data=tmp_path, host=host, port=1, behind_proxy=behind_proxy, sample=False
        ).allowed_hosts

    for host in ("0.0.0.0", "::", "192.168.1.4", "example.org", ""):
        with pytest.raises(ServiceRefusedError, match="--behind-proxy"):
            ask(host, behind_proxy=False)
    for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost"):
        assert ask(host, behind_proxy=False) == LOOPBACK_NAMES
    monkeypatch.setenv("ARV_ALLOWED_HOSTS", "arv.example, ARV.example.org")
    assert ask("0.0.0.0", behind_proxy=True) == LOOPBACK_NAMES | {"arv.example", "arv.example.org"}


def test_only_the_digest_of_a_token_is_kept(tmp_path: Path) -> None:
    assert read_digest(tmp_path) is None
    token = issue_token(tmp_path)
    kept = read_digest(tmp_path)
    assert kept == digest(token)
    assert matches(token, kept)
    assert not matches(token[:-1], kept)
    assert not any(token.encode() in path.read_bytes() for path in tmp_path.iterdir())
    second = issue_token(tmp_path)
    assert not matches(token, read_digest(tmp_path) or "")
    assert matches(second, read_digest(tmp_path) or "")
    assert len({new_token() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"sha256": 1}', b'{"sha256": "zz"}', b"\xff"]
)
def test_a_damaged_token_file_is_refused_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "administrator.json").write_bytes(content)
    with pytest.raises(ServiceRefusedError, match="--new-token"):
        read_digest(tmp_path)
