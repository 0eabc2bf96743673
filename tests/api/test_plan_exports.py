"""The patrol areas of a plan as files: read back whole, marked inside, and safe to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow.parquet as pq
import pyogrio
import pytest
from starlette.testclient import TestClient

from api.exports.patrol_areas import FORMS, area_frame
from api.marking import marking_of
from hotspots.boundaries.study_area import StudyArea, load_bundled
from tests.api.accounts_world import add_person, entries, sign_in_as
from tests.api.service_world import (
    BEARER,
    WEEK,
    client_of,
    fill,
    made_up_week,
    problem,
    service,
)


@pytest.fixture(scope="module")
def area() -> StudyArea:
    return load_bundled()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, area: StudyArea) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("exports") / "data"
    fill(root, area, *made_up_week(area))
    with client_of(service(root)) as client:
        client.headers.update(BEARER)
        yield client


@pytest.fixture(scope="module")
def key(client: TestClient) -> str:
    return str(client.post("/plans", json={"week": WEEK}).json()["key"])


@pytest.fixture
def files(client: TestClient, key: str, tmp_path: Path) -> dict[str, Path]:
    found = {}
    for suffix, (_, media_type) in FORMS.items():
        answer = client.get(f"/plans/{key}/patrol-areas.{suffix}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.headers["x-classification"] == "OFFICIAL-SENSITIVE"
        assert answer.headers["x-plan-state"] == "draft"
        assert f'"{key}.{suffix}"' in answer.headers["content-disposition"]
        again = client.get(f"/plans/{key}/patrol-areas.{suffix}")
        assert again.content == answer.content
        found[suffix] = tmp_path / f"areas.{suffix}"
        found[suffix].write_bytes(answer.content)
    return found


def test_every_file_is_read_back_by_other_programs(files: dict[str, Path], area: StudyArea) -> None:
    _, plan = made_up_week(area)
    units = sorted(unit.unit_id for unit in plan.units)
    policed = area.boroughs[area.boroughs["policed"]].area.sum()
    for frame in (pyogrio.read_dataframe(files["gpkg"]), gpd.read_parquet(files["parquet"])):
        assert sorted(frame["unit_id"]) == units
        assert frame.crs.to_epsg() == 27700
        assert frame.area.sum() == pytest.approx(policed, rel=1e-9)
        assert set(frame["classification"]) == {"OFFICIAL-SENSITIVE"}
        assert set(frame["state"]) == {"draft"}
    tracks = pyogrio.read_dataframe(files["gpx"], layer="tracks")
    assert sorted(tracks["name"]) == units
    around = tracks.set_index("name").to_crs("EPSG:27700").geometry
    whole = gpd.read_parquet(files["parquet"]).set_index("unit_id").geometry
    for unit in units:
        assert around[unit].length == pytest.approx(whole[unit].length, rel=1e-3)
    rows = list(csv.DictReader(io.StringIO(files["csv"].read_text("utf-8"))))
    assert sorted(row["unit_id"] for row in rows) == units


def test_every_file_says_how_it_is_marked(files: dict[str, Path]) -> None:
    info: dict[str, Any] = pyogrio.read_info(files["gpkg"])
    assert info["dataset_metadata"]["arv.classification"] == "OFFICIAL-SENSITIVE"
    assert info["layer_metadata"]["arv.notice"] == "SYNTHETIC"
    assert pq.read_schema(files["parquet"]).metadata[b"arv.classification"] == b"OFFICIAL-SENSITIVE"
    assert "OFFICIAL-SENSITIVE SYNTHETIC" in files["gpx"].read_text("utf-8")
    assert "OFFICIAL-SENSITIVE" in files["csv"].read_text("utf-8").splitlines()[1]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t"])
def test_no_cell_of_a_table_runs_and_no_text_breaks_a_file(
    area: StudyArea, sign: str, tmp_path: Path
) -> None:
    assessment, plan = made_up_week(area)
    hostile = f'{sign}1+1"</name><script>\x00'
    unit = replace(plan.units[0], provenance=hostile, reason=hostile)
    altered = replace(plan, units=(unit,))
    frame = area_frame(altered, assessment, area.boroughs, "draft")
    write, _ = FORMS["csv"]
    row = next(csv.DictReader(io.StringIO(write(frame, marking_of(assessment)).decode())))
    assert row["provenance"].startswith("'")
    assert row["reason"].startswith("'")
    frame["borough_names"] = hostile
    for suffix, (written, _) in FORMS.items():
        (tmp_path / f"a.{suffix}").write_bytes(written(frame, marking_of(assessment)))
    assert len(pyogrio.read_dataframe(tmp_path / "a.gpkg")) == 1
    assert gpd.read_parquet(tmp_path / "a.parquet")["reason"].tolist() == [hostile]
    tracks = pyogrio.read_dataframe(tmp_path / "a.gpx", layer="tracks")
    assert tracks["desc"].iloc[0].endswith('1+1"</name><script>')


def test_who_may_not_read_the_plan_gets_no_file(client: TestClient, key: str) -> None:
    app: Any = client.app
    add_person(app, "hetty", "borough", boroughs=("E09000012",))
    person = sign_in_as(app, "hetty")
    for suffix in FORMS:
        path = f"/plans/{key}/patrol-areas.{suffix}"
        problem(person.get(path), 403)
        assert client.get(path).status_code == 200
        subject = ("administrator", "plan.read", "done", f"GET {path}", "disclosure")
        assert subject in entries(app)
    problem(client.get("/plans/2026-W48-0123456789ab/patrol-areas.gpkg"), 404)
