"""People, keys and identity tokens at the service's doors, and what the record says of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey

from api.access import Action
from api.accounts.keys import add_key
from api.accounts.oidc import Identity
from api.accounts.users import link_identity
from api.files.output import json_text, text_writer, write_all
from api.plans.verdict_file import VERDICT
from api.store.errors import StoreUnavailableError
from api.store.schema import api_keys
from api.working.orders import SANITISED
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import (
    PASSWORD,
    ROOT,
    add_person,
    browser,
    enter,
    enter_with,
    entries,
    record_of,
    sign_in_as,
)
from tests.api.service_world import (
    BEARER,
    HTML,
    SAME_ORIGIN,
    WEEK,
    client_of,
    fill,
    made_up_week,
    problem,
    service,
    with_identities,
)

HOSTILE = "x'); DROP TABLE plans; --"
OWN, OTHER = "E09000012", "E09000033"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with a made-up week, its verdict and its backtest card."""
    root = tmp_path_factory.mktemp("filled") / "data"
    area = load_bundled()
    assessment, plan = made_up_week(area)
    fill(root, area, assessment, plan)
    card = {"backtest.json": text_writer(json_text({"verdict": "few incidents"}))}
    write_all(root / "assessments" / assessment.assessment_id, card)
    words = {"headline": "better", "sentences": [], "rows": [], "basis": "400 weeks"}
    verdict = {VERDICT: text_writer(json_text({"in_words": words}))}
    write_all(root / "plans" / WEEK / plan.plan_id, verdict)
    return root


@pytest.fixture
def app(filled: Path, tmp_path: Path) -> Iterator[FastAPI]:
    """Yield a running service on a copy of the week."""
    root = tmp_path / "data"
    shutil.copytree(filled, root)
    made = service(root)
    with client_of(made):
        yield made


def test_the_first_administrator_must_replace_the_one_time_password(app: FastAPI) -> None:
    once = app.state.service.door.first_run()
    client = browser(app)
    answer = enter_with(client, "administrator", once)
    assert (answer.status_code, answer.headers["location"]) == (303, "/password")
    assert client.get("/", headers=HTML).headers["location"] == "/password"
    problem(client.get("/allocate?week=2026-W48"), 403)
    form = client.get("/password").text
    token = form.split('name="form_token" value="')[1].split('"')[0]

    def change(old: str, new: str, again: str, form_token: str = token) -> Any:
        fields = {"form_token": form_token, "old": old, "new": new, "again": again}
        return client.post("/password", data=fields, headers=SAME_ORIGIN)

    assert change(once, PASSWORD, PASSWORD + "x").status_code == 422
    assert change("wrong", PASSWORD, PASSWORD).status_code == 422
    assert change(once, "short", "short").status_code == 422
    problem(change(once, PASSWORD, PASSWORD, "guess"), 403)
    assert change(once, PASSWORD, PASSWORD).headers["location"] == "/sign-in"
    assert client.get("/", headers=HTML).headers["location"] == "/sign-in"
    again = sign_in_as(app, "administrator")
    assert again.get("/", Accept="text/html").status_code == 200
    said = [one[:3] for one in entries(app)]
    assert ("administrator", "account.password", "done") in said
    assert ("administrator", "plan.read", "denied") in said


def test_a_wrong_password_is_told_and_slowed(app: FastAPI) -> None:
    add_person(app, "ann", "planner")
    client = browser(app)
    statuses = [enter_with(client, "ann", "wrong").status_code for _ in range(11)]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    assert "ann" not in client.get("/sign-in").text


def draft(person: Any) -> dict[str, Any]:
    answer = person.post("/plans", {"week": WEEK})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{body["version"]}"'
    return body


