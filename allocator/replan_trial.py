"""A re-plan tried in simulation: what losing a unit costs, and what mending wins back.

Four placements meet the same calls (common random numbers): the plan with every unit, the plan
with the lost units simply missing, the mended plan, and the best plan from scratch. Only calls
after the loss count. Every placement is simulated from the Monday, so that at the moment of the
loss its units are where that placement has them; a call lasts about an hour, so the first
hours after the loss differ a little from a change-over in full swing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocator.errors import PlanDocumentRefusedError, PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan
from allocator.replan import Replan
from allocator.simulation.assumptions import DAY_S, HOUR_S, WEEK_S, SimulationAssumptions
from allocator.simulation.deployment import Deployment, deploy_plan
from allocator.simulation.intervals import Estimate, share
from allocator.simulation.report import Weeks
from allocator.simulation.weeks import simulate_deployments
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

TUESDAY_22_H = DAY_S + 22 * HOUR_S


@dataclass(frozen=True)
class ReplanTrial:
    """Shares of the calls after the loss that are reached within the standard.

    Attributes
    ----------
    lost
        The units that were lost.
    after_s
        Moment of the loss, seconds after Monday 00:00.
    calls
        Calls counted, over all weeks.
    undisturbed, unmended, mended, from_scratch
        With every unit; without the lost ones and nothing changed; re-planned; best possible.
    recovered
        ``mended`` over ``from_scratch``, with its paired 95 % interval.
    """

    lost: tuple[str, ...]
    after_s: float
    weeks: int
    seed: int
    calls: int
    undisturbed: Estimate
    unmended: Estimate
    mended: Estimate
    from_scratch: Estimate
    recovered: Estimate


def try_replan(
    current: PatrolPlan,
    outcome: Replan,
    assessment: RiskAssessment,
    fleet: Fleet,
    travel: TravelTime,
    *,
    weeks: int,
    seed: int,
    after_s: float = TUESDAY_22_H,
    assumptions: SimulationAssumptions | None = None,
) -> ReplanTrial:
    """Simulate the rest of many weeks in which units were lost.

    Parameters
    ----------
    current, outcome
        The plan in force, and what :func:`allocator.replan.replan` made of it. The lost units
        are those that it no longer places.
    assessment, fleet, travel
        What the plans were made from; the fleet may still hold the lost units.
    weeks, seed, assumptions
        As for :func:`allocator.simulation.weeks.simulate_plan`.
    after_s
        Moment of the loss, seconds after Monday 00:00; Tuesday 22:00 when left out.

    Raises
    ------
    PlanningRefusedError
        The moment is outside the week, or no call came after it.
    PlanDocumentRefusedError
        The mended plans place other units than each other, or lose none.
    SimulationRefusedError
        As for :func:`allocator.simulation.weeks.simulate_plan`.
    """
    if not 0 <= after_s < WEEK_S:
        raise PlanningRefusedError(
            f"the loss is {after_s:g} s after Monday 00:00", remedy=f"give 0 to {WEEK_S:g} s"
        )
    settings = assumptions or SimulationAssumptions()
    mended, from_scratch = outcome.plan, outcome.from_scratch
    lost = _lost(current, mended, from_scratch)
    unmended = replace(
        current, units=tuple(unit for unit in current.units if unit.unit_id not in lost)
    )
    plans = (current, unmended, mended, from_scratch)
    runs = simulate_deployments(
        [_deployed(plan, assessment, fleet, settings) for plan in plans],
        assessment,
        travel,
        weeks=weeks,
        seed=seed,
        service_standard_s=fleet.service_standard_s,
        turnout_s=fleet.turnout_s,
        assumptions=settings,
    )
    return _trial(runs, lost, after_s)


def _lost(current: PatrolPlan, *mended: PatrolPlan) -> tuple[str, ...]:
    before = {unit.unit_id for unit in current.units}
    left = [{unit.unit_id for unit in plan.units} for plan in mended]
    lost = before - left[0]
    if not lost or any(units != before - lost for units in left):
        raise PlanDocumentRefusedError(
            f"plan {current.plan_id} has {len(before)} units; the mended plans have "
            f"{', '.join(str(len(units)) for units in left)}",
            remedy="give both plans of one re-plan in which a unit was lost",
        )
    return tuple(sorted(lost))


def _deployed(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    settings: SimulationAssumptions,
) -> Deployment:
    placed = {unit.unit_id for unit in plan.units}
    units = [unit for unit in fleet.units if unit.unit_id in placed]
    return deploy_plan(plan, assessment, units=units, demand_mix=settings.demand_mix)


def _trial(runs: Sequence[Weeks], lost: tuple[str, ...], after_s: float) -> ReplanTrial:
    counted = runs[0].trace.time_s >= after_s
    calls = runs[0].by_week(counted)
    reached = [one.by_week(counted & one.within()) for one in runs]
    shares = [share(one, calls) for one in reached]
    recovered = share(reached[2], reached[3])
    undisturbed, unmended, mended, scratch = shares
    if not (undisturbed and unmended and mended and scratch and recovered):
        raise PlanningRefusedError(
            f"of {int(calls.sum())} calls after the loss none was reached in time",
            remedy="simulate more weeks, or a longer standard",
        )
    return ReplanTrial(
        lost,
        after_s,
        runs[0].n_weeks,
        runs[0].seed,
        int(np.count_nonzero(counted)),
        undisturbed,
        unmended,
        mended,
        scratch,
        recovered,
    )
