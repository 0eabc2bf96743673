"""The loss of every unit in turn: how long the re-plan takes, and what one change can keep.

Beside the re-plan stand two exact answers for a single change: within the usual ladder of workload
bounds (the first point of the price-of-stability curve), and with no bound on workload at all. The
second is by enumeration: when one unit changes, it takes over the whole area that is left.
`ARV_LOSSES=ARV-01,SO6-1` limits the units.
"""

from __future__ import annotations

import os
import time

import numpy as np

from allocator import coverage
from allocator.patrol_areas import connected_parts, mask_of, members_of, membership
from allocator.plan import Fleet, PatrolPlan
from allocator.plan_world import build_world
from allocator.replan import ReplanRequest, price_of_stability, replan
from allocator.settings import PlanSettings
from allocator.travel_time import embedded_travel_time
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import sample_fleet
from benchmarks.allocator_plan import COUNTS, london
from hotspots.assessment import RiskAssessment

SELECTION = "ARV_LOSSES"


def run() -> str:
    """Return one row a lost unit."""
    if not COUNTS.is_file():
        return "allocator_losses: the public test data (../shared/data) is not beside this checkout"
    assessment, fleet = london(), read_fleet(sample_fleet())
    plan = plan_week(assessment, fleet)
    wanted = os.environ.get(SELECTION)
    units = wanted.split(",") if wanted else [unit.unit_id for unit in plan.units]
    rows = [
        "| lost | processor s (target 8) | changes | keeps | one change, usual bounds | "
        "one change, any workload | by | carries |",
        "|---|---|---|---|---|---|---|---|",
    ]
    reached = 0
    for unit_id in units:
        row, best = _row(assessment, fleet, plan, unit_id)
        reached += best >= 0.99
        rows.append(row)
    rows.append(f"one change can keep 99 % or more: {reached} of {len(units)} units")
    return "\n".join(rows)


def _row(
    assessment: RiskAssessment, fleet: Fleet, plan: PatrolPlan, unit_id: str
) -> tuple[str, float]:
    request = ReplanRequest(plan, lost=(unit_id,))
    start = time.process_time()
    result = replan(assessment, fleet, request)
    spent_s = time.process_time() - start
    scratch = result.from_scratch.objective
    (point,) = price_of_stability(assessment, fleet, request, limits=(1,))
    usual = "none" if point.objective is None else f"{point.objective / scratch:.2%}"
    ways = takeovers(assessment, fleet, plan, unit_id)
    best, taker, load = max(ways, default=(0.0, "nobody", 0.0))
    changes = sum(bool(change.after) for change in result.changes)
    return (
        f"| {unit_id} | {spent_s:.1f} | {changes} | {result.plan.objective / scratch:.2%} | "
        f"{usual} | {best / scratch:.2%} | {taker} | {load:.1f} x |",
        best / scratch,
    )


def takeovers(
    assessment: RiskAssessment, fleet: Fleet, plan: PatrolPlan, lost: str
) -> list[tuple[float, str, float]]:
    """Coverage, unit and load of every way in which one unit takes over the whole area."""
    left = Fleet(
        tuple(unit for unit in fleet.units if unit.unit_id != lost),
        fleet.service_standard_s,
        fleet.turnout_s,
    )
    settings, travel = PlanSettings(), embedded_travel_time(assessment)
    world = build_world(assessment, left, travel, settings)
    codes = world.borough_codes
    area = {unit.unit_id: mask_of(codes, unit.boroughs) for unit in plan.units}
    ways = []
    for unit in left.units:
        joined = area[unit.unit_id] | area[lost]
        eligible = mask_of(codes, unit.eligible_boroughs or codes)
        if joined & ~eligible or len(connected_parts(joined, world.neighbours)) > 1:
            continue
        masks = [joined if u.unit_id == unit.unit_id else area[u.unit_id] for u in left.units]
        reach = coverage.area_reach(
            world.reach_from_borough, world.borough_weight, membership(masks, len(codes))
        )
        on_road = np.array([[k.available[u.unit_id] for k in world.kinds] for u in left.units])
        busy = np.full(len(left.units), settings.busy_fraction)
        exposure = world.point_exposure(reach, on_road, busy)
        covered = coverage.expected_coverage(world.point_demand, exposure.sum(axis=1))
        load = float(world.borough_demand[list(members_of(joined))].sum()) * len(left.units)
        ways.append((covered, unit.unit_id, load))
    return ways
