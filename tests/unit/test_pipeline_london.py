"""Two real weeks of public data, as the meeting would run them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.pipeline import AssessedWeek, assess_week
from hotspots.sources import load_default_policy

UNCOVERED = {
    "Bexley", "Croydon", "Hackney", "Kensington and Chelsea", "Redbridge", "Southwark",
    "Tower Hamlets",
}  # fmt: skip


def assess(shared_data: Path, files: list[str], as_of: date) -> AssessedWeek:
    area = load_bundled()
    readings = [read_feed(shared_data / "crime" / name, area) for name in files]
    return assess_week(readings, area, as_of=as_of, policy=load_default_policy())


@pytest.fixture(scope="module")
def week_2023(shared_data: Path) -> AssessedWeek:
    files = [
        "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet",
        "2017-06-metropolitan-street.csv.gz",
    ]
    return assess(shared_data, files, date(2023, 8, 1))


def test_the_week_of_august_2023_rests_on_the_gun_crime_counts(week_2023: AssessedWeek) -> None:
    assessment = week_2023.assessment
    assert (len(assessment.wards), len(assessment.boroughs)) == (679, 32)
    assert {one.coverage for one in assessment.wards} == {"known"}
    total = sum(one.expected_per_week for one in assessment.boroughs)
    assert total == pytest.approx(2_805 / (730 / 7), rel=0.03)  # 2,906 less 101 without a ward
    assert week_2023.cells["expected_per_week"].sum() == pytest.approx(total, rel=1e-9)
    street = next(one for one in assessment.evidence if one.source == "police_uk_street")
    assert (street.used, street.effective_weight) == (0, 0)
    assert street.stale_shown_only > 14_000
    counts = next(one for one in assessment.evidence if one.source == "mps_dashboard_counts")
    assert counts.used == 2_805
    top = {one.name for one in assessment.boroughs if one.tier == "highest"}
    assert top == {"Lambeth", "Haringey"}
    tiers = [one.tier for one in assessment.wards]
    assert tiers.count("not distinguishable") > 300  # sparse data: most wards are not


def test_no_output_is_nan_and_sums_hold(week_2023: AssessedWeek) -> None:
    assert np.isfinite(week_2023.cells.to_numpy()).all()
    assert np.isfinite(week_2023.assessment.draws).all()
    for one in (*week_2023.assessment.wards, *week_2023.assessment.boroughs):
        total = sum(part.expected_per_week for part in one.contributions)
        assert total == pytest.approx(one.expected_per_week, abs=1e-9)


def test_the_week_of_july_2017_says_what_it_does_not_know(shared_data: Path) -> None:
    week = assess(shared_data, ["2017-06-metropolitan-street.csv.gz"], date(2017, 7, 1))
    boroughs = week.assessment.boroughs
    assert {one.name for one in boroughs if one.coverage == "unknown"} == UNCOVERED
    for one in boroughs:
        if one.name in UNCOVERED:
            assert one.tier == "no data"
            assert one.expected_per_week > 0.3  # unknown is never zero
            assert (one.upper_90 - one.lower_90) / one.expected_per_week > 1.0
    total = sum(one.expected_per_week for one in boroughs)
    assert 15 < total < 40  # the level of the years that are published is 28
    assert any("Hackney" in line for line in week.assessment.data_gaps)
