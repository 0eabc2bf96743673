"""Each reader behind one function, and what a reading that it accepts must hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from allocator.plan import document, from_document
from api.files import assessment_folder
from api.files.fleet_file import MAX_TIME_S, read_fleet
from api.files.policy_file import read_policy
from api.plans.file import read_plan
from hotspots.boundaries.study_area import load_study_area, nearest_distance_m
from hotspots.feeds.event_log import read_boundary, read_event_log
from hotspots.feeds.reader import ReadOptions, read_feed
from hotspots.incidents import COUNT_DTYPES, RECORD_DTYPES, FeedReading
from tests.bad_input.good_files import assessment_files, meeting_csv, small_london

REPORT = ReadOptions(on_rejected="report", drop_personal_columns=True)
MAY_BE_MISSING = {
    "x_m", "y_m", "area_code", "source_grade", "information_grade", "handling_code", "corrects",
    "correction", "notice",
}  # fmt: skip


def read_one_feed(path: Path) -> None:
    """Read a feed and check its frames against the schema."""
    check_reading(read_feed(path, small_london(), options=REPORT))


def read_sidecar(path: Path) -> None:
    """Read a sound feed beside the coverage file at ``path``."""
    feed = path.with_name("week.csv")
    feed.write_bytes(meeting_csv())
    reading = read_feed(feed, small_london(), options=REPORT)
    check_reading(reading)
    assert reading.coverage.areas is None or reading.coverage.areas


def check_reading(reading: FeedReading) -> None:
    """Check dtypes, missing values, ranges and places of a reading."""
    for frame, dtypes in ((reading.records, RECORD_DTYPES), (reading.counts, COUNT_DTYPES)):
        assert {name: str(kind) for name, kind in frame.dtypes.items()} == dtypes
        for name in set(dtypes) - MAY_BE_MISSING:
            assert frame[name].notna().all(), name
    records, counts = reading.records, reading.counts
    assert len(records) + len(counts) > 0
    assert (counts["count"] >= 0).all()
    assert not counts.duplicated(["area_type", "area_code", "category", "month"]).any()
    assert records["record_id"].is_unique
    assert (records["occurred_from"] <= records["occurred_to"]).all()
    assert set(records["basis"]) <= {"reported", "discovered"}
    point = records["x_m"].notna()
    assert (point == records["y_m"].notna()).all()
    assert (point ^ records["area_code"].notna()).all()
    away_m = nearest_distance_m(small_london(), records["x_m"][point], records["y_m"][point])
    assert (away_m <= REPORT.outside_tolerance_m).all()
    assert reading.coverage.first_day <= reading.coverage.last_day
    for rejection in reading.rejected:
        assert rejection.row >= 1
        assert rejection.reason
        assert rejection.remedy


def read_events(path: Path) -> None:
    """Read an event log and check it."""
    log = read_event_log(path, crs_epsg=27700, options=REPORT)
    assert len(log.x_m) == len(log.y_m) == len(log.occurred_at) > 0
    assert np.isfinite(log.x_m).all()
    assert np.isfinite(log.y_m).all()
    assert not np.isnat(log.occurred_at).any()


def read_city(path: Path) -> None:
    """Read a study polygon and check it."""
    shape = read_boundary(path, crs_epsg=27700)
    assert shapely.is_valid(shape)
    assert np.isfinite(shapely.get_coordinates(shape)).all()


def read_wards(path: Path) -> None:
    """Read replacement wards and check them."""
    area = load_study_area(path, name="test")
    assert area.wards["ward_code"].is_unique
    assert shapely.is_valid(area.wards.geometry.to_numpy()).all()
    assert (area.wards.geometry.area > 0).all()
    assert set(area.wards["borough_code"]) == set(area.boroughs["borough_code"])
    for line in area.attribution:
        line.encode()


def read_one_fleet(path: Path) -> None:
    """Read a fleet and check it."""
    fleet = read_fleet(path)
    assert 0 < fleet.service_standard_s <= MAX_TIME_S
    assert 1 <= len(fleet.units) <= 32
    assert len({unit.unit_id for unit in fleet.units}) == len(fleet.units)
    assert all(unit.on_duty and set(unit.on_duty) <= set(range(7)) for unit in fleet.units)


def read_one_policy(path: Path) -> None:
    """Read a policy and check it."""
    policy = read_policy(path)
    for source in policy.sources.values():
        assert all(0.0 <= weight <= 1.0 for weight in source.categories.values())
        assert source.half_life_days > 0
        assert math.isfinite(source.half_life_days)


def read_one_plan(path: Path) -> None:
    """Read a plan and check that it survives being written."""
    plan = read_plan(path)
    assert math.isfinite(plan.objective + plan.bound + plan.gap)
    assert from_document(document(plan)).plan_id == plan.plan_id


def read_assessment(path: Path) -> None:
    """Read an assessment whose file of this name was replaced."""
    for name, content in assessment_files().items():
        if name != path.name:
            path.with_name(name).write_bytes(content)
    read = assessment_folder.read(path.parent)
    assert read.assessment.draws.shape[1] == len(read.assessment.wards)
    assert np.isfinite(read.assessment.draws).all()
    assert np.isfinite(read.cells.to_numpy()).all()
    assert (read.cells["expected_per_week"] >= 0).all()
    assert isinstance(read.cells, pd.DataFrame)


DOORS: dict[str, Callable[[Path], None]] = {
    "feed": read_one_feed,
    "sidecar": read_sidecar,
    "events": read_events,
    "boundary": read_city,
    "wards": read_wards,
    "fleet": read_one_fleet,
    "policy": read_one_policy,
    "plan": read_one_plan,
    "assessment": read_assessment,
}
