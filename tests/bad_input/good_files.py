"""One small sound file for every reader; the corpus and the mutations start from these."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from allocator.plan import document as plan_document
from api.files.assessment_folder import writers
from api.files.output import json_text, write_all
from hotspots.assessment import content_id
from hotspots.boundaries.study_area import StudyArea, load_bundled
from hotspots.sources import default_policy_text
from tests.browser.map_world import make_assessment, make_cells, make_plan
from tests.unit.feed_files import MEETING_HEADER, STREET_HEADER, meeting_line, street_line

#: Westminster, Lambeth and Hackney: enough of London for every row of these files.
BOROUGHS = ("E09000012", "E09000022", "E09000033")
AS_OF = "2026-11-23"
SIDECAR = b"area_code,first_day,last_day\nE09000012,2026-01-01,2026-11-22\n"


@cache
def small_london() -> StudyArea:
    """Return three boroughs of the bundled boundaries: readers work on them ten times faster."""
    whole = load_bundled()
    links = whole.borough_links
    kept = links["code_a"].isin(BOROUGHS) & links["code_b"].isin(BOROUGHS)
    wards = whole.wards[whole.wards["borough_code"].isin(BOROUGHS)].reset_index(drop=True)
    ends = whole.ward_links["code_a"].isin(wards["ward_code"])
    ends &= whole.ward_links["code_b"].isin(wards["ward_code"])
    boroughs = whole.boroughs["borough_code"].isin(BOROUGHS)
    return replace(
        whole,
        wards=wards,
        boroughs=whole.boroughs[boroughs].reset_index(drop=True),
        borough_links=links[kept].reset_index(drop=True),
        ward_links=whole.ward_links[ends].reset_index(drop=True),
    )


def meeting_csv() -> bytes:
    """Return a week in the meeting's format: points, areas, ranges, grades, a correction."""
    lines = [
        meeting_line("RS-1"),
        meeting_line("RS-2", occurred_at="22/11/2026 14:05", known_at="2026-11-22T15:00Z"),
        meeting_line(
            "CR-1", source="crimint", category="intelligence_firearm", easting="", northing="",
            area_code="E09000012", occurred_at="", occurred_from="2026-11-02T10:00+00:00",
            occurred_to="2026-11-03T10:00+00:00", source_grade="1", information_grade="B",
        ),
        meeting_line("RS-3", easting="", northing="", longitude="-0.1276", latitude="51.5072"),
        meeting_line("RS-4", known_at="2026-11-21", corrects="RS-1", correction="reclassified"),
        meeting_line("B2-1", source="blunt_2", category="weapon_recovered", basis="discovered"),
    ]  # fmt: skip
    return "\n".join([MEETING_HEADER, *lines, ""]).encode()


def street_csv() -> bytes:
    """Return six rows as police.uk publishes them."""
    lines = [street_line(f"{n:064x}") for n in range(4)]
    lines += [street_line("", Crime_type="Drugs"), street_line("", Longitude="", Latitude="")]
    return "\n".join([STREET_HEADER, *lines, ""]).encode()


def street_zip(name: str = "2017-06/2017-06-metropolitan-street.csv") -> bytes:
    """Return the street file in an archive, with a member that is none."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, street_csv())
        archive.writestr("2017-06/2017-06-metropolitan-outcomes.csv", b"Crime ID\nx\n")
    return packed.getvalue()


def counts_csv() -> bytes:
    """Return long dashboard counts of wards and boroughs."""
    rows = ["month,area_type,area_code,area_name,borough_name,series,measure,count"]
    rows += [f"2026-{m:02d},ward,E05009367,A,Hackney,gun_crime,offences,{m}" for m in (8, 9, 10)]
    rows += ["2026-10,borough,E09000022,Lambeth,Lambeth,gun_crime,offences,4"]
    rows += ["2026-10,borough,E09000022,Lambeth,Lambeth,gun_crime,positive_outcomes,1"]
    return "\n".join([*rows, ""]).encode()


def wide_csv() -> bytes:
    """Return the wide layout: one column a month."""
    return (
        b"MajorText,MinorText,LookUp_BoroughName,202608,202609,202610\n"
        b"VIOLENCE AGAINST THE PERSON,HOMICIDE,Hackney,0,1,0\n"
        b"ROBBERY,ROBBERY OF PERSONAL PROPERTY,Lambeth,12,9,14\n"
    )


def events_csv() -> bytes:
    """Return an event log of another city's kind: x, y, occurred_at."""
    rows = [f"{530_000 + 40 * n},{180_000 + 30 * n},2026-10-{n + 1:02d}T21:15" for n in range(12)]
    return "\n".join(["x,y,occurred_at", *rows, ""]).encode()


def frame(content: bytes) -> pd.DataFrame:
    """Return a CSV as a frame of texts."""
    return pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False)


def parquet(content: bytes) -> bytes:
    """Return a CSV as Parquet, numbers and counts typed."""
    table = frame(content)
    for name in ("count", "x", "y"):
        if name in table:
            table[name] = pd.to_numeric(table[name])
    return bytes(table.to_parquet(index=False))