def test_a_plan_goes_from_draft_to_publication_by_two_people(app: FastAPI) -> None:
    add_person(app, "ann", "planner", "approver")
    add_person(app, "cyd", "chair", "approver")
    ann, cyd = sign_in_as(app, "ann"), sign_in_as(app, "cyd")
    assert ann.get(f"/allocate?week={WEEK}").headers["x-plan-state"] == "not in the record"
    made = draft(ann)
    assert (made["state"], set(made["papers"])) == ("draft", {"verdict", "backtest_card"})
    at = f"/plans/{made['key']}"
    problem(ann.post(f"{at}/propose", {"reason": "agreed"}), 428)
    problem(ann.post(f"{at}/propose", {}, version=1), 412)
    proposed = ann.post(f"{at}/propose", {}, version=made["version"]).json()
    refused = problem(
        ann.post(f"{at}/approve", {"no_equality_reason": "none"}, version=proposed["version"]), 403
    )
    assert "second person" in refused["detail"]
    missing = problem(cyd.post(f"{at}/approve", {}, version=proposed["version"]), 422)
    assert "equality" in missing["detail"]
    problem(cyd.post(f"{at}/publish", {}, version=proposed["version"]), 409)
    approved = cyd.post(
        f"{at}/approve", {"no_equality_reason": "none were given"}, version=proposed["version"]
    ).json()
    assert (approved["state"], approved["approver"]) == ("approved", "cyd")
    published = cyd.post(f"{at}/publish", {}, version=approved["version"]).json()
    assert published["state"] == "published"
    listed = ann.get(f"/plans?week={WEEK}").json()["plans"]
    assert [(one["key"], one["state"]) for one in listed] == [(made["key"], "published")]
    assert ann.get(f"/allocate?week={WEEK}").headers["x-plan-state"] == "published"
    later = cyd.post("/plans/fall-back", {"week": "2026-W49", "reason": "the solver is down"})
    assert later.json()["fallback_of"] == made["key"]
    said = [one[:3] for one in entries(app)]
    assert ("ann", "plan.approve", "denied") in said
    for step in (("ann", "plan.propose"), ("cyd", "plan.approve"), ("cyd", "plan.publish")):
        assert (*step, "done") in said


def test_an_equality_table_is_stated_and_kept(app: FastAPI) -> None:
    add_person(app, "ann", "planner")
    ann = sign_in_as(app, "ann")
    made = draft(ann)
    at = f"/plans/{made['key']}/equality"
    problem(ann.post(at, {"csv": "a,b\n"}, version=made["version"]), 422)
    csv = "area_code,population,characteristic,group,share\nE09000012,1000,age,young,0.5\n"
    kept = ann.post(at, {"csv": csv}, version=made["version"]).json()
    assert set(kept["papers"]) == {"verdict", "backtest_card", "equality_statement"}
    problem(ann.post(at, {"csv": csv}, version=kept["version"]), 409)


def test_steps_refuse_what_is_not_theirs(app: FastAPI) -> None:
    add_person(app, "ann", "planner")
    add_person(app, "aud", "auditor")
    ann, auditor = sign_in_as(app, "ann"), sign_in_as(app, "aud")
    made = draft(ann)
    at = f"/plans/{made['key']}"
    problem(ann.post(f"{at}/approve", {}, version=1), 403)
    problem(auditor.post(f"{at}/propose", {}, version=1), 403)
    problem(auditor.post("/plans", {"week": WEEK}), 403)
    problem(ann.post("/plans", {"week": "2031-W01"}), 404)
    problem(ann.post("/plans", {"week": HOSTILE}), 422)
    problem(ann.post(f"/plans/{HOSTILE}/propose", {}, version=1), 422)
    problem(ann.post("/plans/2026-W48-000000000000/propose", {}, version=1), 404)
    problem(ann.post(f"{at}/propose", {"reason": "x" * 3000}, version=made["version"]), 422)
    problem(ann.client.post(f"{at}/propose", json={}, headers=SAME_ORIGIN), 403)  # no form token
    assert auditor.get("/plans?week='; DROP --").json()["plans"] == []
    denied = [one for one in entries(app) if one[2] == "denied"]
    assert {one[0] for one in denied} == {"ann", "aud"}


