"""The verdict on London's real week of August 2023: the targets the plan is held to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from allocator.settings import PlanSettings
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.verdict import Verdict, judge
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import sample_fleet
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy

FLOOR = 0.25  # of the coverage of every borough


@pytest.fixture(scope="module")
def verdicts(shared_data: Path) -> dict[str, Verdict]:
    """The plan of the week beside the one of a month before, under two loads."""
    area, fleet, policy = load_bundled(), read_fleet(sample_fleet()), load_default_policy()
    reading = read_feed(
        shared_data / "crime" / "mps_gun_knife_ward_monthly_2021-08_2023-07.parquet", area
    )
    before, now = (
        assess_week([reading], area, as_of=day, policy=policy).assessment
        for day in (date(2023, 7, 1), date(2023, 8, 1))
    )
    last = plan_week(before, fleet)
    plan = plan_week(now, fleet, settings=PlanSettings(coverage_floor=FLOOR))
    very_busy = SimulationAssumptions(service_time_s=7_200.0)
    return {
        "busy": judge(plan, now, fleet, previous=last),
        "very busy": judge(plan, now, fleet, previous=last, assumptions=very_busy),
    }


def test_the_plan_is_better_than_placement_by_demand_and_by_nearest_centre(
    verdicts: dict[str, Verdict],
) -> None:
    rivals = {rival.name: rival for rival in verdicts["busy"].rivals}
    for name in ("proportional", "nearest_centre"):
        lower = rivals[name].advantage.lower_95
        assert lower is not None
        assert lower > 0
    assert rivals["previous"].finding != "worse"


def test_every_borough_is_above_its_floor(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["busy"].floor == FLOOR
    assert verdicts["busy"].below_floor == ()


def test_no_borough_is_left_as_placement_by_demand_leaves_it(
    verdicts: dict[str, Verdict],
) -> None:
    for verdict in verdicts.values():
        rivals = {rival.name: rival for rival in verdict.rivals}
        assert verdict.proposed is not None
        worst = verdict.proposed.worst_borough.share_within
        left = rivals["proportional"].worst_borough.share_within
        assert worst is not None
        assert left is not None
        assert worst.lower_95 is not None
        assert left.upper_95 is not None
        assert worst.lower_95 > 0.2
        assert left.upper_95 < 0.1


def test_with_vehicles_twice_as_long_at_calls_the_plan_is_not_worse_than_the_areas_before(
    verdicts: dict[str, Verdict],
) -> None:
    got = verdicts["very busy"]
    assert got.proposed is not None
    assert got.proposed.fleet_utilisation.value == pytest.approx(0.3, abs=0.02)
    rivals = {rival.name: rival for rival in got.rivals}
    assert rivals["nearest_centre"].finding == "better"
    assert rivals["previous"].finding != "worse"
