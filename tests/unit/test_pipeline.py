"""One week through the public door, on a small town whose every number is known."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from hotspots.assessment import AreaScore, document
from hotspots.boundaries.study_area import locate_wards
from hotspots.errors import AssessmentRefusedError
from hotspots.incidents import FeedReading
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import load_default_policy
from tests.unit.small_town import (
    AS_OF,
    borough,
    centre,
    month_count,
    reading,
    record,
    scattered,
    town,
    ward,
)

NUMBERS = [40, 2, 3, 1, 0, 4, 2, 5, 3, 1, 0, 2, 1, 3, 0, 2, 1, 2]
POLICY = load_default_policy()


def assess(*readings: FeedReading, as_of: date = AS_OF, seed: int = 1) -> AssessedWeek:
    return assess_week(readings, town(), as_of=as_of, policy=POLICY, seed=seed)


def score(week: AssessedWeek, code: str) -> AreaScore:
    both = (*week.assessment.wards, *week.assessment.boroughs)
    return next(one for one in both if one.code == code)


def means(week: AssessedWeek) -> np.ndarray:
    return np.array([one.expected_per_week for one in week.assessment.wards])


@pytest.fixture(scope="module")
def plain() -> AssessedWeek:
    return assess(reading(scattered(NUMBERS)))


def test_the_picture_has_the_right_places_order_and_level(plain: AssessedWeek) -> None:
    wards = plain.assessment.wards
    assert [one.code for one in wards] == [ward(i) for i in range(18)]
    assert [one.code for one in plain.assessment.boroughs] == [borough(0), borough(1)]
    assert wards[0].rank == 1
    assert wards[0].tier == "highest"
    per_week = sum(NUMBERS) / (731 / 7)
    assert means(plain).sum() == pytest.approx(per_week, rel=0.1)
    assert plain.assessment.draws.shape == (4000, 18)
    assert plain.assessment.draws.dtype == np.float32


def test_every_score_is_the_sum_of_its_contributions(plain: AssessedWeek) -> None:
    for one in (*plain.assessment.wards, *plain.assessment.boroughs):
        total = sum(part.expected_per_week for part in one.contributions)
        assert total == pytest.approx(one.expected_per_week, abs=1e-9)
        assert one.lower_90 <= one.expected_per_week <= one.upper_90


def test_draws_agree_with_the_published_means_and_intervals(plain: AssessedWeek) -> None:
    draws = plain.assessment.draws.astype(float)
    standard_error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - means(plain)) < 4.5 * standard_error).all()
    of_borough = draws[:, :9].sum(axis=1)
    published = plain.assessment.boroughs[0]
    assert np.quantile(of_borough, 0.95) == pytest.approx(published.upper_90, rel=1e-5)


def test_the_cells_of_a_ward_sum_to_its_mean(plain: AssessedWeek) -> None:
    cells = plain.cells
    owner = locate_wards(town(), cells["x_m"].to_numpy(), cells["y_m"].to_numpy())
    sums = cells["expected_per_week"].groupby(owner).sum()
    assert ward(18) not in sums.index  # the unpoliced ward is not scored
    np.testing.assert_allclose(sums.to_numpy(), means(plain), rtol=1e-9)
    assert (cells["expected_per_week"] > 0).all()
    x, y = centre(0)
    near = (cells["x_m"] - x).abs().le(250) & (cells["y_m"] - y).abs().le(250)
    in_ward = pd.Series(owner == ward(0), index=cells.index)
    inside = cells.loc[in_ward & near, "expected_per_week"].mean()
    assert inside > 2 * cells.loc[in_ward & ~near, "expected_per_week"].mean()


def test_the_same_input_in_any_order_gives_the_same_document(plain: AssessedWeek) -> None:
    rows = scattered(NUMBERS)
    first, second = reading(rows[:30], file="a.csv"), reading(rows[30:], file="b.csv")
    forward, backward = assess(first, second), assess(second, first)
    assert document(forward.assessment) == document(backward.assessment)
    assert forward.assessment.draws.tobytes() == backward.assessment.draws.tobytes()
    assert document(assess(first, second, seed=2).assessment) != document(forward.assessment)
    np.testing.assert_allclose(means(forward), means(plain), rtol=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "discovered"},
        {"source": "blunt_2", "category": "weapon_recovered", "basis": "discovered"},
        {"source": "blunt_2", "category": "firearm_threat"},
        {"category": "possession_firearm"},
        {"source": "arv_activity", "category": "patrol_activity"},
        {"source": "scd8", "category": "firearm_discharged"},
        {"information_grade": "E"},
        {"source": "crimint", "category": "intelligence_firearm", "information_grade": "E"},
        {"occurred_from": pd.Timestamp("2026-01-01 00:00", tz="UTC")},
        {"occurred_from": pd.Timestamp("2026-03-01 00:00", tz="UTC")},
        {"known_from": pd.Timestamp("2026-01-01 00:00", tz="UTC")},
    ],
)
def test_a_hundred_such_records_change_no_score(
    plain: AssessedWeek, changes: dict[str, object]
) -> None:
    planted = [record(10_000 + k, 5, **changes) for k in range(100)]
    week = assess(reading(scattered(NUMBERS)), reading(planted, file="planted.csv"))
    assert week.assessment.wards == plain.assessment.wards
    assert week.assessment.draws.tobytes() == plain.assessment.draws.tobytes()
    pd.testing.assert_frame_equal(week.cells, plain.cells)


def test_corrections_count_from_the_day_they_were_known() -> None:
    rows = scattered(NUMBERS)
    in_ward_0 = [row for row in rows if (row["x_m"], row["y_m"]) == centre(0)]
    known = pd.Timestamp("2025-12-20 09:00", tz="UTC")
    moved = [
        record(
            20_000 + k,
            17,
            occurred_from=row["occurred_from"],
            known_from=known,
            corrects=row["record_id"],
            correction="moved",
        )
        for k, row in enumerate(in_ward_0[:20])
    ]
    withdrawn = [
        row
        | {
            "record_id": f"W{k}",
            "corrects": row["record_id"],
            "correction": "withdrawn",
            "known_from": known,
        }
        for k, row in enumerate(in_ward_0[20:30])
    ]
    feeds = reading([*rows, *moved, *withdrawn])
    after = assess(feeds)
    same = list(NUMBERS)
    gone = {str(row["record_id"]) for row in in_ward_0[:30]}
    kept = [row for row in rows if row["record_id"] not in gone]
    expected = assess(reading([*kept, *moved_without_links(moved)]))
    np.testing.assert_allclose(means(after), means(expected), rtol=1e-9)
    before = assess(feeds, as_of=date(2025, 12, 20))
    without = assess(reading(scattered(same)), as_of=date(2025, 12, 20))
    np.testing.assert_allclose(means(before), means(without), rtol=1e-9)


def moved_without_links(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [row | {"corrects": None, "correction": None} for row in rows]


def test_a_record_in_two_feeds_counts_once(plain: AssessedWeek) -> None:
    rows = scattered(NUMBERS)
    twice = assess(reading(rows), reading(rows[:40], file="again.csv"))
    np.testing.assert_allclose(means(twice), means(plain), rtol=1e-9)


def test_published_ward_counts_are_not_added_to_the_records_behind_them() -> None:
    months = pd.date_range("2024-01-01", "2025-12-01", freq="MS").strftime("%Y-%m-%d")
    counts = [month_count(ward(i), month, i % 3) for i in range(18) for month in months]
    only = assess(reading(counts=counts, file="counts.csv"))
    both = assess(reading(counts=counts, file="counts.csv"), reading(scattered(NUMBERS)))
    np.testing.assert_allclose(means(both), means(only), rtol=1e-9)
    assert any("already in published totals" in line for line in both.assessment.data_gaps)
    subset = [row | {"category": "lethal_barrel_discharge"} for row in counts]
    with_subset = assess(reading(counts=[*counts, *subset], file="counts.csv"))
    np.testing.assert_allclose(means(with_subset), means(only), rtol=1e-12)


def test_areas_outside_a_feeds_coverage_are_unknown_not_zero() -> None:
    covered = frozenset({borough(0)})
    rows = scattered(NUMBERS[:9])
    week = assess(reading(rows, areas=covered))
    inside, outside = score(week, ward(1)), score(week, ward(12))
    assert (inside.coverage, outside.coverage) == ("known", "unknown")
    assert outside.tier == "no data"
    assert score(week, borough(1)).coverage == "unknown"
    assert outside.expected_per_week > inside.expected_per_week
    width = (outside.upper_90 - outside.lower_90) / outside.expected_per_week
    assert width > 1.5
    stray = assess(reading([*rows, record(9_999, 12)], areas=covered))
    np.testing.assert_allclose(means(stray), means(week), rtol=1e-12)


def test_borough_totals_set_the_borough_and_leave_its_wards_open() -> None:
    months = pd.date_range("2024-01-01", "2025-12-01", freq="MS").strftime("%Y-%m-%d")
    counts = [month_count(borough(i), month, 9 - 6 * i) for i in range(2) for month in months]
    week = assess(reading(counts=counts))
    for i in range(2):
        one = score(week, borough(i))
        assert one.coverage == "known"
        assert one.expected_per_week == pytest.approx((9 - 6 * i) * 24 / (731 / 7), rel=0.1)
        long_run = week.demand.posterior.draws[:, 9 * i : 9 * i + 9].sum(axis=1, dtype=float)
        low, high = np.quantile(long_run, [0.05, 0.95])
        assert (high - low) / one.expected_per_week < 0.5
        assert one.lower_90 < low < high < one.upper_90
    wards = week.assessment.wards
    assert {one.coverage for one in wards} == {"partial"}
    assert {one.tier for one in wards} <= {"not distinguishable", "lower"}
    assert (wards[0].upper_90 - wards[0].lower_90) / wards[0].expected_per_week > 1.0


def test_stale_evidence_is_shown_and_not_used(plain: AssessedWeek) -> None:
    old = [
        record(30_000 + k, 4, occurred_from=pd.Timestamp("2015-03-01", tz="UTC"))
        | {"source": "police_uk_street", "category": "robbery"}
        for k in range(500)
    ]
    stale = reading(old, file="old.csv", first_day=date(2015, 3, 1), last_day=date(2015, 3, 31))
    week = assess(reading(scattered(NUMBERS)), stale)
    np.testing.assert_allclose(means(week), means(plain), rtol=1e-12)
    line = next(one for one in week.assessment.evidence if one.source == "police_uk_street")
    assert (line.accepted, line.used, line.stale_shown_only) == (500, 0, 500)
    assert line.effective_weight == 0
    assert any("shown as stale" in text for text in week.assessment.data_gaps)
    with pytest.raises(AssessmentRefusedError, match=r"ends on 31/03/2015"):
        assess(stale)


def test_intelligence_raises_a_ward_but_never_beyond_the_cap() -> None:
    base = reading(scattered([0] * 18 + [0]) + scattered([1] * 18))
    without = assess(base)
    raises = []
    for number in (1, 10, 1000):
        reports = [
            record(
                40_000 + k,
                7,
                source="crimint",
                category="intelligence_firearm",
                occurred_from=pd.Timestamp("2025-12-30", tz="UTC"),
                source_grade="1",
                information_grade="A",
            )
            for k in range(number)
        ]
        week = assess(base, reading(reports, file="crimint.csv"))
        raises.append(score(week, ward(7)).expected_per_week)
    alone = score(without, ward(7)).expected_per_week
    assert alone < raises[0] < raises[1] < raises[2] <= alone * (1 + POLICY.prior_cap) * 1.001


def test_a_poorer_grade_weighs_less() -> None:
    scores = []
    for grade in ("A", "B", "C", "D"):
        rows = [
            row | ({"information_grade": grade} if row["x_m"] == centre(0)[0] else {})
            for row in scattered(NUMBERS)
        ]
        scores.append(score(assess(reading(rows)), ward(0)).expected_per_week)
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


def test_a_record_of_a_borough_only_is_shared_by_its_wards() -> None:
    rows = scattered([1] * 18)
    wide = assess(reading([*rows, *(record(5_000 + k, borough(0)) for k in range(9))]))
    even = assess(reading([*rows, *(record(5_000 + k, k) for k in range(9))]))
    np.testing.assert_allclose(means(wide), means(even), rtol=1e-9)


def test_refusals_name_the_remedy() -> None:
    with pytest.raises(AssessmentRefusedError, match="no feed"):
        assess()
    with pytest.raises(AssessmentRefusedError, match="on or after the as-of day"):
        assess(reading(scattered(NUMBERS)), as_of=date(2020, 1, 1))
    only_found = [row | {"basis": "discovered"} for row in scattered(NUMBERS)]
    found = [row | {"source": "blunt_2", "category": "weapon_recovered"} for row in only_found]
    with pytest.raises(AssessmentRefusedError, match="no usable evidence"):
        assess(reading(found))
    nowhere = reading(scattered(NUMBERS), areas=frozenset({"E05999999"}))
    with pytest.raises(AssessmentRefusedError, match="no usable evidence"):
        assess(nowhere)


def test_the_synthetic_notice_travels() -> None:
    rows = [row | {"notice": "SYNTHETIC"} for row in scattered(NUMBERS)]
    assert assess(reading(rows)).assessment.notice == "SYNTHETIC"


def test_arguments_are_not_changed() -> None:
    feed = reading(scattered(NUMBERS))
    before = feed.records.copy(deep=True)
    assess(feed)
    pd.testing.assert_frame_equal(feed.records, before)