def test_a_key_opens_what_it_names_and_says_when_it_ended(app: FastAPI) -> None:
    add_person(app, "ann", "planner")
    record = record_of(app)
    key, secret = add_key(record, "ann", "nightly", ["plan.read"], life=timedelta(days=2), by=ROOT)
    bearer = {"Authorization": f"Bearer {secret}"}
    client = browser(app)
    assert client.get(f"/allocate?week={WEEK}", headers=bearer).status_code == 200
    refused = problem(client.post("/allocate", json={}, headers=bearer), 403)
    assert "scope of this key" in refused["detail"]
    problem(client.get("/assessment", headers=bearer), 403)
    wrong = problem(client.get("/assessment", headers={"Authorization": "Bearer arvk_no"}), 401)
    assert "not known" in wrong["detail"]
    with record.store.write() as tx:
        past = record.clock() - timedelta(days=1)
        tx.execute(api_keys.update().values(expires_utc=past, created_utc=past - timedelta(days=1)))
    ended = problem(client.get(f"/allocate?week={WEEK}", headers=bearer), 401)
    assert f"{key.key_id} expired on" in ended["detail"]
    said = entries(app)
    assert ("ann", "plan.make", "denied", "POST /allocate", "") in said
    assert any(one[:3] == ("anonymous", "plan.read", "denied") for one in said)


def test_a_borough_user_sees_their_borough_and_no_other(app: FastAPI) -> None:
    add_person(app, "hackney", "borough", boroughs=(OWN,))
    person = sign_in_as(app, "hackney")
    part = person.get(f"/boroughs/{OWN}?week={WEEK}")
    body = part.json()
    assert body["borough"]["code"] == OWN
    assert {one["code"] for one in body["wards"]} == {
        row.ward_code for row in load_bundled().wards.itertuples() if row.borough_code == OWN
    }
    assert part.headers["x-classification"] == "OFFICIAL-SENSITIVE"
    other_names = {
        row.borough_name for row in load_bundled().boroughs.itertuples() if row.borough_code != OWN
    }
    assert not [name for name in other_names if name in part.text]
    for path in (f"/boroughs/{OTHER}", f"/allocate?week={WEEK}", "/assessment", "/",
                 "/assessment/wards.csv", f"/plans?week={WEEK}", "/areas/E09000033"):  # fmt: skip
        problem(person.get(path), 403)
    denied = [one[3] for one in entries(app) if one[2] == "denied"]
    assert denied[0] == f"GET /boroughs/{OTHER}"


def test_handling_code_c_opens_by_scope_and_others_get_the_sanitised_version(
    tmp_path: Path,
) -> None:
    area = load_bundled()
    assessment, plan = made_up_week(area)
    coded, placed = with_identities(
        replace(assessment, handling_code="C", handling_c_records=1), plan
    )
    clean, other = with_identities(replace(assessment, sanitised=True), plan)
    root = tmp_path / "data"
    fill(root, area, coded, placed)
    spare = tmp_path / "spare"
    fill(spare, area, clean, other)
    folder = root / "assessments" / coded.assessment_id
    made = service(root)
    with client_of(made):
        add_person(made, "ann", "analyst")
        add_person(made, "cleared", "analyst", scopes=("handling-c",))
        ann, cleared = sign_in_as(made, "ann"), sign_in_as(made, "cleared")
        assert cleared.get("/assessment").json()["handling_code"] == "C"
        refused = problem(ann.get("/assessment"), 403)
        assert "handling-c" in refused["detail"]
        problem(ann.get("/assessment/wards.csv"), 403)
        (spare / "assessments" / clean.assessment_id).rename(folder / SANITISED)
        given = ann.get("/assessment").json()
        assert (given["sanitised"], given.get("handling_code", "")) == (True, "")
        assert ann.get("/assessment/wards.csv").status_code == 200
        assert ann.get("/").status_code == 200
        problem(ann.get(f"/allocate?week={WEEK}"), 403)
        assert cleared.get(f"/allocate?week={WEEK}").status_code == 200
        said = entries(made)
    assert ("ann", "assessment.read", "denied", coded.assessment_id, "") in said


