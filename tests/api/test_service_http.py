"""What the service answers about a stored week: forms, headers, problems, and refused bodies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from allocator.plan import from_document
from api.negotiation import choose, prefers_html
from api.problems import MEDIA_TYPE, ProblemError, problem_of
from api.routes.documents import PlanDocument
from api.routes.table import ENDPOINTS
from api.settings import Limits
from hotspots.boundaries.study_area import load_bundled
from tests.api.service_world import (
    BEARER,
    HTML,
    WEEK,
    client_of,
    fill,
    made_up_week,
    problem,
    service,
)

JSON_BODY = {**BEARER, "Content-Type": "application/json"}
LIMITS = Limits(json_bytes=20_000, upload_bytes=60_000, upload_files=3)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    area = load_bundled()
    fill(root, area, *made_up_week(area))
    return root


@pytest.fixture(scope="module")
def plan_id(filled: Path) -> str:
    return (filled / "plans" / WEEK / "current").read_text("utf-8").strip()


@pytest.fixture(scope="module")
def client(filled: Path) -> Iterator[TestClient]:
    with client_of(service(filled, limits=LIMITS)) as client:
        yield client


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    with client_of(service(tmp_path)) as client:
        yield client


def get(client: TestClient, path: str, **headers: str) -> Any:
    return client.get(path, headers={**BEARER, **headers})


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (HTML["Accept"], "text/html"),
        ("text/html;q=0.5, application/json;q=0.9", "application/json"),
        ("text/html;q=0.9, */*;q=0.1", "text/html"),
        ("application/geo+json", "application/geo+json"),
        ("application/pdf", "application/pdf"),
        ("text/*", "text/html"),
        ("application/json;q=0, text/html", "text/html"),
        ("nonsense", "application/json"),
    ],
)
def test_the_plan_in_the_form_a_client_prefers(
    client: TestClient, plan_id: str, accept: str | None, media_type: str
) -> None:
    answer = get(client, f"/allocate?week={WEEK}", **({"Accept": accept} if accept else {}))
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert "Accept" in answer.headers["vary"]
    assert answer.headers["x-classification"] == "OFFICIAL-SENSITIVE"
    assert answer.headers["x-notice"] == "SYNTHETIC"
    assert answer.headers["x-plan-id"] == plan_id
    assert answer.headers["cache-control"] == "no-store"


def test_a_form_nobody_offers_is_not_acceptable(client: TestClient) -> None:
    body = problem(get(client, f"/allocate?week={WEEK}", Accept="image/png"), 406)
    assert "application/json" in body["detail"]


@given(
    ranges=st.lists(
        st.tuples(
            st.sampled_from(["text/html", "application/json", "text/*", "*/*", "image/png"]),
            st.integers(0, 10),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda one: one[0],
    )
)
def test_negotiation_agrees_with_the_definition(ranges: list[tuple[str, int]]) -> None:
    """The slow definition: the most precise range that fits gives the weight of a form."""
    offered = ("application/json", "text/html")
    weights = dict(ranges)

    def weight(media_type: str) -> int:
        kind = media_type.partition("/")[0] + "/*"
        for wanted in (media_type, kind, "*/*"):
            if wanted in weights:
                return weights[wanted]
        return 0

    accept = ", ".join(f"{name};q={tenths / 10:.1f}" for name, tenths in ranges)
    best = max(offered, key=weight)
    if weight(best) == 0:
        with pytest.raises(ProblemError):
            choose(accept, offered)
    else:
        assert choose(accept, offered) == best
    assert prefers_html(accept) is (weight("text/html") > weight("application/json"))


@given(accept=st.text(max_size=60))
def test_negotiation_never_fails_on_nonsense(accept: str) -> None:
    try:
        assert choose(accept, ("application/json", "text/html"))
    except ProblemError as refused:
        assert refused.problem.status == 406


def test_the_stored_plan_is_sent_byte_for_byte(
    client: TestClient, filled: Path, plan_id: str
) -> None:
    sent = get(client, f"/allocate?week={WEEK}").content
    assert sent == (filled / "plans" / WEEK / plan_id / "plan.json").read_bytes()
    PlanDocument.model_validate(json.loads(sent))
    assert from_document(json.loads(sent)).week == WEEK


def test_an_unchanged_answer_is_not_sent_twice(client: TestClient) -> None:
    tags = set()
    for accept in ("application/json", "text/html", "application/geo+json"):
        first = get(client, f"/allocate?week={WEEK}", Accept=accept)
        again = get(
            client,
            f"/allocate?week={WEEK}",
            Accept=accept,
            **{"If-None-Match": first.headers["etag"]},
        )
        assert (again.status_code, again.content) == (304, b"")
        tags.add(first.headers["etag"])
    assert len(tags) == 3


@pytest.mark.parametrize("week", ["2026-W01", "2026-W99", "../../etc", "", "x" * 16, "2026-W48/.."])
def test_a_week_without_a_plan_is_not_found(client: TestClient, week: str) -> None:
    body = problem(client.get("/allocate", params={"week": week}, headers=BEARER), 404)
    assert WEEK in body["detail"]


def test_the_map_brings_its_own_policy_of_digests(client: TestClient) -> None:
    for path in (f"/allocate?week={WEEK}", "/assessment"):
        answer = get(client, path, Accept="text/html")
        policy = answer.headers["content-security-policy"]
        assert "sha256-" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_assessment_tables_and_areas(client: TestClient, plan_id: str) -> None:
    assessment = get(client, "/assessment").json()
    assert len(assessment["wards"]) == 679
    named = get(client, f"/assessment?id={assessment['assessment_id']}")
    assert named.json() == assessment
    wards = get(client, "/assessment/wards.csv")
    assert wards.headers["content-type"].startswith("text/csv")
    assert len(wards.text.splitlines()) == 680
    assert len(get(client, "/assessment/boroughs.csv").text.splitlines()) == 33
    assert get(client, f"/allocate/plan.geojson?week={WEEK}").json()["plan_id"] == plan_id
    assert get(client, f"/allocate/briefing.pdf?week={WEEK}").content.startswith(b"%PDF-")
    problem(get(client, "/assessment?id=A-OTHER"), 404)
    problem(get(client, "/assessment?id=../plans"), 404)
    problem(get(client, "/assessment/secrets.csv"), 422)


def test_every_answer_is_wrapped(client: TestClient) -> None:
    ids = set()
    for path in (
        "/health",
        "/sign-in",
        "/docs",
        "/nope",
        f"/allocate?week={WEEK}",
        "/",
        "/static/arv.css",
    ):
        answer = get(client, path)
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] in {"no-store", "no-cache"}
        assert "access-control-allow-origin" not in headers
        ids.add(headers["x-request-id"])
    assert len(ids) == 7


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/allocate/", 404),
        ("DELETE", "/allocate", 405),
        ("PUT", "/health", 405),
        ("OPTIONS", "/allocate", 405),
        ("GET", "/static/../settings.py", 404),
        ("GET", "/static/%2e%2e%2fsettings.py", 404),
        ("GET", "/areas/E05999999", 404),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    client: TestClient, method: str, path: str, status: int
) -> None:
    problem(client.request(method, path, headers=BEARER), status)


@pytest.mark.parametrize("path", ["/health", "/allocate?week=2026-W48", "/plans", "/ogc", "/nope"])
@pytest.mark.parametrize("headers", [BEARER, {}])
def test_head_is_get_without_its_body(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    whole, start = (client.request(one, path, headers=headers) for one in ("GET", "HEAD"))
    assert start.content == b""
    assert start.status_code == whole.status_code
    for one in (whole, start):
        del one.headers["x-request-id"]
    assert start.headers == whole.headers


def test_head_is_not_offered_where_nothing_is_read(client: TestClient) -> None:
    for path in ("/plans/2026-W48-000000000000/propose", "/plans/fall-back"):
        for method in ("HEAD", "GET"):
            answer = client.request(method, path, headers=BEARER)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


BAD_BODIES: dict[str, tuple[str, str]] = {
    "empty": ("", "body"),
    "not JSON": ("{", "body"),
    "NaN": ('{"fleet_id": "example", "time_limit_s": NaN}', "time_limit_s"),
    "infinity": ('{"fleet_id": "example", "time_limit_s": 1e999}', "time_limit_s"),
    "NaN count": ('{"fleet_id": "example", "max_changes": NaN}', "max_changes"),
    "zero seconds": ('{"fleet_id": "example", "time_limit_s": 0}', "time_limit_s"),
    "too long": ('{"fleet_id": "example", "time_limit_s": 601}', "time_limit_s"),
    "text for a number": ('{"fleet_id": "example", "max_changes": "3"}', "max_changes"),
    "true for a number": ('{"fleet_id": "example", "max_changes": true}', "max_changes"),
    "negative": ('{"fleet_id": "example", "max_changes": -1}', "max_changes"),
    "unknown key": ('{"fleet_id": "example", "colour": "red"}', "colour"),
    "week": ('{"fleet_id": "example", "week": "2026-W54"}', "week"),
    "lock on nothing": ('{"fleet_id": "example", "locks": {"ARV-01": ["Hackney"]}}', "locks"),
    "lock of nobody": ('{"fleet_id": "example", "locks": {"arv 1": []}}', "locks"),
    "array": ("[]", "body"),
    "deep": ("[" * 9_000 + "]" * 9_000, "body"),
    "deep in a key": ('{"locks": ' + '{"A": ' * 2_000 + "1" + "}" * 2_001, "body"),
    "long number": ('{"max_changes": ' + "9" * 9_000 + "}", "body"),
    "surrogate": ('{"fleet_id": "\\ud800"}', "fleet_id"),
    "null byte": ('{"fleet_id": "a\\u0000b"}', "fleet_id"),
    "path": ('{"fleet_id": "../administrator"}', "fleet_id"),
    "no fleet": ("{}", "fleet"),
    "two fleets": ('{"fleet_id": "example", "fleet": {"service_standard_s": 540, "turnout_s": 60, '
                   '"units": []}}', "fleet"),
    "unknown fleet": ('{"fleet_id": "other"}', "example"),
    "unknown assessment": ('{"fleet_id": "example", "assessment_id": "A-2"}', "A-2"),
    "support": ('{"fleet_id": "example", "support": {"ARV-99": ["E09000012"]}}', "ARV-99"),
    "no units": ('{"fleet": {"service_standard_s": 540, "turnout_s": 60, "units": []}}', "0 units"),
    "standard": ('{"fleet": {"service_standard_s": NaN, "turnout_s": 60, "units": []}}',
                 "service_standard_s"),
    "unit key": ('{"fleet": {"service_standard_s": 540, "turnout_s": 60, "units": '
                 '[{"unit_id": "A", "provenance": "x", "crew": 3}]}}', "crew"),
    "twins": ('{"fleet": {"service_standard_s": 540, "turnout_s": 60, "units": '
              '[{"unit_id": "A", "provenance": "x"}, {"unit_id": "A", "provenance": "x"}]}}',
              "'A'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_order_is_refused_by_name(client: TestClient, name: str) -> None:
    text, named = BAD_BODIES[name]
    body = problem(client.post("/allocate", content=text, headers=JSON_BODY), 422)
    assert named in json.dumps(body)
    assert "Remedy:" in body["detail"]
    assert "Traceback" not in json.dumps(body)


@given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["week", "fleet", "fleet_id", "locks", "units", "max_changes", "x"]),
        inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_no_order_however_odd_is_a_defect(client: TestClient, body: object) -> None:
    if isinstance(body, dict) and body.get("fleet_id") == "example":
        body["fleet_id"] = "other"  # what is in order would start a solve
    answer = client.post("/allocate", content=json.dumps(body), headers=JSON_BODY)
    problem(answer, 422)


def test_an_oversized_body_is_refused(client: TestClient) -> None:
    big = b"x" * (LIMITS.json_bytes + 1)
    problem(client.post("/allocate", content=big, headers=JSON_BODY), 413)
    assert problem(client.post("/allocate", content=iter([big]), headers=JSON_BODY), 413)
    said = {**JSON_BODY, "Content-Length": str(10**12)}
    problem(client.post("/allocate", content=b"{}", headers=said), 413)
    for length in ("-1", "1e3", "٣"):
        odd = [(k.encode(), v.encode()) for k, v in {**JSON_BODY, "Content-Length": length}.items()]
        problem(client.post("/allocate", content=b"{}", headers=odd), 413)


def test_uploads_are_bounded_in_size_and_number(client: TestClient) -> None:
    fields = {"as_of": "2026-11-23"}
    big = [("incidents", ("a.csv", b"x" * (LIMITS.upload_bytes + 1)))]
    problem(client.post("/assessment", data=fields, files=big, headers=BEARER), 413)
    many = [("incidents", (f"{n}.csv", b"x")) for n in range(LIMITS.upload_files + 1)]
    problem(client.post("/assessment", data=fields, files=many, headers=BEARER), 413)
    twins = [("incidents", ("a.csv", b"x")), ("counts", ("a.csv", b"y"))]
    body = problem(client.post("/assessment", data=fields, files=twins, headers=BEARER), 422)
    assert body["file"] == "a.csv"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "as_of"),
        ({"as_of": "31/02/2026"}, "31/02/2026"),
        ({"as_of": "tomorrow"}, "tomorrow"),
        ({"as_of": "2026-11-23", "seed": "-1"}, "seed"),
        ({"as_of": "2026-11-23", "classification": "official\r\nX: y"}, "classification"),
    ],
)
def test_a_bad_form_is_refused_by_name(
    client: TestClient, fields: dict[str, str], named: str
) -> None:
    body = problem(client.post("/assessment", data=fields, headers=BEARER), 422)
    assert named in json.dumps(body)


def test_an_empty_service_says_what_to_do(empty: TestClient) -> None:
    assert "Nothing to show yet" in get(empty, "/").text
    assert "no week has a plan yet" in problem(get(empty, f"/allocate?week={WEEK}"), 404)["detail"]
    problem(get(empty, "/assessment"), 404)
    text = json.dumps({"fleet_id": "example"})
    problem(empty.post("/allocate", content=text, headers=JSON_BODY), 409)


def test_the_interface_describes_every_published_endpoint(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    shown = {(one.method.lower(), one.address) for one in ENDPOINTS if one.shown}
    described = {(verb, path) for path, verbs in document["paths"].items() for verb in verbs}
    assert described == shown
    order = document["components"]["schemas"]["PlacementBody"]["properties"]
    assert set(order) >= {
        "week", "fleet", "fleet_id", "locks", "excludes", "support", "max_changes", "time_limit_s"
    }  # fmt: skip
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            public = path in {"/health", "/ready"}
            assert (operation["security"] == []) is public
            assert public or MEDIA_TYPE in operation["responses"]["401"]["content"]
    page = client.get("/docs").text
    for one in ENDPOINTS:
        assert (f"<code>{one.method} {one.address}</code>" in page) is one.shown
    named = ("http://127.0.0.1:8000", "http://www.opengis.net/def/")  # the latter are names
    for text in named:
        page = page.replace(text, "")
    assert "http://" not in page
    assert "https://" not in page


@pytest.fixture
def copied(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of the data directory that a test may damage or open a second time."""
    return Path(shutil.copytree(filled, tmp_path / "data"))


