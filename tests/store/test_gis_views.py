"""What a GIS sees when it opens the PostGIS database: typed layers, and nothing it should not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import geopandas as gpd
import pandas as pd
import pytest
from shapely.ops import unary_union
from sqlalchemy import text

from api.store import schema
from api.store.assessments import keep_assessment
from api.store.incidents import readings
from api.store.ingest import take_in
from api.store.receipts import withdraw_receipt
from api.store.store import Store
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.store.rows import AT, ROWS, fill
from tests.unit import small_town as town

NOW = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
LAYERS = {
    "gis_wards": "MULTIPOLYGON",
    "gis_boroughs": "MULTIPOLYGON",
    "gis_patrol_areas": "MULTIPOLYGON",
    "gis_incidents": "POINT",
    "gis_events": "POINT",
}
pytestmark = pytest.mark.parametrize("kind", ["postgresql"])


def layer(store: Store, name: str) -> gpd.GeoDataFrame:
    with store.read() as tx:
        return gpd.read_postgis(text(f"SELECT * FROM {name}"), tx, geom_col="geom")


def test_every_layer_has_one_type_one_system_and_an_id(store: Store) -> None:
    with store.read() as tx:
        found = tx.execute(
            text(
                "SELECT f_table_name, type, srid FROM geometry_columns "
                "WHERE f_table_name LIKE 'gis%'"
            )
        ).all()
    assert {name: kind for name, kind, _ in found} == LAYERS
    assert {srid for *_, srid in found} == {27700}
    for name in LAYERS:
        assert "id" in layer(store, name).columns


def test_wards_carry_the_latest_scores(store: Store) -> None:
    rows = [town.record(n, n % 18) for n in range(40)]
    given, area = [town.reading(rows)], town.town()
    week = assess_week(given, area, as_of=town.AS_OF, policy=load_default_policy())
    with store.write() as tx:
        take_in(tx, given[0], actor="x", now=NOW)
        kept = keep_assessment(tx, week.assessment, area, given, actor="x", now=NOW)
        assert kept == keep_assessment(tx, week.assessment, area, given, actor="y", now=NOW)
    wards = layer(store, "gis_wards")
    assert wards.crs.to_epsg() == 27700
    assert len(wards) == len(area.wards)
    scored = wards.dropna(subset="rank").set_index("code")
    for score in week.assessment.wards:
        assert scored.loc[score.code, "expected_per_week"] == score.expected_per_week
        assert scored.loc[score.code, "tier"] == score.tier
    wanted = area.wards.set_index("ward_code").geometry
    assert wards.set_index("code").geometry.geom_equals(wanted, align=True).all()
    assert len(layer(store, "gis_boroughs")) == len(area.boroughs)


def test_an_assessment_under_handling_c_is_not_shown(store: Store) -> None:
    rows = [town.record(n, n % 18) for n in range(40)]
    given, area = [town.reading(rows)], town.town()
    week = assess_week(given, area, as_of=town.AS_OF, policy=load_default_policy())
    coded = [town.reading([*rows, town.record(99, 1, handling_code="C")])]
    later = assess_week(coded, area, as_of=town.AS_OF, policy=load_default_policy())
    assert later.assessment.handling_code == "C"
    with store.write() as tx:
        keep_assessment(tx, later.assessment, area, coded, actor="x", now=NOW)
    assert layer(store, "gis_wards")["assessment_id"].isna().all()
    with store.write() as tx:
        earlier = NOW - timedelta(hours=1)
        keep_assessment(tx, week.assessment, area, given, actor="x", now=earlier)
    for name in ("gis_wards", "gis_boroughs"):
        assert set(layer(store, name)["assessment_id"]) == {week.assessment.assessment_id}


def test_incidents_are_current_in_use_and_not_under_handling_c(store: Store) -> None:
    later = pd.Timestamp("2025-07-01", tz="UTC")
    rows = [
        town.record(1, 0),
        town.record(2, 1, handling_code="C"),
        town.record(3, 2),
        town.record(4, 3, corrects="R3", correction="moved", known_from=later),
        town.record(5, 4),
        town.record(6, 4, corrects="R5", correction="withdrawn", known_from=later),
        town.record(7, town.borough(0)),
    ]
    with store.write() as tx:
        take_in(tx, town.reading(rows), actor="x", now=NOW)
        other = take_in(tx, town.reading([town.record(8, 5)], file="o.csv"), actor="x", now=NOW)
        withdraw_receipt(tx, other.receipt_id, actor="x", now=NOW, reason="the wrong file")
    shown = layer(store, "gis_incidents").set_index("record_id")
    assert set(shown.index) == {"R1", "R4"}
    assert (shown.geometry["R4"].x, shown.geometry["R4"].y) == town.centre(3)
    with store.read() as tx:
        assert len(readings(tx)) == 1


def test_patrol_areas_are_those_of_published_plans(store: Store) -> None:
    area = town.town()
    with store.write() as tx:
        fill(tx, {"stored_files", "feeds", "receipts", "fleets"})
        tx.execute(schema.assessments.insert().values(**ROWS["assessments"]))
        for _, row in area.boroughs.iterrows():
            tx.execute(
                schema.areas.insert().values(
                    boundary_sha256=ROWS["assessments"]["boundary_sha256"],
                    code=row["borough_code"], level="borough", name=row["borough_name"],
                    borough_code=row["borough_code"], policed=True, geom=None,
                )
            )  # fmt: skip
        tx.exec_driver_sql(
            "UPDATE areas SET geom = ST_Multi(ST_MakeEnvelope(x, 0, x + 10, 10, 27700)) FROM "
            "(SELECT code AS c, 10 * (row_number() OVER (ORDER BY code) - 1) AS x FROM areas) k "
            "WHERE code = c"
        )
        tx.execute(schema.plans.insert().values(**ROWS["plans"]))
        tx.execute(schema.plan_versions.insert().values(**ROWS["plan_versions"]))
        for code in (town.borough(0), town.borough(1)):
            tx.execute(
                schema.plan_areas.insert().values(**(ROWS["plan_areas"] | {"borough_code": code}))
            )
    assert layer(store, "gis_patrol_areas").empty
    with store.write() as tx:
        tx.execute(
            schema.plans.update().values(
                state="published", proposed_by="planner", approved_by="chair", approved_utc=AT,
                approved_content_version=1, published_by="chair", published_utc=AT,
            )
        )  # fmt: skip
    shown = layer(store, "gis_patrol_areas")
    assert shown["boroughs"].tolist() == [f"{town.borough(0)} {town.borough(1)}"]
    assert shown.geometry.iloc[0].area == unary_union(shown.geometry).area == 200.0
    with store.write() as tx:
        tx.exec_driver_sql("ALTER TABLE assessments DISABLE TRIGGER USER")
        tx.execute(schema.assessments.update().values(handling_code="C"))
        tx.exec_driver_sql("ALTER TABLE assessments ENABLE TRIGGER USER")
    assert layer(store, "gis_patrol_areas").empty