def test_reads_of_the_week_are_in_the_record_once_in_ten_minutes(app: FastAPI) -> None:
    client = browser(app)
    for _ in range(3):
        assert client.get(f"/allocate?week={WEEK}", headers=BEARER).status_code == 200
    for _ in range(2):
        client.get(f"/allocate/plan.geojson?week={WEEK}", headers=BEARER)
    app.state.service.consultations._clock.now_s += 601
    client.get(f"/allocate?week={WEEK}", headers=BEARER)
    reads = [one for one in entries(app) if one[1] == Action.READ_PLAN]
    assert [one[4] for one in reads] == [
        "consultation", "disclosure", "disclosure", "consultation",
    ]  # fmt: skip


def test_a_read_the_record_could_not_take_is_noted_the_next_time(app: FastAPI) -> None:
    client, address = browser(app), f"/allocate?week={WEEK}"
    full = app.state.service.record
    app.state.service.record = replace(full, clock=_no_clock)
    problem(client.get(address, headers=BEARER), 503)
    app.state.service.record = full
    assert client.get(address, headers=BEARER).status_code == 200
    reads = [one for one in entries(app) if one[1] == Action.READ_PLAN]
    assert [one[4] for one in reads] == ["consultation"]


def _no_clock() -> datetime:
    raise StoreUnavailableError("the disk is full", remedy="free space")


def test_addresses_too_long_for_the_record_are_each_noted(app: FastAPI) -> None:
    client = browser(app)
    for end in ("a", "b"):
        client.get(f"/allocate?week={WEEK}&more={'x' * 500}{end}", headers=BEARER)
    assert len([one for one in entries(app) if one[1] == Action.READ_PLAN]) == 2


@pytest.fixture
def issuer(tmp_path: Path) -> tuple[Path, OKPKey]:
    """Return the file of a local issuer and its key."""
    key = OKPKey.generate_key("Ed25519", parameters={"kid": "one"}, private=True)
    jwks = {"keys": [key.as_dict(private=False)]}
    (tmp_path / "jwks.json").write_text(json.dumps(jwks))
    path = tmp_path / "oidc.toml"
    path.write_text(
        'issuer = "https://issuer.example"\naudience = "arv"\njwks_file = "jwks.json"\n'
    )
    return path, key


def test_an_identity_token_opens_the_linked_account(
    filled: Path, tmp_path: Path, issuer: tuple[Path, OKPKey]
) -> None:
    path, key = issuer
    root = tmp_path / "data"
    shutil.copytree(filled, root)
    made = service(root, oidc=path)
    now = int(time.time())
    claims = {"iss": "https://issuer.example", "aud": "arv", "sub": "s-1", "iat": now,
              "exp": now + 300}  # fmt: skip

    def bearer(**changes: object) -> dict[str, str]:
        token = jwt.encode(
            {"alg": "Ed25519", "kid": "one"}, {**claims, **changes}, key, algorithms=["Ed25519"]
        )
        return {"Authorization": f"Bearer {token}"}

    with client_of(made) as client:
        add_person(made, "ann", "planner")
        address = f"/allocate?week={WEEK}"
        assert "no account" in problem(client.get(address, headers=bearer()), 401)["detail"]
        link_identity(record_of(made), "ann", Identity("https://issuer.example", "s-1"), by=ROOT)
        assert client.get(address, headers=bearer()).status_code == 200
        assert (
            "expired" in problem(client.get(address, headers=bearer(exp=now - 300)), 401)["detail"]
        )
        problem(client.get("/assessment", headers=bearer(aud="other")), 401)
        token = bearer()["Authorization"].removeprefix("Bearer ")
        assert enter(client, {"id_token": token[:-4] + "AAAA"}).status_code == 401
        assert enter(client, {"id_token": token}).headers["location"] == "/"
        assert "ARV tasking planner" in client.get("/password").text
        assert any(one[:2] == ("ann", "plan.read") for one in entries(made))
