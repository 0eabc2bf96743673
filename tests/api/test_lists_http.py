"""Wards, boroughs, hot spots and assessments as lists, each against the stored document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.routes.assessments import AssessmentPartDocument, AssessmentsDocument
from api.routes.boroughs import BoroughsDocument
from api.routes.hot_spots import HotSpotsDocument, OneHotSpotDocument
from api.routes.wards import WardDocument, WardsDocument
from hotspots.assessment import HotSpot
from hotspots.boundaries.study_area import load_bundled
from tests.api.accounts_world import Person, add_person, collected, entries, sign_in_as
from tests.api.service_world import client_of, fill, made_up_week, problem, service, with_identities

OWN, OTHER = "E09000012", "E09000033"
SQUARE = ((530000.0, 180000.0), (531000.0, 180000.0), (531000.0, 181000.0), (530000.0, 180000.0))


@pytest.fixture(scope="module")
def identifiers() -> list[str]:
    """Return the identifiers of the two assessments, the current one last; filled by `app`."""
    return []


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, identifiers: list[str]) -> Iterator[FastAPI]:
    """Yield a service with two assessments, the later with hot spots and handling code C."""
    area, root = load_bundled(), tmp_path_factory.mktemp("lists") / "data"
    first, plan = made_up_week(area)
    wards = [one.code for one in first.wards]
    spots = tuple(
        HotSpot(
            f"H{n}", f"Place {n}", tuple(wards[n : n + 2]), 9 - n, 1, 3.5, 1.25,
            date(2026, 1, 5), date(2026, 11, 20), 0.5, (SQUARE,),
        )
        for n in range(1, 4)
    )  # fmt: skip
    later = replace(
        first, as_of=date(2026, 11, 30), clusters=spots, handling_code="C", handling_c_records=2
    )
    for assessment in (first, later):
        named, placed = with_identities(assessment, plan)
        fill(root, area, named, placed)
        identifiers.append(named.assessment_id)
    made = service(root)
    with client_of(made):
        add_person(made, "sam", "analyst", scopes=("handling-c",))
        add_person(made, "ana", "analyst")
        add_person(made, "hetty", "borough", boroughs=(OWN,))
        yield made


@pytest.fixture(scope="module")
def sam(app: FastAPI) -> Person:
    return sign_in_as(app, "sam")


@pytest.fixture(scope="module")
def hetty(app: FastAPI) -> Person:
    return sign_in_as(app, "hetty")


def test_wards_come_ranked_over_pages_with_interval_reasons_and_what_is_unknown(
    sam: Person, identifiers: list[str]
) -> None:
    kept = sam.get("/assessment").json()
    page = sam.get("/wards?limit=300")
    WardsDocument.model_validate_json(page.text, strict=False)
    assert (page.json()["matched"], page.json()["assessment_id"]) == (679, identifiers[-1])
    assert page.headers["x-classification"] == "OFFICIAL-SENSITIVE"
    rows = collected(sam, "/wards?limit=300", "wards")
    assert [one["code"] for one in rows] == [
        one["code"] for one in sorted(kept["wards"], key=lambda one: (one["rank"], one["code"]))
    ]
    stored = {one["code"]: one for one in kept["wards"]}
    assert all(one[name] == stored[one["code"]][name] for one in rows for name in one)
    hackney = collected(sam, f"/wards?borough={OWN}&order=code", "wards")
    assert {one["borough_code"] for one in hackney} == {OWN}
    assert {one["coverage"] for one in hackney} == {"unknown"}
    assert [one["code"] for one in hackney] == sorted(one["code"] for one in hackney)
    high = collected(sam, "/wards?tier=very high&limit=25", "wards")
    assert {one["code"] for one in high} == {
        one["code"] for one in kept["wards"] if one["tier"] == "very high"
    }


def test_pages_never_mix_two_assessments(sam: Person, identifiers: list[str]) -> None:
    earlier = sam.get(f"/wards?limit=3&assessment_id={identifiers[0]}")
    following = sam.get(earlier.links["next"]["url"]).json()
    assert following["assessment_id"] == identifiers[0]
    cursor = earlier.links["next"]["url"].split("cursor=")[1]
    assert sam.get(f"/wards?cursor={cursor}").json()["assessment_id"] == identifiers[0]
    problem(sam.get(f"/wards?cursor={cursor}&assessment_id={identifiers[1]}"), 422)


def test_what_cannot_be_asked_of_wards_is_named(sam: Person) -> None:
    assert "very high" in problem(sam.get("/wards?tier=enormous"), 422)["detail"]
    assert "demand" in problem(sam.get("/wards?target=harm"), 422)["detail"]
    assert "GET /wards" in problem(sam.get("/wards/E05999999"), 404)["detail"]
    problem(sam.get("/wards?assessment_id=ra-none"), 404)
    for path in ("/wards/x", "/wards?limit=0", "/wards?cursor=zzz", "/wards?borough=Hackney"):
        problem(sam.get(path), 422)


def test_one_ward_and_the_boroughs_are_those_of_the_document(sam: Person) -> None:
    kept = sam.get("/assessment").json()
    ward = kept["wards"][7]
    answer = sam.get(f"/wards/{ward['code']}")
    WardDocument.model_validate_json(answer.text, strict=False)
    assert all(answer.json()[name] == ward[name] for name in ("rank", "reasons", "lower_90"))
    boroughs = sam.get("/boroughs")
    BoroughsDocument.model_validate_json(boroughs.text, strict=False)
    assert [one["rank"] for one in boroughs.json()["boroughs"]] == list(range(1, 33))


def test_a_borough_user_gets_own_figures_without_ranks_and_nothing_of_others(
    hetty: Person, app: FastAPI, identifiers: list[str]
) -> None:
    at = f"assessment_id={identifiers[0]}"
    rows = collected(hetty, f"/wards?{at}&limit=4", "wards")
    assert {one["borough_code"] for one in rows} == {OWN}
    assert len(rows) == (load_bundled().wards["borough_code"] == OWN).sum()
    hidden = ("tier", "rank", "rank_lower_90", "probability_top_decile", "reasons")
    assert {one[name] for one in rows for name in hidden} == {None}
    assert [one["code"] for one in collected(hetty, f"/boroughs?{at}", "boroughs")] == [OWN]
    assert hetty.get(f"/wards/{rows[0]['code']}?{at}").json()["rank"] is None
    other = next(
        row.ward_code for row in load_bundled().wards.itertuples() if row.borough_code == OTHER
    )
    for path in (f"/wards/{other}?{at}", f"/wards?borough={OTHER}&{at}", "/hot-spots",
                 "/assessments", f"/assessments/{identifiers[0]}"):  # fmt: skip
        problem(hetty.get(path), 403)
    problem(hetty.get(f"/wards?tier=middle&{at}"), 422)
    problem(hetty.get("/wards"), 403)  # rests on handling code C and has no sanitised version
    denied = [one[1] for one in entries(app) if one[0] == "hetty" and one[2] == "denied"]
    assert set(denied) == {"borough.read", "assessment.read"}


def test_hot_spots_come_heaviest_first_and_by_borough(
    sam: Person, app: FastAPI, identifiers: list[str]
) -> None:
    kept = sam.get("/assessment").json()
    page = sam.get("/hot-spots?limit=2")
    HotSpotsDocument.model_validate_json(page.text, strict=False)
    rows = collected(sam, "/hot-spots?limit=2", "hot_spots")
    assert [one["hot_spot_id"] for one in rows] == ["H1", "H2", "H3"]
    assert [one["polygon_m"] for one in rows] == [one["polygon"] for one in kept["clusters"]]
    place = {one["code"]: one["borough_code"] for one in kept["places"]}
    for spot in rows:
        assert spot["borough_codes"] == sorted({place[code] for code in spot["ward_codes"]})
        near = collected(sam, f"/hot-spots?borough={spot['borough_codes'][0]}", "hot_spots")
        assert spot in near
    assert collected(sam, f"/hot-spots?borough={OTHER}", "hot_spots") == []
    one = sam.get("/hot-spots/H2")
    OneHotSpotDocument.model_validate_json(one.text, strict=False)
    assert one.json()["records"] == 7
    problem(sam.get("/hot-spots/H9"), 404)
    problem(sam.get("/hot-spots/x"), 422)
    assert collected(sam, f"/hot-spots?assessment_id={identifiers[0]}", "hot_spots") == []
    problem(sign_in_as(app, "ana").get("/hot-spots"), 403)  # handling code C


def test_assessments_are_listed_as_the_actor_may_see_them(
    app: FastAPI, sam: Person, identifiers: list[str]
) -> None:
    answer = sam.get("/assessments?limit=1")
    AssessmentsDocument.model_validate_json(answer.text, strict=False)
    rows = collected(sam, "/assessments?limit=1", "assessments")
    said = [(one["id"], one["current"], one["as_of"], one["handling_code"]) for one in rows]
    assert said == [
        (identifiers[1], True, "2026-11-30", "C"),
        (identifiers[0], False, "2026-11-23", ""),
    ]
    assert rows[0]["data_gaps"] == ["Bexley and Hackney: no feed covers them"]
    whole = sam.get(rows[1]["href"])
    AssessmentPartDocument.model_validate_json(whole.text, strict=False)
    body = whole.json()
    assert sum(body["wards_by_tier"].values()) == sum(body["wards_by_coverage"].values()) == 679
    assert body["evidence"][0]["accepted"] == 1372
    for link in body["links"]:
        assert sam.get(link["href"]).status_code == 200, link
    ana = sign_in_as(app, "ana")
    assert [one["id"] for one in collected(ana, "/assessments", "assessments")] == identifiers[:1]
    problem(ana.get(f"/assessments/{identifiers[1]}"), 403)
    problem(ana.get("/assessments/ra-none"), 404)


def test_an_empty_service_has_empty_lists_or_says_what_to_make(tmp_path: Path) -> None:
    made = service(tmp_path / "data")
    with client_of(made):
        add_person(made, "ana", "analyst")
        ana = sign_in_as(made, "ana")
        assert ana.get("/assessments").json()["assessments"] == []
        for path in ("/wards", "/boroughs", "/hot-spots"):
            assert "POST /assessment" in problem(ana.get(path), 404)["detail"]
