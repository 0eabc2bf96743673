"""A GIS reads the service: OGC API Features by hand, by OWSLib and by GDAL's own driver."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features  # type: ignore[import-untyped]  # OWSLib has none
from shapely.geometry import shape
from starlette.testclient import TestClient

from allocator.plan import document, sealed
from api.files.output import json_text
from api.ogc.crs import CRS84, EPSG_4326, NATIONAL_GRID
from api.ogc.documents import OPENAPI
from api.plans.file import read_plan
from api.store.ingest import take_in
from hotspots.assessment import HotSpot
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.api.accounts_world import add_person, record_of, sign_in_as
from tests.api.service_world import (
    BEARER,
    client_of,
    fill,
    made_up_week,
    problem,
    service,
    with_identities,
)
from tests.api.test_service_live import Live
from tests.api.test_service_live import live as served
from tests.unit import small_town as town

COLLECTIONS = ["wards", "boroughs", "hot-spots", "patrol-areas", "incidents"]
HACKNEY, WANDSWORTH = "E09000012", "E09000032"
RING = ((533_000.0, 184_000.0), (534_000.0, 184_000.0), (533_500.0, 185_000.0))
N_POINTS = 25


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, area: StudyArea) -> Path:
    folder = tmp_path_factory.mktemp("ogc")
    assessment, plan = made_up_week(area)
    spot = HotSpot(
        "H1", "Haggerston, Hackney", ("E05009378",), 9, 2, 8.5, 1.5,
        assessment.as_of - timedelta(days=90), assessment.as_of, 0.5, ((*RING, RING[0]),),
    )  # fmt: skip
    fill(folder, area, *with_identities(replace(assessment, clusters=(spot,)), plan))
    return folder


@pytest.fixture(scope="module")
def client(root: Path, area: StudyArea) -> Iterator[TestClient]:
    with client_of(service(root)) as client:
        ingest(client, area)
        client.headers.update(BEARER)
        yield client


def ingest(client: TestClient, area: StudyArea) -> None:
    """Store records in Hackney and Wandsworth, the last ones under handling code C or placeless."""
    points = area.boroughs.set_index("borough_code").geometry.representative_point()
    rows = [
        town.record(n, WANDSWORTH, area_code=None, x_m=at.x + n, y_m=at.y, **about(n))
        for n in range(N_POINTS)
        for at in [points[HACKNEY if n % 2 else WANDSWORTH]]
    ]
    rows.append(town.record(90, HACKNEY))
    rows.append(town.record(91, HACKNEY, handling_code="C"))
    with record_of(client.app).store.write() as tx:  # type: ignore[arg-type]  # Starlette's client types it as any ASGI application
        take_in(
            tx, town.reading(rows), actor="x", now=datetime(2026, 1, 1, tzinfo=UTC),
            study_area=area,
        )  # fmt: skip


def about(n: int) -> dict[str, Any]:
    return {"occurred_from": pd.Timestamp(datetime(2025, 3, 1, tzinfo=UTC) + timedelta(days=n))}


def read(client: TestClient, path: str, **query: object) -> Any:
    names = {"bbox_crs": "bbox-crs"}
    given = {names.get(name, name): str(value) for name, value in query.items()}
    answer = client.get(f"/ogc{path}", params=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def every(client: TestClient, name: str, **query: object) -> list[dict[str, Any]]:
    """Follow the links from page to page."""
    page = read(client, f"/collections/{name}/items", **query)
    found: list[dict[str, Any]] = page["features"]
    while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
        assert page["numberReturned"] == len(page["features"])
        page = client.get(following[0]).json()
        found += page["features"]
    return found


def ids(client: TestClient, name: str, **query: object) -> list[str]:
    return [one["id"] for one in every(client, name, **query)]


def test_every_link_of_the_documents_leads_somewhere(client: TestClient) -> None:
    start = read(client, "")
    assert {one["rel"] for one in start["links"]} == {
        "self", "service-desc", "service-doc", "conformance", "data",
    }  # fmt: skip
    listed = read(client, "/collections")
    assert [one["id"] for one in listed["collections"]] == COLLECTIONS
    links = [*start["links"], *listed["links"]]
    for one in listed["collections"]:
        assert read(client, f"/collections/{one['id']}") == one
        links += one["links"]
        links += read(client, f"/collections/{one['id']}/items", limit=1)["links"]
    for link in links:
        answer = client.get(link["href"])
        assert answer.status_code == 200, link
        assert answer.headers["content-type"].split(";")[0] == link["type"].split(";")[0]


def test_pages_together_are_the_collection(client: TestClient, area: StudyArea) -> None:
    assert ids(client, "wards", limit=300) == sorted(area.wards["ward_code"])
    assert ids(client, "boroughs", limit=7) == sorted(area.boroughs["borough_code"])
    assert ids(client, "incidents", limit=4) == ids(client, "incidents", limit=1000)
    assert len(ids(client, "incidents")) == N_POINTS + 2
    assert len(read(client, "/collections/wards/items")["features"]) == 100
    assert len(read(client, "/collections/wards/items", limit=10**8)["features"]) == 704
    assert read(client, "/collections/wards/items", limit=1)["numberMatched"] == 704


@pytest.mark.parametrize("crs", [CRS84, EPSG_4326, NATIONAL_GRID], ids=lambda one: one.uri[-6:])
def test_a_place_is_the_same_in_every_system(client: TestClient, area: StudyArea, crs: Any) -> None:
    answer = client.get(f"/ogc/collections/boroughs/items?limit=40&crs={crs.uri}")
    assert answer.headers["content-crs"] == f"<{crs.uri}>"
    expected = area.boroughs.set_index("borough_code").geometry
    for one in answer.json()["features"]:
        place = shape(one["geometry"])
        assert place.is_valid
        if crs.latitude_first:
            place = shapely.transform(place, lambda points: points[:, ::-1])
        if crs.geographic:
            place = gpd.GeoSeries([place], crs="EPSG:4326").to_crs("EPSG:27700").iloc[0]
        assert place.symmetric_difference(expected[one["id"]]).area < 2_000  # square metres


def test_a_box_gives_what_it_meets_in_any_system(client: TestClient, area: StudyArea) -> None:
    degrees = area.wards.to_crs(epsg=4326)
    rng = np.random.default_rng(7)
    for _ in range(4):
        west, south = rng.uniform((-0.5, 51.3), (0.2, 51.65))
        east, north = west + 0.06, south + 0.03
        hit = degrees.geometry.intersects(shapely.box(west, south, east, north))
        expected = sorted(area.wards["ward_code"][hit])
        assert ids(client, "wards", bbox=f"{west},{south},{east},{north}") == expected
        swapped = f"{south},{west},{north},{east}"
        assert ids(client, "wards", bbox=swapped, bbox_crs=EPSG_4326.uri) == expected
    metres = (530_000, 180_000, 532_000, 181_000)
    hit = area.wards.geometry.intersects(shapely.box(*metres))
    given = ",".join(map(str, metres))
    found = ids(client, "wards", bbox=given, bbox_crs=NATIONAL_GRID.uri)
    assert found == sorted(area.wards["ward_code"][hit])
    for world in ("-180,-90,180,90", "-180,-90,0,180,90,100", "10,-90,5,90"):
        assert len(ids(client, "wards", bbox=world, limit=1000)) == 704
        assert len(ids(client, "incidents", bbox=world)) == N_POINTS + 2 - 2  # two have no point
    for nowhere in ("100,0,101,1", "10,40,-20,60", "-0.1,10,-0.1,10", "3,62,3,62"):
        assert ids(client, "wards", bbox=nowhere) == []
        assert ids(client, "incidents", bbox=nowhere) == []


def test_a_box_may_be_a_point_a_line_or_larger_than_the_world(
    client: TestClient, area: StudyArea
) -> None:
    ward = area.wards.iloc[350]
    at = ward.geometry.representative_point()
    point = f"{at.x},{at.y},{at.x},{at.y}"
    assert ids(client, "wards", bbox=point, bbox_crs=NATIONAL_GRID.uri) == [ward["ward_code"]]
    there = gpd.GeoSeries([at], crs="EPSG:27700").to_crs(epsg=4326).iloc[0]
    given = f"{there.x},{there.y},{there.x},{there.y}"
    assert ids(client, "wards", bbox=given) == [ward["ward_code"]]
    ids(client, "incidents", bbox=given)
    assert ward["ward_code"] in ids(client, "wards", bbox=f"-5,{there.y},5,{there.y}")
    endless = "-1e308,-1e308,1e308,1e308"
    for crs in (CRS84, EPSG_4326, NATIONAL_GRID):
        assert len(ids(client, "wards", bbox=endless, bbox_crs=crs.uri, limit=1000)) == 704
        assert len(ids(client, "incidents", bbox=endless, bbox_crs=crs.uri)) == N_POINTS


def test_points_in_a_box_of_degrees_are_exact_over_pages(client: TestClient) -> None:
    points = {one["id"]: one["geometry"] for one in every(client, "incidents")}
    where = {key: one["coordinates"] for key, one in points.items() if one}
    mid = sorted(where.values())[len(where) // 2]
    box = (mid[0] - 0.00005, mid[1] - 0.0004, mid[0] + 0.00015, mid[1] + 0.0004)
    inside = [
        key for key, (x, y) in where.items() if box[0] <= x <= box[2] and box[1] <= y <= box[3]
    ]
    assert 0 < len(inside) < len(where)
    given = ",".join(f"{one:.9f}" for one in box)
    assert sorted(ids(client, "incidents", bbox=given, limit=2)) == sorted(inside)


def test_time_chooses_days_moments_and_open_spans(client: TestClient) -> None:
    def days(span: str) -> int:
        return len(ids(client, "incidents", datetime=span))

    whole = N_POINTS + 2
    early = days("../2025-03-03")
    assert days("2025-03-03T00:00:00Z") == days("2025-03-03") == 1
    assert early + days("2025-03-04/..") == whole
    assert days("../..") == whole
    assert days("2025-03-02T00:00:00Z/2025-03-04T00:00:00+00:00") == 3
    assert len(ids(client, "patrol-areas", datetime="2026-11-25")) == 16
    assert ids(client, "patrol-areas", datetime="2026-11-30") == []
    assert ids(client, "hot-spots", datetime="2026-11-29T23:59:59Z") == ["2026-11-23.H1"]


def test_features_say_what_they_are(client: TestClient) -> None:
    unit = read(client, "/collections/patrol-areas/items/2026-W48.ARV-01")["properties"]
    assert unit["state"] == "not in the record"
    assert unit["classification"] == "OFFICIAL-SENSITIVE"
    spot = read(client, "/collections/hot-spots/items/2026-11-23.H1")
    assert shape(spot["geometry"]).geom_type == "MultiPolygon"
    answer = client.get("/ogc/collections/wards/items?limit=1")
    assert answer.headers["x-classification"] == "OFFICIAL-SENSITIVE"
    assert answer.headers["content-type"] == "application/geo+json"
    for name in COLLECTIONS:
        problem(client.get(f"/ogc/collections/{name}/items/nothing"), 404)
    problem(client.get("/ogc/collections/persons/items"), 404)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=x", "limit=1e3", "limit=%D9%A1", "limit=1&limit=2",
        "bbox=1,2,3", "bbox=1,2,3,nan", "bbox=1,2,3,x", "bbox=", "bbox=1,2,3,inf",
        "bbox=1,5,3,4", "bbox=5,1,4,3&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/27700",
        "bbox-crs=EPSG:27700", "crs=http://www.opengis.net/def/crs/EPSG/0/3857",
        "datetime=yesterday", "datetime=2026-13-01", "datetime=2026-11-23T00:00:00",
        "datetime=2026-11-23/2026-11-22", "datetime=1/2/3", "datetime=0000-01-01",
        "datetime=9999-12-31", "datetime=0001-01-01T00:00:00%2B14:00", "colour=red", "f=html",
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(client: TestClient, query: str) -> None:
    for name in ("wards", "incidents"):
        body = problem(client.get(f"/ogc/collections/{name}/items?{query}"), 400)
        assert "Remedy" in body["detail"]
    problem(client.get("/ogc?colour=red"), 400)


def test_after_is_any_text_and_never_a_fault(client: TestClient) -> None:
    assert ids(client, "wards", after="zzz") == []
    problem(client.get("/ogc/collections/incidents/items?after=zzz"), 400)
    problem(client.get(f"/ogc/collections/incidents/items?after={'9' * 30}"), 400)


def test_a_borough_sees_its_own_and_nobody_without_scope_handling_c(client: TestClient) -> None:
    app: Any = client.app
    add_person(app, "hetty", "borough", boroughs=(HACKNEY,))
    add_person(app, "ana", "analyst")
    add_person(app, "paul", "planner")
    hetty, ana, paul = (sign_in_as(app, name) for name in ("hetty", "ana", "paul"))

    def seen(person: Any, name: str) -> Any:
        answer = person.get(f"/ogc/collections/{name}/items?limit=1000")
        return answer.json()["features"] if answer.status_code == 200 else answer.status_code

    listed = hetty.get("/ogc/collections").json()["collections"]
    assert [one["id"] for one in listed] == ["wards", "boroughs", "incidents"]
    assert {one["properties"]["borough_code"] for one in seen(hetty, "wards")} == {HACKNEY}
    assert "rank" not in seen(hetty, "boroughs")[0]["properties"]
    assert seen(hetty, "hot-spots") == seen(hetty, "patrol-areas") == 403
    mine = seen(hetty, "incidents")
    assert {one["properties"]["borough_code"] for one in mine} == {HACKNEY}
    assert len(mine) == N_POINTS // 2 + 1
    others = [one["id"] for one in seen(ana, "incidents") if one not in mine]
    assert len(others) == N_POINTS - N_POINTS // 2
    assert hetty.get(f"/ogc/collections/incidents/items/{others[0]}").status_code == 404
    hidden = [
        one["id"] for one in every(client, "incidents")
        if one["properties"]["handling_code"] == "C"
    ]  # fmt: skip
    assert len(hidden) == 1
    assert ana.get(f"/ogc/collections/incidents/items/{hidden[0]}").status_code == 404
    assert seen(paul, "incidents") == 403
    assert len(seen(paul, "wards")) == 704
    problem(client.get("/ogc/collections", headers={"Authorization": ""}), 401)


@pytest.fixture(scope="module")
def live(area: StudyArea, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Yield `arv serve` in a process of its own: GDAL holds this one while it waits."""
    folder = tmp_path_factory.mktemp("live") / "data"
    fill(folder, area, *made_up_week(area))
    with served(folder, "--no-sample") as running:
        yield running


