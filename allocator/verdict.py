"""The verdict on a plan: simulated weeks of it beside other placements of the same fleet.

Every placement meets the same simulated calls, service times and traffic (common random
numbers), so the difference to the proposed plan is measured call by call and carries a paired
95 % interval. The placements come from :mod:`allocator.simple_placements`; the weeks from
:mod:`allocator.simulation`, which knows nothing of the model behind the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.settings import PlanSettings
from allocator.simple_placements import simple_placements
from allocator.simulated_events import special_days
from allocator.simulation.assumptions import SimulationAssumptions
from allocator.simulation.calls import CallLog
from allocator.simulation.deployment import Deployment, deploy_areas, deploy_plan
from allocator.simulation.intervals import Estimate, share
from allocator.simulation.report import (
    BoroughResponse,
    SimulationReport,
    Weeks,
    document,
    report,
    rounded,
)
from allocator.simulation.week_clock import clock_of_week
from allocator.simulation.weeks import simulate_deployments
from allocator.solver.free_partition import free_partition
from allocator.travel_time import TravelTime, embedded_travel_time
from hotspots.assessment import RiskAssessment

SCHEMA_VERSION = "1"
WEEKS = 400

Finding = Literal["better", "no clear difference", "worse"]
LABELS = {
    "proportional": "Vehicles by demand",
    "nearest_centre": "Nearest centre",
    "greedy": "Greedy, one borough each",
    "previous": "Previous plan's areas",
    "unconstrained": "Without eligibility or workload rules",
}


@dataclass(frozen=True)
class RivalVerdict:
    """Another placement through the same weeks.

    Attributes
    ----------
    name, label
        Key and words.
    share_within
        Share of calls reached within the standard under this placement.
    advantage
        Share of the proposed plan less this one's, with the paired 95 % interval.
    finding
        What the proposed plan is beside this one: ``better`` or ``worse`` when the interval
        lies on one side of 0.
    median_response_s, p90_response_s
        Quantiles of the time from call to first arrival.
    worst_borough
        The borough with the lowest share.
    unpatrolled
        Names of the boroughs that lie in no unit's area.
    """

    name: str
    label: str
    share_within: Estimate
    advantage: Estimate
    finding: Finding
    median_response_s: float | None
    p90_response_s: float | None
    worst_borough: BoroughResponse
    unpatrolled: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What simulated weeks say of a plan.

    Attributes
    ----------
    plan_id, week, assessment_id, weeks, seed
        What was judged, and on what.
    proposed
        The report of the proposed plan; ``None`` when it could not be simulated.
    rivals
        The other placements, in a fixed order.
    floor, below_floor
        The plan's floor on the coverage of a borough where it has one, and the names of the
        boroughs whose simulated share is surely below it (upper end of the interval).
    not_judged
        Why nothing was simulated, else empty.
    """

    plan_id: str
    week: str
    assessment_id: str
    weeks: int
    seed: int
    proposed: SimulationReport | None
    rivals: tuple[RivalVerdict, ...] = ()
    floor: float | None = None
    below_floor: tuple[str, ...] = ()
    not_judged: str = ""


