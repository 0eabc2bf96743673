"""A unit lost on Tuesday at 22:00: what the re-plan recovers, in simulation, for every unit.

All four answers (nothing lost, nothing done, re-planned, from scratch) meet the same calls.
``ARV_BENCH_UNITS`` names the units to lose, comma-separated, for a quicker run.
"""

from __future__ import annotations

import os
import time

from allocator.replan import ReplanRequest, replan
from allocator.replan_trial import try_replan
from allocator.travel_time import embedded_travel_time
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import sample_fleet
from benchmarks.response_times import sample_week

WEEKS = 400
SEED = 1
TARGET = 0.97


def run() -> str:
    """Return a row for every lost unit of the sample week."""
    assessment, fleet = sample_week(), read_fleet(sample_fleet())
    travel = embedded_travel_time(assessment)
    plan = plan_week(assessment, fleet, travel=travel)
    named = os.environ.get("ARV_BENCH_UNITS", "")
    lost = named.split(",") if named else [unit.unit_id for unit in plan.units]
    lines = [
        f"share of calls after Tuesday 22:00 within the standard, {WEEKS} simulated weeks",
        f"{'':8} {'all of London':^38}  {'area of the lost unit':^28}",
        f"{'lost':8} {'none lost':>9} {'not mended':>10} {'re-plan':>8} {'scratch':>8}  "
        f"{'none lost':>9} {'not mended':>10} {'re-plan':>8} "
        f"{'recovered (95 % interval)':>27} {'changes':>8} {'re-plan s':>10}",
    ]
    worst = 1.0
    for unit_id in lost:
        begun = time.process_time()
        outcome = replan(assessment, fleet, ReplanRequest(plan, lost=(unit_id,)), travel=travel)
        spent = time.process_time() - begun
        trial = try_replan(plan, outcome, assessment, fleet, travel, weeks=WEEKS, seed=SEED)
        won, whole, there = trial.recovered, trial.everywhere, trial.left_area
        worst = min(worst, won.value)
        between = f"{won.value:.2%} ({won.lower_95:.1%} to {won.upper_95:.1%})"
        lines.append(
            f"{unit_id:8} {whole.undisturbed.value:9.2%} {whole.unmended.value:10.2%} "
            f"{whole.mended.value:8.2%} {whole.from_scratch.value:8.2%}  "
            f"{there.undisturbed.value:9.1%} {there.unmended.value:10.1%} "
            f"{there.mended.value:8.1%} {between:>27} "
            f"{len(outcome.changes):8} {spent:10.1f}"
        )
    lines.append(f"least recovered {worst:.2%} (target at least {TARGET:.0%})")
    return "\n".join(lines)