def test_owslib_reads_it(live: Live) -> None:
    door = Features(f"{live.url}/ogc", headers=live.bearer)
    assert door.api()["openapi"] == "3.0.3"
    assert OPENAPI in {one.get("type") for one in door.links}
    assert any(one.endswith("features-2/1.0/conf/crs") for one in door.conformance()["conformsTo"])
    assert door.feature_collections() == COLLECTIONS
    assert door.collection("wards")["storageCrs"] == NATIONAL_GRID.uri
    page = door.collection_items("wards", limit=5, bbox=[-0.1, 51.5, 0.0, 51.6])
    assert page["numberReturned"] == 5
    one = door.collection_item("wards", page["features"][0]["id"])
    assert one["geometry"] == page["features"][0]["geometry"]
    assert door.collection_items("incidents")["features"] == []


def test_gdal_reads_it(live: Live, area: StudyArea, tmp_path: Path) -> None:
    header = tmp_path / "header"  # the way of docs/gis.md, which old and new versions understand
    header.write_text(f"Authorization: Bearer {live.token}\n", "ascii")
    pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADER_FILE": str(header)})
    try:
        address = f"OAPIF:{live.url}/ogc"
        assert [name for name, _ in pyogrio.list_layers(address)] == COLLECTIONS
        for name in ("wards", "boroughs", "patrol-areas"):  # one kind, or a GIS alters some
            assert pyogrio.read_info(address, layer=name)["geometry_type"] == "MultiPolygon"
        wards = pyogrio.read_dataframe(address, layer="wards")
        assert sorted(wards["code"]) == sorted(area.wards["ward_code"])
        assert wards.crs.to_epsg() == 27700  # GDAL asks for the system we store in
        assert wards.area.sum() == pytest.approx(area.wards.area.sum(), rel=1e-4)
        metres = (530_000, 180_000, 532_000, 181_000)
        near = pyogrio.read_dataframe(address, layer="wards", bbox=metres)
        hit = area.wards.geometry.intersects(shapely.box(*metres))
        assert sorted(near["code"]) == sorted(area.wards["ward_code"][hit])
        degrees = pyogrio.read_dataframe(address, layer="patrol-areas", CRS="OGC:CRS84")
        assert degrees.crs.is_geographic
        policed = area.boroughs[area.boroughs["policed"]]
        drawn = degrees.to_crs("EPSG:27700").area.sum()
        assert drawn == pytest.approx(policed.area.sum(), rel=1e-4)
    finally:
        pyogrio.set_gdal_config_options({"GDAL_HTTP_HEADER_FILE": None})