def judge(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet,
    *,
    previous: PatrolPlan | None = None,
    unconstrained: PatrolPlan | None = None,
    travel: TravelTime | None = None,
    settings: PlanSettings | None = None,
    assumptions: SimulationAssumptions | None = None,
    log: CallLog | None = None,
    weeks: int = WEEKS,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> Verdict:
    """Simulate a plan beside proportional, nearest-centre and greedy placements.

    Parameters
    ----------
    plan, assessment, fleet
        The plan, the assessment it was made from, and the fleet it places. Events that the plan
        was made under happen in every placement's weeks.
    previous
        The plan before this one, where there is one. Units and boroughs that are gone drop out.
    unconstrained
        The best plan without the meeting's rules, when it has been solved; otherwise what a
        local search finds.
    travel, settings
        Drive times and the settings of the other placements, as for the plan.
    assumptions, log, weeks, seed
        Of the simulation, as for :func:`allocator.simulation.weeks.simulate_plan`; without
        assumptions, the calls a week and the service time of the fleet where it names them.
    progress
        Told how much is done.

    Raises
    ------
    UnrelatedPlanError, SimulationRefusedError
        Plan, assessment and fleet do not belong together, or weeks or seed are wrong.
    OverloadError
        The calls ask for more than the fleet can give.
    """
    chosen = assumptions or assumptions_of(fleet)
    travel = travel or embedded_travel_time(assessment)
    units = tuple(sorted(fleet.units, key=lambda unit: unit.unit_id))
    proposed = deploy_plan(plan, assessment, units=units, demand_mix=chosen.demand_mix)
    others: dict[str, Deployment] = {}
    simple = simple_placements(assessment, fleet, settings=settings, travel=travel)
    for name, areas in simple.items():
        others[name] = deploy_areas(areas, units, assessment, demand_mix=chosen.demand_mix)
    if previous is not None:
        found = _redeployed(previous, units, assessment, chosen.demand_mix)
        others |= {"previous": found} if found is not None else {}
    free = free_partition(plan, assessment, fleet, travel=travel, settings=settings)
    if unconstrained is not None:
        free = {unit.unit_id: unit.boroughs for unit in unconstrained.units}
    others["unconstrained"] = deploy_areas(free, units, assessment, demand_mix=chosen.demand_mix)
    simulated = simulate_deployments(
        [proposed, *others.values()],
        assessment,
        travel,
        weeks=weeks,
        seed=seed,
        service_standard_s=fleet.service_standard_s,
        turnout_s=fleet.turnout_s,
        assumptions=chosen,
        log=log,
        special=special_days(plan, assessment, chosen.calls_per_week),
        clock=clock_of_week(plan.week),
        progress=progress,
    )
    judged, floor = report(simulated[0]), _floor(plan)
    return replace(
        unjudged(plan, "", weeks=weeks, seed=seed),
        proposed=judged,
        rivals=tuple(
            _rival(name, other, simulated[0], rival)
            for (name, other), rival in zip(others.items(), simulated[1:], strict=True)
        ),
        floor=floor,
        below_floor=_below(judged, floor),
    )


def assumptions_of(fleet: Fleet) -> SimulationAssumptions:
    """Return the default assumptions with the calls and service time the fleet names.

    Raises
    ------
    SimulationRefusedError
        A figure of the fleet is out of bounds.
    """
    usual = SimulationAssumptions()
    calls, service_s = fleet.calls_per_week, fleet.service_time_s
    return replace(
        usual,
        calls_per_week=usual.calls_per_week if calls is None else calls,
        service_time_s=usual.service_time_s if service_s is None else service_s,
    )


def unjudged(plan: PatrolPlan, reason: str, *, weeks: int = WEEKS, seed: int = 0) -> Verdict:
    """Return the verdict on a plan that could not be simulated, with the reason."""
    return Verdict(
        plan.plan_id, plan.week, plan.assessment_id, weeks, seed, None, not_judged=reason
    )


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain JSON types; the same inputs give the same bytes."""
    body: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        **rounded(asdict(replace(verdict, proposed=None))),
    }
    body["proposed"] = document(verdict.proposed) if verdict.proposed else None
    return body


def advantage(proposed: Weeks, rival: Weeks) -> Estimate:
    """Return the difference of the shares within the standard, with its paired interval.

    Parameters
    ----------
    proposed, rival
        Two placements through the same weeks of calls.
    """
    gained = proposed.by_week(proposed.within()) - rival.by_week(rival.within())
    return share(gained, proposed.by_week()) or Estimate(0.0, None, None)


def _redeployed(
    plan: PatrolPlan, units: Sequence[Unit], assessment: RiskAssessment, demand_mix: float
) -> Deployment | None:
    """Return another plan's areas on this assessment, or nothing when none of its units is left."""
    known = {place.borough_code for place in assessment.places}
    present = {unit.unit_id for unit in units}
    areas: Mapping[str, tuple[str, ...]] = {
        one.unit_id: tuple(code for code in (*one.boroughs, *one.support) if code in known)
        for one in plan.units
        if one.unit_id in present
    }
    if not any(areas.values()):
        return None
    return deploy_areas(areas, units, assessment, demand_mix=demand_mix)


def _rival(name: str, deployment: Deployment, proposed: Weeks, rival: Weeks) -> RivalVerdict:
    judged, gain = report(rival), advantage(proposed, rival)
    patrolled = {int(number) for number in rival.ward_borough[deployment.own.any(axis=1)]}
    return RivalVerdict(
        name=name,
        label=LABELS[name],
        share_within=judged.share_within,
        advantage=gain,
        finding=_finding(gain),
        median_response_s=judged.median_response_s.value if judged.median_response_s else None,
        p90_response_s=judged.p90_response_s.value if judged.p90_response_s else None,
        worst_borough=judged.worst_borough,
        unpatrolled=tuple(
            borough for n, borough in enumerate(rival.borough_names) if n not in patrolled
        ),
    )


def _finding(gain: Estimate) -> Finding:
    if gain.lower_95 is not None and gain.lower_95 > 0:
        return "better"
    if gain.upper_95 is not None and gain.upper_95 < 0:
        return "worse"
    return "no clear difference"


def _floor(plan: PatrolPlan) -> float | None:
    floor = plan.settings.get("coverage_floor")
    return float(floor) if isinstance(floor, int | float) and floor > 0 else None


def _below(judged: SimulationReport, floor: float | None) -> tuple[str, ...]:
    if floor is None:
        return ()
    return tuple(
        borough.name
        for borough in judged.boroughs
        if borough.share_within is not None
        and (borough.share_within.upper_95 or borough.share_within.value) < floor
    )