def feed_points() -> gpd.GeoDataFrame:
    """Return the records of the meeting that are points, in WGS84."""
    table = frame(meeting_csv())
    table = table[table["easting"].ne("") & table["corrects"].eq("")]
    kept = table[["record_id", "source", "category", "basis", "occurred_at", "notice"]]
    points = gpd.points_from_xy(table["easting"].astype(float), table["northing"].astype(float))
    return gpd.GeoDataFrame(kept.reset_index(drop=True), geometry=points, crs=27700).to_crs(4326)


def city() -> gpd.GeoDataFrame:
    """Return the polygon of a study area for the forecast, in WGS84."""
    square = shapely.box(529_500, 179_500, 531_500, 181_500)
    return gpd.GeoDataFrame({"name": ["city"]}, geometry=[square], crs=27700).to_crs(4326)


def toy_wards() -> gpd.GeoDataFrame:
    """Return six square wards, three of Brent and three of Camden, in EPSG:27700."""
    columns = {
        "ward_code": [f"E0500000{n}" for n in range(1, 7)],
        "ward_name": [f"Ward {n}" for n in range(1, 7)],
        "borough_code": ["E09000005"] * 3 + ["E09000007"] * 3,
        "borough_name": ["Brent"] * 3 + ["Camden"] * 3,
    }
    boxes = [
        shapely.box(520_000 + 1000 * c, 185_000 + 1000 * r, 521_000 + 1000 * c, 186_000 + 1000 * r)
        for c in range(2)
        for r in range(3)
    ]
    return gpd.GeoDataFrame(columns, geometry=boxes, crs=27700)


def vector_bytes(table: gpd.GeoDataFrame, suffix: str) -> bytes:
    """Return a layer as GeoPackage (``.gpkg``) or GeoJSON (``.geojson``)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"layer{suffix}"
        table.to_file(path)
        return path.read_bytes()


def fleet_toml() -> bytes:
    """Return a fleet of three."""
    units = [
        f'[[units]]\nunit_id = "ARV-{n:02d}"\nprovenance = "CO19"\n'
        'eligible_boroughs = []\non_duty = ["monday", "friday"]\n'
        for n in (1, 2, 3)
    ]
    head = 'label = "assumption"\nservice_standard_s = 540\nturnout_s = 60\n'
    return (head + "\n".join(units)).encode()


@cache
def plan_json() -> bytes:
    """Return a plan as ``arv allocate`` writes it."""
    return json_text(plan_document(make_plan(small_london(), n_units=3))).encode()


@cache
def assessment_files() -> dict[str, bytes]:
    """Return the files of an assessment folder, by name."""
    made = make_assessment(small_london())
    marked = replace(made, assessment_id=content_id(made))
    cells = make_cells(small_london(), size_m=1000)
    with tempfile.TemporaryDirectory() as folder:
        write_all(Path(folder), writers(marked, cells, []))
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@cache
def good_files() -> dict[str, tuple[str, bytes]]:
    """Return for each reader and layout (``reader/layout``) a file name and its sound content."""
    street = "2017-06-metropolitan-street.csv"
    return {
        "feed/meeting csv": ("week.csv", meeting_csv()),
        "feed/meeting parquet": ("week.parquet", parquet(meeting_csv())),
        "feed/meeting geojson": ("week.geojson", vector_bytes(feed_points(), ".geojson")),
        "feed/meeting gpkg": ("week.gpkg", vector_bytes(feed_points(), ".gpkg")),
        "feed/street csv": (street, street_csv()),
        "feed/street gz": (f"{street}.gz", gzip.compress(street_csv(), mtime=0)),
        "feed/street zip": ("2017-06.zip", street_zip()),
        "feed/counts csv": ("counts.csv", counts_csv()),
        "feed/counts parquet": ("counts.parquet", parquet(counts_csv())),
        "feed/wide csv": ("wide.csv", wide_csv()),
        "feed/wide parquet": ("wide.parquet", parquet(wide_csv())),
        "sidecar/csv": ("week.coverage.csv", SIDECAR),
        "events/csv": ("log.csv", events_csv()),
        "events/parquet": ("log.parquet", parquet(events_csv())),
        "boundary/geojson": ("city.geojson", vector_bytes(city(), ".geojson")),
        "boundary/gpkg": ("city.gpkg", vector_bytes(city(), ".gpkg")),
        "wards/geojson": ("wards.geojson", vector_bytes(toy_wards(), ".geojson")),
        "wards/gpkg": ("wards.gpkg", vector_bytes(toy_wards(), ".gpkg")),
        "fleet/toml": ("fleet.toml", fleet_toml()),
        "policy/toml": ("policy.toml", default_policy_text().encode()),
        "plan/json": ("plan.json", plan_json()),
        "assessment/json": ("assessment.json", assessment_files()["assessment.json"]),
        "assessment/draws": ("draws.parquet", assessment_files()["draws.parquet"]),
        "assessment/cells": ("cells.parquet", assessment_files()["cells.parquet"]),
    }


def compact_json(value: object) -> bytes:
    """Return a value as JSON with no blanks."""
    return json.dumps(value, separators=(",", ":")).encode()