def test_what_is_asked_again_is_given_from_memory(client: TestClient, area: StudyArea) -> None:
    address = f"/ogc/collections/wards/items?limit=1000&crs={NATIONAL_GRID.uri}"
    first = client.get(address)
    begun = time.process_time()
    again = [client.get(address) for _ in range(5)]
    assert (time.process_time() - begun) / 5 < 0.1  # converting the wards alone takes longer
    assert {one.content for one in again} == {first.content}
    tag = first.headers["etag"]
    same = client.get(address, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["content-crs"] == f"<{NATIONAL_GRID.uri}>"
    other = client.get(address.replace("1000", "999"), headers={"If-None-Match": tag})
    assert other.status_code == 200
    shapes = [shape(one["geometry"]) for one in first.json()["features"]]
    expected = area.wards.sort_values("ward_code").geometry
    assert shapely.equals(
        shapely.set_precision(expected.to_numpy(), 0.01), np.array(shapes, dtype=object)
    ).all()


def test_no_more_weeks_of_patrol_areas_are_read_than_a_page_shows(
    root: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(root, data, ignore=shutil.ignore_patterns("lock", "arv.sqlite3*"))
    (week,) = (data / "plans").iterdir()
    plan = read_plan(week / (week / "current").read_text().strip() / "plan.json")
    for name in ("2026-W49", "2026-W51", "2027-W01"):
        later = sealed(replace(plan, week=name))
        folder = data / "plans" / name / later.plan_id
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(json_text(document(later)))
        (folder.parent / "current").write_text(later.plan_id)
    with client_of(service(data)) as client:
        client.headers.update(BEARER)
        whole = ids(client, "patrol-areas", limit=1000)
        assert len(whole) == 4 * 16
        assert whole == sorted(whole) == ids(client, "patrol-areas", limit=13)
        assert len(ids(client, "patrol-areas", datetime="2026-12-01/2026-12-20")) == 2 * 16
    (folder / "plan.json").write_text("damaged")
    with client_of(service(data)) as client:
        client.headers.update(BEARER)
        assert read(client, "/collections/patrol-areas/items", limit=40)["features"]
        assert ids(client, "patrol-areas", datetime="../2026-12-20") == whole[:48]
        read(client, f"/collections/patrol-areas/items/{whole[0]}")
        problem(client.get("/ogc/collections/patrol-areas/items?limit=100"), 500)
