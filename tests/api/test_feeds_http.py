"""Evidence at the service's door: files taken in, receipts, refused rows, and who sees them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api.store.ingest import receipt_id_of
from api.store.receipts import withdraw_receipt
from api.store.schema import receipts
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import ReadOptions, read_rows
from tests.api.accounts_world import Person, add_person, entries, record_of, sign_in_as
from tests.api.service_world import SAME_ORIGIN, client_of, problem, service
from tests.unit.feed_files import meeting_file, meeting_line

FORMULA = "=HYPERLINK(0)"
GOOD = (meeting_line("A1"), meeting_line("A2", easting="531000"))
OPEN = {"source_grade": "1", "information_grade": "A", "handling_code": "P"}
BAD = (
    *GOOD,
    meeting_line("A3", category=FORMULA, **OPEN),
    meeting_line("A4", occurred_at="never", **OPEN),
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """Yield a running service whose store no feed has reached."""
    made = service(tmp_path_factory.mktemp("feeds") / "data")
    with client_of(made):
        add_person(made, "ana", "analyst")
        add_person(made, "sam", "analyst", scopes=("handling-c",))
        add_person(made, "paul", "planner")
        add_person(made, "hetty", "borough", boroughs=("E09000012",))
        yield made


@pytest.fixture(scope="module")
def ana(app: FastAPI) -> Person:
    return sign_in_as(app, "ana")


def send(person: Person, path: Path, coverage: str = "", **fields: str) -> Any:
    """Post a file as the form does."""
    files = {"file": (path.name, path.read_bytes())}
    if coverage:
        files["coverage"] = ("anything.csv", coverage.encode())
    headers = {**SAME_ORIGIN, "X-CSRF-Token": person.form_token}
    return person.client.post("/feeds", data=fields, files=files, headers=headers)


def test_a_file_is_taken_in_once_and_gives_the_receipt_of_the_command(
    app: FastAPI, ana: Person, tmp_path: Path
) -> None:
    path = meeting_file(tmp_path, *GOOD)
    first, again = send(ana, path), send(ana, path)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    receipt = first.json()
    assert receipt["receipt_id"] == receipt_id_of(read_rows(path, load_bundled()))
    assert (receipt["n_records"], receipt["received_by"]) == (2, "ana")
    assert again.json() == {**receipt, "repeated": True}
    assert first.headers["x-classification"] == "OFFICIAL-SENSITIVE"
    assert ana.get(first.headers["location"]).json() == receipt
    said = [one for one in entries(app) if one[3] == receipt["receipt_id"]]
    assert said == [("ana", "feed.ingest", "done", receipt["receipt_id"], "collection")] * 2


def test_a_name_and_a_statement_of_coverage_go_with_the_file(ana: Person, tmp_path: Path) -> None:
    path = meeting_file(tmp_path, meeting_line("B1"))
    stated = "area_code,first_day,last_day\nE09000033,2026-11-01,2026-11-21\n"
    receipt = send(ana, path, stated, name="../../handover, night.csv").json()
    assert receipt["file"] == "handover_ night.csv"
    assert receipt["coverage"]["stated"]
    assert receipt["coverage"]["last_day"] == "2026-11-21"
    assert "coverage" in problem(send(ana, path, name="x.coverage.csv"), 422)["detail"]


def test_refused_rows_stop_the_file_or_are_kept_as_a_table_that_runs_nothing(
    app: FastAPI, ana: Person, tmp_path: Path
) -> None:
    path = meeting_file(tmp_path, *BAD, name="bad.csv")
    before = ana.get("/feeds").json()
    body = problem(send(ana, path), 422)
    assert body["row"] in (3, 4)
    assert ana.get("/feeds").json() == before
    receipt = send(ana, path, report_rejected="true").json()
    assert (receipt["n_rejected"], receipt["n_merged"]) == (2, 2)
    answer = ana.get(f"/feeds/{receipt['receipt_id']}/rejected")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    expected = read_rows(path, load_bundled(), options=ReadOptions(on_rejected="report")).rejected
    assert [(int(one["row"]), one["reason"]) for one in rows] == [
        (one.row, one.reason) for one in expected
    ]
    assert {one["classification"] for one in rows} == {"OFFICIAL-SENSITIVE"}
    assert next(one["value"] for one in rows if one["column"] == "category") == f"'{FORMULA}"
    assert ("ana", "feed.rejected", "done", "disclosure") in [
        (one[0], one[1], one[2], one[4]) for one in entries(app)
    ]


def test_receipts_come_latest_first_over_pages_with_the_freshness_of_each_feed(
    ana: Person, tmp_path: Path
) -> None:
    for n in range(3):
        assert send(ana, meeting_file(tmp_path, meeting_line(f"P{n}"))).status_code == 201
    whole = ana.get("/feeds").json()
    came = [one["received"] for one in whole["receipts"]]
    assert came == sorted(came, reverse=True)
    found, page = [], ana.get("/feeds?limit=2")
    found += page.json()["receipts"]
    while page.links:
        page = ana.get(page.links["next"]["url"])
        found += page.json()["receipts"]
    assert found == whole["receipts"]
    assert [one["feed_id"] for one in whole["feeds"]] == ["reported_shooting"]
    assert whole["feeds"][0]["n_files"] == len(found)
    problem(ana.get("/feeds?cursor=zzz"), 422)
    problem(ana.get("/feeds?limit=0"), 422)
    problem(ana.get(f"/feeds/{'0' * 64}"), 404)
    problem(ana.get(f"/feeds/{'0' * 64}/rejected"), 404)
    problem(ana.get("/feeds/x"), 422)


def test_a_withdrawn_file_is_not_taken_in_again(app: FastAPI, ana: Person, tmp_path: Path) -> None:
    path = meeting_file(tmp_path, meeting_line("W1"))
    receipt = send(ana, path).json()
    record = record_of(app)
    with record.store.write() as tx:
        withdraw_receipt(
            tx, receipt["receipt_id"], actor="x", now=record.clock(), reason="a training export"
        )
    assert "withdrawn" in problem(send(ana, path), 422)["detail"]
    assert ana.get(f"/feeds/{receipt['receipt_id']}").json()["state"] == "withdrawn"


def test_who_may_send_and_who_may_see(app: FastAPI, ana: Person, tmp_path: Path) -> None:
    path = meeting_file(
        tmp_path,
        meeting_line("C1", source_grade="1", information_grade="A", handling_code="C"),
        meeting_line("C2", category="nonsense"),
    )
    at = f"/feeds/{send(ana, path, report_rejected='true').json()['receipt_id']}"
    paul, hetty, sam = (sign_in_as(app, name) for name in ("paul", "hetty", "sam"))
    problem(send(paul, path), 403)
    problem(send(hetty, path), 403)
    assert paul.get(at).json()["n_handling_c"] == 1
    for refused in (hetty.get(at), hetty.get("/feeds"), paul.get(f"{at}/rejected")):
        problem(refused, 403)
    assert "handling-c" in problem(ana.get(f"{at}/rejected"), 403)["detail"]
    assert sam.get(f"{at}/rejected").status_code == 200
    unsigned = ana.client.post("/feeds", files={"file": ("a.csv", b"x")}, headers=SAME_ORIGIN)
    problem(unsigned, 403)
    denied = {(one[0], one[1]) for one in entries(app) if one[2] == "denied"}
    assert {("paul", "feed.ingest"), ("hetty", "feed.read"), ("ana", "feed.rejected")} <= denied


@pytest.mark.parametrize("code", ["C", "3", "", "Q"])
def test_refused_rows_that_are_or_may_be_under_code_c_open_with_the_scope_alone(
    ana: Person, app: FastAPI, tmp_path: Path, code: str
) -> None:
    path = meeting_file(
        tmp_path,
        meeting_line(f"S{code}1", **OPEN),
        meeting_line(f"S{code}2", category="Operation Magpie", handling_code=code),
    )
    receipt = send(ana, path, report_rejected="true").json()
    assert (receipt["n_handling_c"], receipt["n_refused_c"]) == (0, 1)
    at = f"/feeds/{receipt['receipt_id']}"
    refused = ana.get(f"{at}/rejected")
    assert "handling-c" in problem(refused, 403)["detail"]
    assert "Magpie" not in refused.text + ana.get(at).text + ana.get("/feeds").text
    assert "Magpie" in sign_in_as(app, "sam").get(f"{at}/rejected").text


def test_a_receipt_from_before_refused_codes_were_counted_is_taken_to_hold_them(
    ana: Person, app: FastAPI, tmp_path: Path
) -> None:
    path = meeting_file(tmp_path, meeting_line("E1", **OPEN), meeting_line("E2", basis="x", **OPEN))
    receipt = send(ana, path, report_rejected="true").json()
    at = f"/feeds/{receipt['receipt_id']}/rejected"
    assert ana.get(at).status_code == 200
    own = receipts.c.receipt_id == receipt["receipt_id"]
    with record_of(app).store.write() as tx:
        old = {"warnings": [], "dropped_columns": []}
        tx.execute(receipts.update().where(own).values(remarks=old))
    problem(ana.get(at), 403)
