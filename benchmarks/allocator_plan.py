"""The weekly plan and its re-plan on the real city: time, proof, bytes, price of stability."""

from __future__ import annotations

import json
import resource
import statistics
import time
from datetime import date
from pathlib import Path

from allocator.plan import PatrolPlan, document
from allocator.replan import CurvePoint, ReplanRequest, price_of_stability, replan
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import sample_fleet
from hotspots.assessment import RiskAssessment
from hotspots.boundaries.study_area import load_bundled
from hotspots.feeds.reader import read_feed
from hotspots.pipeline import assess_week
from hotspots.sources import load_default_policy

COUNTS = (
    Path(__file__).resolve().parents[2]
    / "shared/data/crime/mps_gun_knife_ward_monthly_2021-08_2023-07.parquet"
)
RUNS = 20
LIMITS = (0, 1, 2, 4, 8, 16)


def run() -> str:
    """Return the figures of the plan, the loss of every unit, and the curve."""
    if not COUNTS.is_file():
        return "allocator_plan: the public test data (../shared/data) is not beside this checkout"
    assessment = london()
    fleet = read_fleet(sample_fleet())
    times, texts = [], set()
    for _ in range(RUNS):
        start = time.perf_counter()
        plan = plan_week(assessment, fleet)
        times.append(time.perf_counter() - start)
        texts.add(json.dumps(document(plan)))
    lines = [
        f"weekly plan: {plan.status}, coverage {plan.objective:.4f}, gap {plan.gap:.4%}, first "
        f"{times[0]:.1f} s, median {statistics.median(times):.1f} s, worst {max(times):.1f} s "
        f"(target 15 s); {RUNS} runs gave {len(texts)} different plan.json (target 1)",
        _losses(assessment, plan),
        _curve(assessment, plan),
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB "
        "(target 1.5 GB)",
    ]
    return "\n".join(lines)


def london() -> RiskAssessment:
    """Return the assessment of August 2023 from the public ward counts."""
    area = load_bundled()
    reading = read_feed(COUNTS, area)
    policy = load_default_policy()
    return assess_week([reading], area, as_of=date(2023, 8, 1), policy=policy).assessment


def _losses(assessment: RiskAssessment, plan: PatrolPlan) -> str:
    """Lose the first unit of every command, and say what few changes keep."""
    rows = ["| lost | s (target 8) | changes | share of from scratch | its changes |"]
    rows.append("|---|---|---|---|---|")
    fleet = read_fleet(sample_fleet())
    first = {unit.provenance: unit.unit_id for unit in reversed(fleet.units)}
    for unit_id in sorted(first.values()):
        start = time.perf_counter()
        result = replan(assessment, fleet, ReplanRequest(plan, lost=(unit_id,)))
        spent_s = time.perf_counter() - start
        changed = sum(bool(change.after) for change in result.changes)
        share = result.plan.objective / result.from_scratch.objective
        rows.append(
            f"| {unit_id} | {spent_s:.1f} | {changed} | {share:.2%} | "
            f"{result.from_scratch_changes} |"
        )
    return "\n".join(rows)


def _curve(assessment: RiskAssessment, plan: PatrolPlan) -> str:
    fleet = read_fleet(sample_fleet())
    lost = fleet.units[0].unit_id
    start = time.perf_counter()
    points = price_of_stability(assessment, fleet, ReplanRequest(plan, lost=(lost,)), limits=LIMITS)
    spent_s = time.perf_counter() - start
    rows = [f"price of stability after losing {lost}, {spent_s:.1f} s (target 60 s)"]
    rows += ["| at most | coverage | changed | status |", "|---|---|---|---|"]
    return "\n".join([*rows, *(_row(point) for point in points)])


def _row(point: CurvePoint) -> str:
    coverage = "" if point.objective is None else f"{point.objective:.4f}"
    note = ", workload bounds relaxed" if point.workload_bounds_relaxed else ""
    changed = "" if point.changed is None else point.changed
    return f"| {point.max_changes} | {coverage} | {changed} | {point.status}{note} |"
