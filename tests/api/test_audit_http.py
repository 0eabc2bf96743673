"""The audit record over HTTP: found by who, what and when, anchored, checked, and for auditors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from api.audit.anchor import anchor_document, read_head
from api.routes.audit import AnchorDocument, CheckDocument, EntriesDocument, EntryDocument
from api.store.schema import audit, audit_anchors
from tests.api.accounts_world import Person, add_person, collected, entries, record_of, sign_in_as
from tests.api.service_world import FLEET, SAME_ORIGIN, client_of, problem, service
from tests.api.test_fleets_http import NEW, put


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Yield a running service in which somebody did something."""
    made = service(tmp_path_factory.mktemp("audit") / "data")
    with client_of(made):
        add_person(made, "aud", "auditor")
        add_person(made, "paul", "planner")
        add_person(made, "root", "administrator")
        paul = sign_in_as(made, "paul")
        for n in range(3):
            assert put(paul, f"fleet-{n}", FLEET, "a test", **NEW).status_code == 201
        problem(paul.get("/audit"), 403)
        yield made


@pytest.fixture(scope="module")
def aud(app: FastAPI) -> Person:
    return sign_in_as(app, "aud")


def test_entries_come_latest_first_over_pages_and_match_every_filter(
    app: FastAPI, aud: Person
) -> None:
    with record_of(app).store.read() as tx:
        before = tx.execute(select(audit).order_by(audit.c.position.desc())).all()
    rows = [
        one
        for one in collected(aud, "/audit?limit=3", "entries")
        if one["position"] <= before[0].position
    ]
    assert [one["row_sha256"] for one in rows] == [one.row_sha256 for one in before]
    EntriesDocument.model_validate_json(aud.get("/audit").text)
    day = before[0].at_utc.date().isoformat()
    for query, keep in (
        ("actor=paul", lambda row: row.actor == "paul"),
        ("action=fleet.keep", lambda row: row.action == "fleet.keep"),
        ("outcome=denied", lambda row: row.outcome == "denied"),
        ("object_kind=fleet&object_id=fleet-1", lambda row: row.object_id == "fleet-1"),
        ("actor=paul&outcome=denied", lambda row: row.actor == "paul" and row.outcome == "denied"),
        (f"action=fleet.keep&from={day}", lambda row: row.action == "fleet.keep"),
        (f"action=fleet.keep&to={day}", lambda row: row.action == "fleet.keep"),
        ("to=2020-01-01", lambda row: False),
        ("from=9999-12-31&to=9999-12-31", lambda row: False),
        ("actor=' OR 1=1 --", lambda row: False),
    ):
        wanted = [one.position for one in before if keep(one)]
        rows = collected(aud, f"/audit?{query}&limit=2", "entries")
        assert [one["position"] for one in rows] == wanted, query
    one = aud.get(f"/audit/{wanted[0] if wanted else 1}")
    EntryDocument.model_validate_json(one.text)
    assert one.headers["x-classification"] == "OFFICIAL-SENSITIVE"


def test_reading_the_record_is_recorded_and_nobody_else_reads_it(app: FastAPI, aud: Person) -> None:
    aud.get("/audit?actor=nobody")
    said = entries(app)
    subject = "GET /audit?actor=nobody"
    assert ("aud", "audit.read", "done", subject, "consultation") in said
    assert ("paul", "audit.read", "denied", "GET /audit", "") in said
    root = sign_in_as(app, "root")
    for path in ("/audit", "/audit/head", "/audit/1"):
        problem(root.get(path), 403)
    problem(root.post("/audit/check", {}), 403)
    for path, status in (("/audit/999999", 404), ("/audit/0", 422), ("/audit/x", 404),
                         ("/audit?cursor=zz", 422), ("/audit?from=soon", 422),
                         ("/audit?actor=%00", 422), ("/audit?outcome=maybe", 422)):  # fmt: skip
        problem(aud.get(path), status)


def test_an_anchor_vouches_for_the_record_and_finds_what_was_cut_off(
    app: FastAPI, aud: Person
) -> None:
    root = sign_in_as(app, "root")
    answer = root.post("/audit/anchors", {})
    assert answer.status_code == 201
    AnchorDocument.model_validate_json(answer.text)
    assert "anchor-" in answer.headers["content-disposition"]
    record = record_of(app)
    assert record.signer.verifier.accepts(read_head(answer.json(), "anchor"))
    with record.store.read() as tx:
        kept = tx.execute(select(audit_anchors)).all()
    assert [(one.exported_by, one.position) for one in kept] == [
        ("root", answer.json()["position"])
    ]
    head = aud.get("/audit/head").json()
    assert head["position"] > answer.json()["position"]
    done = aud.post("/audit/check", {"anchors": [answer.json(), head]})
    CheckDocument.model_validate_json(done.text)
    assert (done.json()["sound"], done.json()["findings"]) == (True, [])
    assert done.json()["anchors"] == 3  # both given, and the one beside the database
    forged = {**answer.json(), "row_sha256": "0" * 64}
    found = aud.post("/audit/check", {"anchors": [forged]}).json()
    assert [one["kind"] for one in found["findings"]] == ["wrong signature"]
    beyond = record.signer.sign(10**6, "0" * 64, head["signed_utc"])
    found = aud.post("/audit/check", {"anchors": [anchor_document(beyond)]}).json()
    assert "truncated" in [one["kind"] for one in found["findings"]]
    for bad in ({}, {"position": 1}, {**head, "position": "1"}, {**head, "signature": "é"},
                {**head, "row_sha256": 5}):  # fmt: skip
        assert "anchor 1" in problem(aud.post("/audit/check", {"anchors": [bad]}), 422)["detail"]


def test_a_row_that_somebody_edited_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = service(tmp_path_factory.mktemp("tampered") / "data")
    with client_of(made):
        add_person(made, "aud", "auditor")
        aud = sign_in_as(made, "aud")
        with record_of(made).store.writer.begin() as connection:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type='trigger'"))
            for (name,) in names.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE position = 1"))
        found = aud.post("/audit/check", {}).json()
        assert not found["sound"]
        assert [(one["kind"], one["position"]) for one in found["findings"]] == [("edited", 1)]
        headers = {**SAME_ORIGIN, "X-CSRF-Token": aud.form_token}
        problem(aud.client.post("/audit/check", content="{", headers=headers), 422)
