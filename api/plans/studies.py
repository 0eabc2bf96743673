"""Studies of a plan that change nothing: simulated weeks, other placements, other plans.

Each gives the plain JSON values that the command line writes and the service keeps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from allocator.alternatives import AlternativePlan
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.plan import document as plan_document
from allocator.simulated_events import special_days
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.simulation.calls import CallLog
from allocator.simulation.report import SimulationReport
from allocator.simulation.report import document as report_document
from allocator.simulation.weeks import simulate_plan, standard_of
from allocator.travel_time import TravelTime
from allocator.verdict import Verdict, assumptions_of, judge, verdict_document
from api.working.progress import Progress, silent
from hotspots.assessment import RiskAssessment


@dataclass(frozen=True)
class SimulationRequest:
    """What is asked of simulated weeks.

    Attributes
    ----------
    weeks, seed
        How many, and the seed of all chance.
    assumptions, travel
        What is assumed of calls, service and drive times.
    fleet
        Days on duty and standard; every unit on duty every day when left out.
    log
        Held-out calls to replay instead of drawn ones.
    beside
        True to simulate other placements on the same calls; a plan below makes it so.
    previous, unconstrained
        Plans to stand beside as well.
    """

    weeks: int
    seed: int
    assumptions: SimulationAssumptions
    travel: TravelTime
    fleet: Fleet | None = None
    log: CallLog | None = None
    beside: bool = False
    previous: PatrolPlan | None = None
    unconstrained: PatrolPlan | None = None


def assumptions_from(
    fleet: Fleet | None, given: Mapping[str, float | str | None]
) -> SimulationAssumptions:
    """Return the usual assumptions with the work of a fleet, and given figures before both.

    Parameters
    ----------
    fleet
        Its calls and service time count where it has them.
    given
        Fields of :class:`SimulationAssumptions`; ``None`` leaves the usual value.

    Raises
    ------
    SimulationRefusedError
        A value is out of its bounds.
    """
    usual = assumptions_of(fleet) if fleet else SimulationAssumptions()
    stated = {name: value for name, value in given.items() if value is not None}
    return replace(usual, **stated)  # type: ignore[arg-type]  # the assumptions check every value


def simulated(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    asked: SimulationRequest,
    progress: Progress = silent,
) -> tuple[SimulationReport | Verdict, dict[str, Any]]:
    """Simulate a plan, alone or beside others; return the result and its document.

    Raises
    ------
    SimulationRefusedError
        The weeks or an assumption are out of bounds, or plan and assessment do not fit.
    """
    identity = {
        "plan_id": plan.plan_id,
        "week": plan.week,
        "assessment_id": assessment.assessment_id,
        "classification": assessment.classification,
        "notice": assessment.notice,
    }
    if asked.beside or asked.previous is not None or asked.unconstrained is not None:
        verdict = judge(
            plan,
            assessment,
            asked.fleet or fleet_of(plan),
            previous=asked.previous,
            unconstrained=asked.unconstrained,
            travel=asked.travel,
            assumptions=asked.assumptions,
            log=asked.log,
            weeks=asked.weeks,
            seed=asked.seed,
            progress=progress,
        )
        return verdict, identity | verdict_document(verdict)
    result = simulate_plan(
        plan,
        assessment,
        asked.travel,
        weeks=asked.weeks,
        seed=asked.seed,
        fleet=asked.fleet,
        assumptions=asked.assumptions,
        log=asked.log,
        special=special_days(plan, assessment, asked.assumptions.calls_per_week),
        progress=progress,
    )
    return result, identity | report_document(result)


def fleet_of(plan: PatrolPlan) -> Fleet:
    """Return the fleet a plan places, every unit on duty every day."""
    standard_s, turnout_s = standard_of(plan)
    units = tuple(Unit(unit.unit_id, unit.provenance) for unit in plan.units)
    return Fleet(units, standard_s, turnout_s)


def alternatives_document(
    proposed: PatrolPlan, tolerance: float, found: Sequence[AlternativePlan]
) -> dict[str, Any]:
    """Return plans nearly as good as a proposed one, each whole, as plain JSON values."""
    return {
        "plan_id": proposed.plan_id,
        "objective": proposed.objective,
        "tolerance": tolerance,
        "alternatives": [
            {
                "objective_loss": one.objective_loss,
                "boroughs_moved": one.boroughs_moved,
                "units_changed": one.units_changed,
                "least_distance": one.least_distance,
                "distance_at_most": one.distance_at_most,
                "plan": plan_document(one.plan),
            }
            for one in found
        ],
    }
