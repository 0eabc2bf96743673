"""The sensitivity panel: each what-if changes what it says, and only that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hotspots.errors import AssessmentRefusedError
from hotspots.pipeline import assess_week
from hotspots.sensitivity import SensitivityRow, panel_table, sensitivity_panel
from hotspots.sensitivity_changes import (
    Change,
    Inputs,
    default_changes,
    merge_pairs,
    under_report,
    with_grades,
)
from hotspots.sources import load_default_policy
from tests.unit.small_town import (
    AS_OF,
    borough,
    month_count,
    reading,
    record,
    scattered,
    town,
    ward,
)

POLICY = load_default_policy()
NUMBERS = [40, 2, 3, 1, 0, 4, 2, 5, 3, 1, 0, 2, 1, 3, 0, 2, 30, 2]
NOTHING = Change("none", "nothing", lambda inputs, _: inputs)


def inputs() -> Inputs:
    graded = [
        record(9_000 + k, k, source="crimint", category="intelligence_firearm",
               source_grade="2", information_grade="C",
               occurred_from=pd.Timestamp("2025-12-20", tz="UTC"))
        for k in range(6)
    ]  # fmt: skip
    return Inputs((reading(scattered(NUMBERS)), reading(graded, file="b.csv")), town(), POLICY)


def panel(*changes: Change, seed: int = 1) -> tuple[SensitivityRow, ...]:
    given = inputs()
    return sensitivity_panel(
        given.readings, given.study_area, as_of=AS_OF, policy=POLICY, seed=seed, changes=changes
    )


@pytest.fixture(scope="module")
def whole() -> tuple[SensitivityRow, ...]:
    return panel(NOTHING, *default_changes())


def test_changing_nothing_moves_nothing(whole: tuple[SensitivityRow, ...]) -> None:
    row = whole[0]
    assert row.ward_rank_correlation == pytest.approx(1.0)
    assert row.borough_rank_correlation == pytest.approx(1.0)
    assert (row.top_wards_kept, row.top_cells_kept) == (1.0, 1.0)
    assert (row.tiers_changed, row.tiers_compared) == (0, 18)
    assert row.moved_from == row.moved_to


def test_the_panel_covers_every_kind_and_stays_finite(whole: tuple[SensitivityRow, ...]) -> None:
    kinds = {row.group for row in whole[1:]}
    assert kinds == {
        "under-reporting", "grade policy", "memory", "intelligence", "bandwidth", "boundaries",
    }  # fmt: skip
    for row in whole:
        assert -1 <= row.ward_rank_correlation <= 1
        assert -1 <= row.borough_rank_correlation <= 1
        assert 0 <= row.top_wards_kept <= 1
        assert 0 <= row.top_cells_kept <= 1
    bandwidth = [row for row in whole if row.group == "bandwidth"]
    assert {row.ward_rank_correlation for row in bandwidth} == {1.0}
    assert {row.tiers_changed for row in bandwidth} == {0}
    assert min(row.top_cells_kept for row in bandwidth) < 1


def test_the_same_seed_gives_the_same_panel() -> None:
    few = (default_changes()[0], default_changes()[10])
    assert panel(*few) == panel(*few)


def test_the_table_reads_like_one(whole: tuple[SensitivityRow, ...]) -> None:
    table = panel_table(whole)
    assert len(table) == len(whole)
    assert table["Kind"].tolist()[0] == "none"
    assert table.loc[0, "Ward tiers changed"] == "0 of 18"
    assert table.loc[0, "Borough that moves most"] == "none moves"
    assert (table.loc[table["Kind"] == "boundaries", "Ward tiers changed"] == "not compared").all()


def test_under_reporting_thins_reported_incidents_only_and_only_there() -> None:
    months = ["2025-01-01", "2025-02-01"]
    counts = [month_count(ward(i), month, 50) for i in range(18) for month in months]
    given = replace(
        inputs(), readings=(*inputs().readings, reading(counts=counts, file="counts.csv"))
    )
    thinned = under_report(given, np.random.default_rng(1), share=0.4, boroughs=0.5)
    kept = thinned.readings[2].counts.groupby("area_code")["count"].sum()
    first, second = kept[[ward(i) for i in range(9)]], kept[[ward(i) for i in range(9, 18)]]
    less, same = (first, second) if first.sum() < second.sum() else (second, first)
    assert (same == 100).all()
    assert less.sum() == pytest.approx(900 * 0.6, abs=75)
    assert len(thinned.readings[1].records) == 6  # intelligence is not a report of an incident
    assert len(thinned.readings[0].records) < len(given.readings[0].records)
    everywhere = under_report(given, np.random.default_rng(1), share=1.0, boroughs=1.0)
    assert len(everywhere.readings[0].records) == 0


def test_grades_are_replaced_and_suspected_false_stays_nothing() -> None:
    changed = with_grades(inputs(), (1.0, 0.5, 0.2), (0.9, 0.8, 0.7, 0.6)).policy
    assert [changed.source_grades[one] for one in "123"] == [1.0, 0.5, 0.2]
    assert [changed.information_grades[one] for one in "ABCDE"] == [0.9, 0.8, 0.7, 0.6, 0.0]
    assert changed.source_grades["ungraded"] == POLICY.source_grades["ungraded"]


def test_merged_wards_keep_every_event_area_and_count() -> None:
    counts = [month_count(ward(i), "2025-01-01", i + 1) for i in range(18)]
    counts.append(month_count(borough(0), "2025-01-01", 99))
    given = Inputs((reading(counts=counts, file="c.csv"),), town(), POLICY)
    merged = merge_pairs(given, np.random.default_rng(4))
    wards = merged.study_area.wards
    assert 10 <= len(wards) < 19
    assert wards.geometry.area.sum() == pytest.approx(town().wards.geometry.area.sum())
    assert wards.geometry.is_valid.all()
    assert wards["ward_code"].is_monotonic_increasing
    after = merged.readings[0].counts
    assert after["count"].sum() == sum(range(1, 19)) + 99
    assert not after.duplicated(["area_code", "month", "category"]).any()
    assert set(merged.study_area.ward_links["code_a"]) <= set(wards["ward_code"])
    whole = merged.zone_of_ward
    pairs = pd.Series(whole).value_counts()
    assert pairs.max() == 2
    of_borough = dict(zip(town().wards["ward_code"], town().wards["borough_code"], strict=True))
    assert all(of_borough[one] == of_borough[zone] for one, zone in whole.items())


def test_a_zone_is_covered_only_when_both_its_wards_are() -> None:
    covered = frozenset({ward(0), ward(1), ward(4), ward(9), borough(1)})
    given = Inputs((reading(scattered(NUMBERS), areas=covered),), town(), POLICY)
    merged = merge_pairs(given, np.random.default_rng(4))
    areas = merged.readings[0].coverage.areas
    assert areas is not None
    assert borough(1) in areas
    for code, zone in merged.zone_of_ward.items():
        if zone in areas:
            assert code in covered


def test_merging_leaves_the_boroughs_as_they_were() -> None:
    given = inputs()
    merged = merge_pairs(given, np.random.default_rng(2))
    before = assess_week(given.readings, given.study_area, as_of=AS_OF, policy=POLICY, seed=1)
    after = assess_week(merged.readings, merged.study_area, as_of=AS_OF, policy=POLICY, seed=1)
    for one, two in zip(before.assessment.boroughs, after.assessment.boroughs, strict=True):
        assert two.expected_per_week == pytest.approx(one.expected_per_week, rel=0.15)


def test_an_empty_panel_is_refused() -> None:
    with pytest.raises(AssessmentRefusedError, match="no change"):
        panel()
