"""Patterns on real public counts: neighbourhoods speak, points abstain where there are none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy


def assess(shared_data: Path, file: str, as_of: date) -> RiskAssessment:
    area = load_bundled()
    feed = read_feed(shared_data / "crime" / file, area)
    return assess_week([feed], area, as_of=as_of, policy=load_default_policy()).assessment


def test_two_years_of_ward_counts_show_raised_neighbourhoods(shared_data: Path) -> None:
    file = "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet"
    week = assess(shared_data, file, date(2023, 8, 1))
    assert len(week.neighbourhoods) == 679
    raised = {one.ward_code for one in week.neighbourhoods if one.significant}
    assert 10 <= len(raised) <= 70
    names = {one.code: one.name for one in week.boroughs}
    of_ward = {one.code: names[one.borough_code] for one in week.wards}
    assert {"Haringey", "Lambeth"} <= {of_ward[code] for code in raised}
    assert "Bexley" not in {of_ward[code] for code in raised}
    assert week.clusters == ()  # counts have no points
    assert week.emerging == ()  # nor days


def test_street_crime_is_a_proxy_and_makes_no_pattern(shared_data: Path) -> None:
    week = assess(shared_data, "2017-06-metropolitan-street.csv.gz", date(2017, 7, 1))
    assert (week.clusters, week.neighbourhoods, week.emerging) == ((), (), ())
