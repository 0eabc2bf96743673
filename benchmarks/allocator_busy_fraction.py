"""Does the busy fraction that a plan assumes matter? Plans that assume several, simulated.

For light and heavy work: the hypercube's mean busy fraction of the default plan, and the share
within the standard of plans made with each assumption, on the same calls.
"""

from __future__ import annotations

import numpy as np

from allocator.queueing.fleet_queue import CallLoad
from allocator.queueing.plan_queue import queue_of_plan
from allocator.settings import PlanSettings
from allocator.simulation.assumptions import DispatchRule, SimulationAssumptions
from allocator.simulation.deployment import deploy_plan
from allocator.simulation.weeks import simulate_deployments
from allocator.travel_time import embedded_travel_time
from allocator.verdict import advantage
from allocator.weekly_plan import plan_week
from api.files.fleet_file import read_fleet
from api.files.sample_data import sample_fleet
from benchmarks.response_times import sample_week

ASSUMED = (0.3, 0.15, 0.5)  # the first is the default, which the others are held to
CALLS = (300.0, 800.0)
RULES: tuple[DispatchRule, ...] = ("closest", "fixed_order")
WEEKS = 400
SEED = 2


def run() -> str:
    """Return a row for every amount of work and dispatch rule."""
    assessment, fleet = sample_week(), read_fleet(sample_fleet())
    travel = embedded_travel_time(assessment)
    plans = {
        busy: plan_week(assessment, fleet, travel=travel, settings=PlanSettings(busy_fraction=busy))
        for busy in ASSUMED
    }
    lines = [
        f"calls a week, rule        busy (hypercube)  plan assumes {ASSUMED[0]}: in standard  "
        + "  ".join(f"{f'assumes {busy}: points (95 %)':>28}" for busy in ASSUMED[1:])
    ]
    for calls in CALLS:
        queue = queue_of_plan(
            plans[ASSUMED[0]], assessment, fleet, load=CallLoad(calls), travel=travel
        )
        mean_busy = float(np.mean([unit.busy_fraction for unit in queue.units]))
        for rule in RULES:
            assumed = SimulationAssumptions(calls_per_week=calls, rule=rule)
            weeks = simulate_deployments(
                [
                    deploy_plan(plan, assessment, units=fleet.units, demand_mix=assumed.demand_mix)
                    for plan in plans.values()
                ],
                assessment,
                travel,
                weeks=WEEKS,
                seed=SEED,
                service_standard_s=fleet.service_standard_s,
                turnout_s=fleet.turnout_s,
                assumptions=assumed,
            )
            gains = [advantage(one, weeks[0]) for one in weeks[1:]]
            lines.append(
                f"{calls:6g}, {rule:16} {mean_busy:17.2f} {weeks[0].within().mean():30.1%}  "
                + "  ".join(
                    f"{100 * one.value:+8.2f} ({100 * (one.lower_95 or 0):+.2f} to "
                    f"{100 * (one.upper_95 or 0):+.2f})".rjust(28)
                    for one in gains
                )
            )
    return "\n".join(lines)
