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
from numpy.typing import NDArray

from allocator.errors import PlanDocumentRefusedError, PlanningRefusedError
from allocator.plan import Fleet, PatrolPlan
from allocator.replan import Replan
from allocator.simulation.assumptions import DAY_S, HOUR_S, SimulationAssumptions
from allocator.simulation.deployment import Deployment, deploy_plan
from allocator.simulation.intervals import Estimate, share
from allocator.simulation.report import Weeks
from allocator.simulation.week_clock import clock_of_week
from allocator.simulation.weeks import simulate_deployments
from allocator.travel_time import TravelTime
from hotspots.assessment import RiskAssessment

TUESDAY_22_H = DAY_S + 22 * HOUR_S


@dataclass(frozen=True)
class Answers:
    """Shares of calls within the standard under the four answers to a loss.

    With every unit; without the lost ones and nothing changed; re-planned; from scratch.
    """

    undisturbed: Estimate
    unmended: Estimate
    mended: Estimate
    from_scratch: Estimate


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
    everywhere, left_area
        Of all calls, and of those in the areas that the lost units patrolled.
    recovered
        ``mended`` over ``from_scratch`` everywhere, with its paired 95 % interval.
    """

    lost: tuple[str, ...]
    after_s: float
    weeks: int
    seed: int
    calls: int
    everywhere: Answers
    left_area: Answers
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
    clock = clock_of_week(current.week)
    if not 0 <= after_s < clock.length_s:
        raise PlanningRefusedError(
            f"the loss is {after_s:g} s after Monday 00:00",
            remedy=f"give 0 to {clock.length_s:g} s",
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
        clock=clock,
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
    trace = runs[0].trace
    counted = trace.time_s >= after_s
    gone = [number for number, unit_id in enumerate(runs[0].unit_ids) if unit_id in lost]
    left = np.isin(trace.ward, np.flatnonzero(runs[0].own[:, gone].sum(axis=1)))
    mended, scratch = (one.by_week(counted & one.within()) for one in runs[2:])
    recovered = share(mended, scratch)
    if recovered is None:
        raise PlanningRefusedError(
            f"of {int(counted.sum())} calls after the loss none was reached in time",
            remedy="simulate more weeks, or a longer standard",
        )
    return ReplanTrial(
        lost=lost,
        after_s=after_s,
        weeks=runs[0].n_weeks,
        seed=runs[0].seed,
        calls=int(np.count_nonzero(counted)),
        everywhere=_answers(runs, counted),
        left_area=_answers(runs, counted & left),
        recovered=recovered,
    )


def _answers(runs: Sequence[Weeks], counted: NDArray[np.bool_]) -> Answers:
    calls = runs[0].by_week(counted)
    shares = [share(one.by_week(counted & one.within()), calls) for one in runs]
    undisturbed, unmended, mended, scratch = shares
    if undisturbed is None or unmended is None or mended is None or scratch is None:
        raise PlanningRefusedError(
            "no call came after the loss, or none in the area that the lost units patrolled",
            remedy="simulate more weeks",
        )
    return Answers(undisturbed, unmended, mended, scratch)
