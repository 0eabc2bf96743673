"""A plan seen as a queue: how busy its units are, who answers whom, and how soon.

The coverage objective takes units to be busy independently of each other, all with one busy
fraction. Here the hypercube works out the busy fractions that the plan itself causes, and how
often a ward is answered by another area's unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocator import coverage
from allocator.errors import PlanDocumentRefusedError
from allocator.plan import Fleet, PatrolPlan, Unit
from allocator.queueing.fleet_queue import CallLoad, FleetQueue, solve_fleet_queue
from allocator.queueing.system import Floats, Method
from allocator.settings import PlanSettings
from allocator.travel_time import TravelTime, embedded_travel_time
from hotspots.assessment import RiskAssessment

DAYS = 7


@dataclass(frozen=True)
class UnitInQueue:
    """One unit: busy share of its time on duty, and what it is sent to.

    ``call_share`` is its share of all calls, ``outside_share`` the share of its own calls that
    lie outside its area, ``mean_drive_s`` its mean drive to a call, ``service_time_s`` the mean
    time from dispatch until it is free again.
    """

    unit_id: str
    busy_fraction: float
    call_share: float
    outside_share: float
    mean_drive_s: float
    service_time_s: float


@dataclass(frozen=True)
class BoroughInQueue:
    """One borough: mean response, share within the standard, share answered by its own unit."""

    code: str
    name: str
    mean_response_s: float
    within_standard: float
    own_unit_share: float


@dataclass(frozen=True)
class PlanQueue:
    """The steady state of a plan.

    Attributes
    ----------
    plan_id, assessment_id, classification, notice
        What it is of, and the marking of the assessment.
    method, load
        ``exact`` or ``approximation``; the labelled assumptions.
    travel_time_source, travel_time_as_planned
        The drive times, and whether they are those the plan was made with.
    units, boroughs
        In the order of the plan.
    mean_response_s, mean_wait_s
        Mean from call to arrival (wait, turn-out and drive), and its part waiting for a unit.
    within_standard
        Share of calls answered at once and reached within the standard.
    interarea_share
        Share of calls answered by a unit whose area does not hold the ward.
    probability_all_busy
        Share of time that no unit is free.
    """

    plan_id: str
    assessment_id: str
    classification: str
    notice: str
    method: Method
    load: CallLoad
    travel_time_source: str
    travel_time_as_planned: bool
    units: tuple[UnitInQueue, ...]
    boroughs: tuple[BoroughInQueue, ...]
    mean_response_s: float
    mean_wait_s: float
    within_standard: float
    interarea_share: float
    probability_all_busy: float


@dataclass(frozen=True)
class _Ground:
    """Drive times; mean drives, chances in time and own wards, (n_units, n_wards) each."""

    travel: TravelTime
    drive_s: Floats
    chance: Floats
    own: NDArray[np.bool_]


def queue_of_plan(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    fleet: Fleet | None = None,
    *,
    load: CallLoad | None = None,
    travel: TravelTime | None = None,
    exact: bool = True,
) -> PlanQueue:
    """Work out the hypercube queue of a plan.

    Parameters
    ----------
    plan, assessment
        The plan, made from the assessment. Its settings give the standard, the turn-out, the
        patrol mix and the noise of drives.
    fleet
        Gives the days on duty; every day when left out.
    load
        Calls a week and service time; the defaults of :class:`CallLoad` when left out.
    travel
        Drive times; the embedded ones when left out.
    exact
        False: Larson's approximation.

    Raises
    ------
    PlanDocumentRefusedError
        The plan was made from another assessment or for another fleet, names wards that the
        assessment does not have, or lacks a setting.
    OverloadRefusedError
        The units cannot complete the calls.
    """
    load = load or CallLoad()
    travel = travel or embedded_travel_time(assessment)
    _check_related(plan, assessment, fleet)
    patrol, own = patrol_shares(plan, assessment)
    demand = coverage.demand_shares(assessment)
    standard = Fleet(
        (), int(_setting(plan, "service_standard_s")), int(_setting(plan, "turnout_s"))
    )
    chance = coverage.reach_probability(
        travel,
        coverage.drive_limit_s(standard),
        PlanSettings(
            travel_noise=_setting(plan, "travel_noise"),
            negligible_reach=_setting(plan, "negligible_reach"),
        ),
    )
    drive_s = patrol @ travel.seconds
    queue = solve_fleet_queue(
        drive_s, demand, duty_of(plan, fleet), load, turnout_s=standard.turnout_s, exact=exact
    )
    ground = _Ground(travel, drive_s, patrol @ chance, own)
    return _account(plan, assessment, load, queue, ground)


def patrol_shares(plan: PatrolPlan, assessment: RiskAssessment) -> tuple[Floats, NDArray[np.bool_]]:
    """Where each unit of a plan spends its patrol, and which wards are its own.

    Returns
    -------
    tuple of ndarray
        float (n_units, n_wards), rows sum to 1, boroughs it supports included; bool
        (n_units, n_wards), the wards of its primary area. Units in the order of the plan.
    """
    demand = coverage.demand_shares(assessment)
    area_km2 = np.array([place.area_km2 for place in assessment.places])
    weight = coverage.patrol_weights(demand, area_km2, _setting(plan, "demand_mix"))
    codes = np.array([place.code for place in assessment.places])
    boroughs = np.array([place.borough_code for place in assessment.places])
    own = np.array([np.isin(codes, unit.wards) for unit in plan.units])
    ground = own | np.array([np.isin(boroughs, unit.support) for unit in plan.units])
    time = np.where(ground, weight, 0.0)
    time = np.where(time.sum(axis=1, keepdims=True) > 0, time, ground * area_km2)
    return time / time.sum(axis=1, keepdims=True), own


def duty_of(plan: PatrolPlan, fleet: Fleet | None) -> NDArray[np.bool_]:
    """Days on duty of the units of a plan, bool (n_units, 7); every day without a fleet."""
    if fleet is None:
        return np.ones((len(plan.units), DAYS), dtype=np.bool_)
    days = {unit.unit_id: unit.on_duty for unit in fleet.units}
    return np.array([[day in days[unit.unit_id] for day in range(DAYS)] for unit in plan.units])


def _account(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    load: CallLoad,
    queue: FleetQueue,
    ground: _Ground,
) -> PlanQueue:
    answered = queue.at_once + queue.waited
    turnout_s = _setting(plan, "turnout_s")
    calls = answered.sum(axis=0)
    response_s = (
        queue.mean_wait_s + turnout_s + _mean((answered * ground.drive_s).sum(axis=0), calls)
    )
    return PlanQueue(
        plan_id=plan.plan_id,
        assessment_id=plan.assessment_id,
        classification=assessment.classification,
        notice=assessment.notice,
        method=queue.method,
        load=load,
        travel_time_source=ground.travel.source,
        travel_time_as_planned=plan.settings.get("travel_time_sha256") == ground.travel.sha256,
        units=_units(plan, queue, answered, ground),
        boroughs=_boroughs(plan, assessment, queue, response_s, ground),
        mean_response_s=float(_mean(calls @ response_s, calls.sum())),
        mean_wait_s=queue.mean_wait_s,
        within_standard=float(_mean((queue.at_once * ground.chance).sum(), calls.sum())),
        interarea_share=float(_mean((answered * ~ground.own).sum(), calls.sum())),
        probability_all_busy=queue.probability_all_busy,
    )


def _units(
    plan: PatrolPlan,
    queue: FleetQueue,
    answered: Floats,
    ground: _Ground,
) -> tuple[UnitInQueue, ...]:
    sent = answered.sum(axis=1)
    outside = _mean((answered * ~ground.own).sum(axis=1), sent)
    mean_drive_s = _mean((answered * ground.drive_s).sum(axis=1), sent)
    return tuple(
        UnitInQueue(
            unit.unit_id,
            float(queue.busy_fraction[n]),
            float(sent[n]),
            float(outside[n]),
            float(mean_drive_s[n]),
            float(queue.service_time_s[n]),
        )
        for n, unit in enumerate(plan.units)
    )


def _boroughs(
    plan: PatrolPlan,
    assessment: RiskAssessment,
    queue: FleetQueue,
    response_s: Floats,
    ground: _Ground,
) -> tuple[BoroughInQueue, ...]:
    borough_of_ward = np.array([place.borough_code for place in assessment.places])
    answered = queue.at_once + queue.waited
    calls = answered.sum(axis=0)
    rows = []
    for borough in plan.boroughs:
        inside = borough_of_ward == borough.code
        total = calls[inside].sum()
        rows.append(
            BoroughInQueue(
                borough.code,
                borough.name,
                float(_mean(calls[inside] @ response_s[inside], total)),
                float(_mean((queue.at_once * ground.chance)[:, inside].sum(), total)),
                float(_mean((answered * ground.own)[:, inside].sum(), total)),
            )
        )
    return tuple(rows)


def _mean(total: Floats | float, count: Floats | float) -> Floats:
    """Return total / count, 0 where nothing is counted."""
    count = np.asarray(count, dtype=np.float64)
    out: Floats = np.divide(total, count, out=np.zeros_like(count), where=count > 0)
    return out


def _check_related(plan: PatrolPlan, assessment: RiskAssessment, fleet: Fleet | None) -> None:
    if plan.assessment_id != assessment.assessment_id:
        raise PlanDocumentRefusedError(
            f"plan {plan.plan_id} was made from assessment {plan.assessment_id}, not from "
            f"{assessment.assessment_id}",
            remedy="give the folder of the assessment the plan was made from",
        )
    known = {place.code for place in assessment.places}
    for unit in plan.units:
        strange = sorted(set(unit.wards) - known)
        if strange or not unit.wards:
            raise PlanDocumentRefusedError(
                f"unit {unit.unit_id} patrols {strange[0] if strange else 'no ward'}, which the "
                "assessment does not score",
                remedy="give the folder of the assessment the plan was made from",
            )
    if fleet is not None:
        _check_same_units(plan, fleet.units)


def _check_same_units(plan: PatrolPlan, units: Sequence[Unit]) -> None:
    odd = {unit.unit_id for unit in units} ^ {unit.unit_id for unit in plan.units}
    if odd:
        raise PlanDocumentRefusedError(
            f"plan {plan.plan_id} and the fleet do not have the same units "
            f"({', '.join(sorted(odd))})",
            remedy="give the fleet file the plan was made with",
        )


def _setting(plan: PatrolPlan, name: str) -> float:
    value = plan.settings.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PlanDocumentRefusedError(
            f"setting {name} of plan {plan.plan_id} is {value!r}, not a number",
            remedy="make the plan again with `arv allocate`",
        )
    return float(value)
