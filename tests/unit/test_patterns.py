"""Patterns through the public door: in the document, in the reasons, and silent when they must."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from hotspots.assessment import RiskAssessment, document, from_document
from hotspots.errors import AssessmentRefusedError
from hotspots.incidents import FeedReading
from hotspots.patterns import emerging_in_words
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy
from tests.unit.small_town import AS_OF, centre, month_count, reading, record, town, ward

Rows = list[dict[str, object]]


def shooting(number: int, place: int, days_ago: int, *, dx_m: float = 0, dy_m: float = 0) -> dict:
    x, y = centre(place)
    noon = pd.Timestamp(AS_OF - timedelta(days=days_ago), tz="UTC") + pd.Timedelta(hours=12)
    return record(number, place, occurred_from=noon, x_m=x + dx_m, y_m=y + dy_m)


def scattered_evenly(number: int = 220) -> Rows:
    random = np.random.default_rng(12)
    rows = []
    for k in range(number):
        dx, dy = random.uniform(-500, 500, 2)
        place, ago = int(random.integers(18)), int(random.integers(1, 700))
        rows.append(shooting(k, place, ago, dx_m=dx, dy_m=dy))
    return rows


def planted(place: int, days: list[int], first: int = 5_000) -> Rows:
    return [
        shooting(first + k, place, ago, dx_m=20.0 * (k % 5), dy_m=15.0 * (k % 7))
        for k, ago in enumerate(days)
    ]


def assess(*readings: FeedReading, as_of: date = AS_OF) -> RiskAssessment:
    policy = load_default_policy()
    return assess_week(readings, town(), as_of=as_of, policy=policy, seed=1).assessment


@pytest.fixture(scope="module")
def week() -> RiskAssessment:
    old = planted(4, list(range(30, 630, 20)))
    fresh = planted(16, [1, 2, 2, 3, 4, 5, 5, 6], first=6_000)
    return assess(reading([*scattered_evenly(), *old, *fresh]))


def test_a_lasting_hot_spot_is_named_and_is_a_reason(week: RiskAssessment) -> None:
    spot = next(one for one in week.clusters if ward(4) in one.ward_codes)
    assert spot.name.startswith("Ward 4")
    assert spot.n_records >= 30
    assert spot.n_last_28_days <= 3
    mine = next(one for one in week.wards if one.code == ward(4))
    assert any(f"hot spot {spot.hot_spot_id}, {spot.name}" in line for line in mine.reasons)
    other = next(one for one in week.wards if one.code == ward(0))
    assert not any("hot spot" in line for line in other.reasons)


def test_what_emerges_is_told_from_what_lasts(week: RiskAssessment) -> None:
    cluster = week.emerging[0]
    assert ward(16) in cluster.ward_codes
    assert ward(4) not in {code for one in week.emerging for code in one.ward_codes}
    assert cluster.window_days == 7
    assert (cluster.first_day, cluster.last_day) == (date(2025, 12, 25), date(2025, 12, 31))
    assert cluster.observed >= 8
    assert cluster.recurrence_days == pytest.approx(7 / cluster.p_value, rel=1e-6)
    words = emerging_in_words(cluster)
    assert "in 7 days to 31/12/2025" in words
    assert "years" in words
    mine = next(one for one in week.wards if one.code == ward(16))
    assert any(words in line for line in mine.reasons)


def test_neighbourhoods_count_the_ward_and_those_next_to_it(week: RiskAssessment) -> None:
    tests = {one.ward_code: one for one in week.neighbourhoods}
    assert set(tests) == {ward(i) for i in range(18)}
    total = sum(one.expected for one in tests.values())
    assert 0.8 < sum(one.observed for one in tests.values()) / total < 1.3
    assert tests[ward(4)].p_value < 0.2
    assert tests[ward(4)].observed > tests[ward(9)].observed


def test_the_document_keeps_every_pattern_and_its_identity_covers_them(
    week: RiskAssessment,
) -> None:
    whole = json.loads(json.dumps(document(week), allow_nan=False))
    back = from_document(whole, week.draws)
    assert back.clusters == week.clusters
    assert back.neighbourhoods == week.neighbourhoods
    assert back.emerging == week.emerging
    for name in ("clusters", "neighbourhoods", "emerging"):
        less = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(AssessmentRefusedError, match="assessment_id"):
            from_document(less, week.draws)


def test_a_document_from_before_patterns_existed_is_read(week: RiskAssessment) -> None:
    older = assess(reading(counts=[month_count("E09000002", "2025-06-01", 9)]))
    whole = document(older)
    assert not {"clusters", "neighbourhoods", "emerging"} & set(whole)
    assert from_document(whole, older.draws).clusters == ()


def test_a_hot_spot_in_a_ward_that_is_not_there_is_refused(week: RiskAssessment) -> None:
    for change in (
        {"ward_codes": ["E05999999"]},
        {"polygon": [[[1.0, 2.0], [1.0, 3.0], [2.0, 2.0]]]},
        {"polygon": [[[1.0], [1.0], [1.0], [1.0]]]},
    ):
        whole = json.loads(json.dumps(document(week)))
        whole["clusters"][0] |= change
        with pytest.raises(AssessmentRefusedError, match="clusters"):
            from_document(whole, week.draws)


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "discovered"},
        {"category": "possession_firearm"},
        {"source": "blunt_2", "category": "weapon_recovered", "basis": "discovered"},
        {"source": "daris_320", "category": "call_firearm"},
        {"source": "crimint", "category": "intelligence_firearm"},
        {"source": "police_uk_street", "category": "robbery"},
        {"known_from": pd.Timestamp("2026-02-01", tz="UTC")},
    ],
)
def test_only_reported_incidents_known_by_then_make_a_pattern(changes: dict[str, object]) -> None:
    feed = reading(scattered_evenly())
    plain = assess(feed)
    extra = planted(16, [1, 2, 2, 3, 4, 5, 5, 6, *range(30, 600, 20)])
    other = assess(feed, reading([row | changes for row in extra], file="other.csv"))
    assert other.clusters == plain.clusters
    assert other.emerging == plain.emerging
    assert other.neighbourhoods == plain.neighbourhoods


def test_a_feed_that_has_just_begun_is_no_emerging_cluster() -> None:
    long = reading(scattered_evenly())
    rows = planted(16, [1, 2, 2, 3, 4, 5, 5, 6])
    new = [row | {"source": "reported_shooting"} for row in rows]
    began = reading(new, file="new.csv", first_day=AS_OF - timedelta(days=30))
    only_there = frozenset({ward(16)})
    elsewhere = reading(new, file="new.csv", areas=only_there, first_day=date(2025, 12, 1))
    for feed in (began, elsewhere):
        assert assess(long, feed).emerging == ()


def test_a_feed_that_ended_a_fortnight_ago_is_not_scanned() -> None:
    rows = [
        row
        for row in scattered_evenly()
        if row["occurred_from"] < pd.Timestamp("2025-12-15", tz="UTC")
    ]
    rows += planted(16, [20, 21, 22, 23, 24, 25, 26, 27])
    assert assess(reading(rows, last_day=date(2025, 12, 15))).emerging == ()
    delayed = assess(reading([*scattered_evenly(), *planted(16, [3, 4, 5, 6, 7, 8, 9, 9])]))
    assert delayed.emerging


def test_areas_without_a_feed_are_not_tested() -> None:
    half = frozenset({ward(i) for i in range(9)})
    rows = [row for row in scattered_evenly() if float(str(row["y_m"])) < 153_000]
    week = assess(reading(rows, areas=half))
    assert {one.ward_code for one in week.neighbourhoods} == half


def test_records_behind_published_totals_still_show_where() -> None:
    months = pd.date_range("2024-01-01", "2025-12-01", freq="MS").strftime("%Y-%m-%d")
    counts = [month_count(ward(i), month, 1) for i in range(18) for month in months]
    rows = [*scattered_evenly(), *planted(4, list(range(30, 630, 20)))]
    week = assess(reading(counts=counts, file="counts.csv"), reading(rows))
    assert any(ward(4) in one.ward_codes for one in week.clusters)