def test_damage_to_what_is_stored_is_not_blamed_on_the_reader(copied: Path, plan_id: str) -> None:
    (copied / "plans" / WEEK / plan_id / "plan.json").write_text("{", "utf-8")
    with client_of(service(copied)) as client:
        body = problem(client.get(f"/allocate?week={WEEK}", headers=BEARER), 500)
        assert "backup" in body["detail"]
        assert client.get("/assessment", headers=BEARER).status_code == 200


def test_a_defect_says_nothing_of_the_inside(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("password=swordfish in /srv/secret")

    monkeypatch.setattr("api.routes.allocate.marking", broken)
    with client_of(service(copied)) as client:
        answer = client.get(f"/allocate?week={WEEK}", headers=BEARER)
    body = problem(answer, 500)
    assert "swordfish" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "request_id" in body["detail"]


def test_a_full_disk_is_no_success_and_no_defect() -> None:
    found = problem_of(OSError(28, "No space left on device", "/srv/arv/plans"))
    assert found.status == 503
    assert "no space left" in found.detail
    assert "/srv" not in found.detail
    assert found.headers["Retry-After"]


def test_the_page_shows_the_week(client: TestClient, plan_id: str) -> None:
    page = get(client, "/?area=E09000033").text
    for text in (
        *(
            "OFFICIAL-SENSITIVE",
            "SYNTHETIC",
            "Monday 23 to Sunday 29 November 2026",
            "71.2",
            "Westminster",
        ),
        *("Data gaps", "Service standard", "Approximate", plan_id, "90% interval"),
    ):
        assert text in page, text
    assert page.count("OFFICIAL-SENSITIVE – <strong>SYNTHETIC") == 2
    assert "style=" not in page
    assert "<script>" not in page
    part = get(client, f"/areas/E09000033?week={WEEK}").text
    assert part.strip() in page
    assert "no data" in get(client, "/?area=E09000012").text


def test_places_are_found_by_name(client: TestClient) -> None:
    assert 'id="details-title" tabindex="-1">Hackney' in get(client, "/?find=hackney").text
    assert "Knightsbridge" in get(client, "/?find=Knightsbridge").text
    assert "No ward or borough is called" in get(client, "/?find=Atlantis").text
    assert get(client, "/?week=2030-W01").text.count("There is no plan for 2030-W01") == 1
    assert get(client, "/?wards=all").text.count("data-row=") == 32 + 679
